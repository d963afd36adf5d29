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
    site_packages = f"python/lib/{function.runtime}/site-packages"
    for folder in (code, *((opt / "python", opt / site_packages) if opt is not None else ())):
        path = folder.joinpath(*parts)
        if (
            path.with_suffix(".py").is_file()
            or path.is_dir()
            or next(path.parent.glob(f"{path.name}.*.so"), None)
        ):
            return
    if not _is_installed(parts[0]):
        raise LaunchError(
            f"Handler {function.handler!r}: no {code.joinpath(*parts).with_suffix('.py')}"
        )


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _node(function: FunctionConfig, code: Path, opt: Path | None) -> list[str]:
    client = next(
        (found for folder in _upwards(code) if (found := folder / _NODE_CLIENT).is_dir()), None
    )
    if client is None:
        raise LaunchError(
            f"{function.runtime} needs AWS's runtime client in the project: npm install "
            "aws-lambda-ric "
            f"(in {code}), or give a command: lambda-emulator -- npx aws-lambda-ric "
            f"{function.handler}"
        )
    script = next(
        path
        for path in (client / "bin" / "index.mjs", client / "bin" / "index.js")
        if path.is_file()
    )
    return ["node", str(script), function.handler]


def _java(function: FunctionConfig, code: Path, opt: Path | None) -> list[str]:
    folders = (
        code,
        code / "lib",
        code / "target",
        code / "target" / "lib",
        code / "target" / "dependency",
        *([] if opt is None else [opt / "java" / "lib"]),
    )
    jars = [jar for folder in folders for jar in sorted(folder.glob("*.jar"))]
    if (
        not any(jar.name.startswith(_JAVA_CLIENT) for jar in jars)
        and not (code / _JAVA_PACKAGE).is_dir()
    ):
        raise LaunchError(
            f"{function.runtime} needs AWS's runtime client beside the code: the Maven artifact "
            f"com.amazonaws:{_JAVA_CLIENT} (sam build and mvn dependency:copy-dependencies put it "
            "into lib/ or "
            "target/dependency); then, if it is not found: lambda-emulator -- java -cp CLASSPATH "
            f"{_JAVA_MAIN} "
            f"{function.handler}"
        )
    classes = [folder for folder in (code, code / "target" / "classes") if folder.is_dir()]
    return ["java", "-cp", ":".join(map(str, [*classes, *jars])), _JAVA_MAIN, function.handler]


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
