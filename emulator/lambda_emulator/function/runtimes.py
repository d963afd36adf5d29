"""The command that starts each language's runtime on this machine. Pure, except that it looks at
files.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from lambda_emulator.template.config import FunctionConfig

__all__ = ["BOOTSTRAP", "LaunchError", "runtime_command"]

BOOTSTRAP: Final = Path(__file__).with_name("runtime_dir") / "bootstrap.py"
_NODE_CLIENT: Final = Path("node_modules") / "aws-lambda-ric"
_JAVA_CLIENT: Final = "aws-lambda-java-runtime-interface-client"
_JAVA_PACKAGE: Final = "com/amazonaws/services/lambda/runtime/api/client"
_JAVA_MAIN: Final = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"


class LaunchError(Exception):
    """The function cannot be started. The message says what to change."""


def runtime_command(function: FunctionConfig, code: Path, opt: Path | None = None) -> list[str]:
    """Return the command that starts a function's runtime.

    Args:
        function: The function.
        code: The folder of its code.
        opt: The folder that stands for /opt, if any.

    Raises:
        LaunchError: The runtime is unknown, or not installed on this machine.
    """
    if not function.runtime:
        raise LaunchError("it has no Runtime; give its command: lambda-emulator -- COMMAND")
    for family, command in _COMMANDS.items():
        if function.runtime.startswith(family):
            return command(function, code, opt)
    raise LaunchError(
        f"the runtime {function.runtime} is not known; give its command: lambda-emulator -- COMMAND"
    )


def _python(function: FunctionConfig, code: Path, opt: Path | None) -> list[str]:
    _check_python_handler(function, code, opt)
    return [sys.executable, str(BOOTSTRAP)]


def _check_python_handler(function: FunctionConfig, code: Path, opt: Path | None) -> None:
    """Check that the handler's module exists.

    The mistake is common, so it is reported before the first start.
    """
    module, _, name = function.handler.replace(":", ".").rpartition(".")
    if not module or not name:
        raise LaunchError(f"Handler {function.handler!r} is not of the form module.function")
    parts = module.replace("/", ".").split(".")
    folders = [code]
    if opt is not None:
        folders += [opt / "python", opt / f"python/lib/{function.runtime}/site-packages"]
    for folder in folders:
        path = folder.joinpath(*parts)
        extensions = path.parent.glob(f"{path.name}.*.so")
        if path.with_suffix(".py").is_file() or path.is_dir() or any(extensions):
            return
    if not _is_installed(parts[0]):
        expected = code.joinpath(*parts).with_suffix(".py")
        raise LaunchError(f"Handler {function.handler!r}: no {expected}")


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _node(function: FunctionConfig, code: Path, opt: Path | None) -> list[str]:
    clients = [folder / _NODE_CLIENT for folder in _upwards(code)]
    client = next((path for path in clients if path.is_dir()), None)
    if client is None:
        raise LaunchError(
            f"{function.runtime} needs AWS's runtime client in the project: "
            f"npm install aws-lambda-ric (in {code}), "
            f"or give a command: lambda-emulator -- npx aws-lambda-ric {function.handler}"
        )
    scripts = (client / "bin/index.mjs", client / "bin/index.js")
    script = next(path for path in scripts if path.is_file())
    return ["node", str(script), function.handler]


def _java(function: FunctionConfig, code: Path, opt: Path | None) -> list[str]:
    names = (".", "lib", "target", "target/lib", "target/dependency")
    folders = [code / name for name in names]
    if opt is not None:
        folders.append(opt / "java/lib")
    jars: list[Path] = []
    for folder in folders:
        jars += sorted(folder.glob("*.jar"))
    is_in_jars = any(jar.name.startswith(_JAVA_CLIENT) for jar in jars)
    package = code / _JAVA_PACKAGE
    if not is_in_jars and not package.is_dir():
        raise LaunchError(
            f"{function.runtime} needs AWS's runtime client beside the code: the Maven artifact "
            f"com.amazonaws:{_JAVA_CLIENT} "
            "(sam build and mvn dependency:copy-dependencies put it into lib/ or "
            "target/dependency); then, if it is not found: "
            f"lambda-emulator -- java -cp CLASSPATH {_JAVA_MAIN} {function.handler}"
        )
    classes = [folder for folder in (code, code / "target/classes") if folder.is_dir()]
    class_path = ":".join(map(str, [*classes, *jars]))
    return ["java", "-cp", class_path, _JAVA_MAIN, function.handler]


def _ruby(function: FunctionConfig, code: Path, opt: Path | None) -> list[str]:
    if shutil.which("aws_lambda_ric") is None:
        raise LaunchError(
            f"{function.runtime} needs AWS's runtime client: gem install aws_lambda_ric"
        )
    return ["aws_lambda_ric", function.handler]


def _dotnet(function: FunctionConfig, code: Path, opt: Path | None) -> list[str]:
    raise LaunchError(
        f"{function.runtime}: start a project with Amazon.Lambda.RuntimeSupport itself: "
        "lambda-emulator --function "
        f"{function.logical_id} -- dotnet run --project {code}"
    )


def _provided(function: FunctionConfig, code: Path, opt: Path | None) -> list[str]:
    bootstrap = code / "bootstrap"
    if not bootstrap.is_file():
        raise LaunchError(
            f"{function.runtime} runs the program `bootstrap` in its code, and there is none in "
            f"{code}: build it (sam "
            "build, then --template .aws-sam/build/template.yaml), or give a command: "
            "lambda-emulator -- COMMAND"
        )
    return [str(bootstrap)]


def _upwards(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.parents


_COMMANDS: Final[Mapping[str, Callable[[FunctionConfig, Path, Path | None], list[str]]]] = {
    "python": _python,
    "nodejs": _node,
    "java": _java,
    "ruby": _ruby,
    "dotnet": _dotnet,
    "provided": _provided,
    "go1.x": _provided,
}
