"""The command, folder and environment variables of a function. Pure, except that it looks at files.

Source of the variables: AWS, "Defined runtime environment variables".
"""

import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from lambda_emulator.credentials import Credentials, credential_variables
from lambda_emulator.function.runtimes import BOOTSTRAP, LaunchError, runtime_command
from lambda_emulator.template.code import overlay
from lambda_emulator.template.config import FunctionConfig

__all__ = ["Launch", "LaunchError", "Surroundings", "prepare"]

_TASK_ROOT: Final = "/var/task"
_OPT: Final = "/opt"
_PYTHON: Final = re.compile(r"python[\d.]*")
_PASSED_ON: Final = ("PATH", "PYTHONPATH", "NODE_PATH", "SSL_CERT_FILE")
"""Variables of the shell that let a function find this machine's programs, packages and
certificates."""


@dataclass(frozen=True, slots=True)
class Launch:
    command: Sequence[str]
    folder: Path
    variables: Mapping[str, str]
    extensions: Sequence[Path] = ()
    """The programs of external extensions."""

    def why_not(self, failure: OSError) -> str:
        """Return why the command could not be run, and what to change."""
        program = Path(self.command[0])
        if failure.filename is not None and not self.folder.is_dir():
            return f"{self.folder}: no such folder"
        if isinstance(failure, FileNotFoundError) and not program.is_file():
            return f"{self.command[0]}: no such command"
        if isinstance(failure, PermissionError):
            return f"{program} is not executable; try: chmod +x {program}"
        if not program.is_file():
            return f"{self.command[0]}: {failure.strerror or failure}"
        first = program.read_bytes()[:200].partition(b"\n")[0]
        interpreter = (
            first.removeprefix(b"#!").strip().partition(b" ")[0].decode("utf-8", "replace")
        )
        if not first.startswith(b"#!"):
            return (
                f"{program} is neither a program for this machine nor a script that begins with #!"
            )
        if first.endswith(b"\r"):
            return (
                f"{program} has Windows line ends (CRLF), which hide its interpreter; try: "
                f"dos2unix {program}"
            )
        return f"{program}: its interpreter {interpreter} does not exist"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What functions get from this machine. `caller` is the folder in which the emulator was
    started.
    """

    shell: Mapping[str, str]
    credentials: Credentials | None = None
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Given on the command line: by logical id; those under "Parameters" are for all."""
    opt: Path | None = None
    """A folder that stands for /opt, with the layers that are not in the template."""
    scratch: Path = Path("/tmp")
    """Where inline code is written to."""
    caller: Path = Path()


def prepare(function: FunctionConfig, command: Sequence[str], around: Surroundings) -> Launch:
    """Return how to start a function. `command` replaces the template's runtime.

    AWS_LAMBDA_RUNTIME_API and the name of the log stream are missing: each environment has its own.

    Raises:
        LaunchError: The function cannot be started.
    """
    if function.problem and not command:
        raise LaunchError(function.problem)
    function = _with_layer_module(function, around.scratch)
    code = _unpacked(function, around.scratch)
    opt = _opt(function, around)
    wrapper = None if command else function.environment.get("AWS_LAMBDA_EXEC_WRAPPER")
    if command:
        words = [_from_caller(word, around.caller) for word in command]
    elif function.image_command:
        words = _image_command(function.image_command)
    elif wrapper:
        words = [str(_wrapper(wrapper, code, opt)), *_wrapped_command(function, code, opt)]
    else:
        words = runtime_command(function, code, opt)
    programs = sorted((opt / "extensions").glob("*")) if opt is not None else []
    extensions = [path for path in programs if os.access(path, os.X_OK) and path.is_file()]
    return Launch(words, code, _variables(function, code, opt, around), extensions)


def _opt(function: FunctionConfig, around: Surroundings) -> Path | None:
    """What stands for /opt: a later layer lies over an earlier one, and --opt over all."""
    parts = [*function.layers, *([around.opt] if around.opt is not None else [])]
    if len(parts) < 2:
        return parts[0] if parts else None
    merged = Path(tempfile.mkdtemp(prefix="opt-", dir=around.scratch))
    for part in parts:
        overlay(part, merged)
    return merged


def _image_command(words: Sequence[str]) -> list[str]:
    """The program of an image, with this machine's Python in place of the image's."""
    program, *arguments = words
    is_python = _PYTHON.fullmatch(Path(program).name) and not Path(program).is_file()
    return [sys.executable if is_python else program, *arguments]


def _with_layer_module(function: FunctionConfig, scratch: Path) -> FunctionConfig:
    if not function.layer_module:
        return function
    layer = scratch / f"{function.logical_id}-layer"
    (layer / "python").mkdir(parents=True, exist_ok=True)
    path = layer / "python" / "lambda_emulator_handler.py"
    path.write_text(function.layer_module, encoding="utf-8")
    return replace(function, layers=(layer, *function.layers))


def _unpacked(function: FunctionConfig, scratch: Path) -> Path:
    """The folder of its code."""
    if function.inline_code is not None:
        folder = scratch / function.logical_id
        folder.mkdir(parents=True, exist_ok=True)
        suffix = {"nodejs": ".js"}.get(function.runtime.rstrip("0123456789.x"), ".py")
        (folder / f"index{suffix}").write_text(function.inline_code, encoding="utf-8")
        return folder
    return function.code


def _from_caller(word: str, caller: Path) -> str:
    """Resolve a relative path in the command from the caller's folder, not the function's."""
    path = caller / word
    return str(path) if "/" in word and not word.startswith(("-", "/")) and path.exists() else word


def _wrapper(value: str, code: Path, opt: Path | None) -> Path:
    """Return the program of AWS_LAMBDA_EXEC_WRAPPER."""
    candidates = [Path(value)]
    if value.startswith(f"{_TASK_ROOT}/"):
        candidates = [code / value.removeprefix(f"{_TASK_ROOT}/")]
    elif value.startswith(f"{_OPT}/") and opt is not None:
        candidates = [opt / value.removeprefix(f"{_OPT}/")]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        advice = (
            "; it comes with a layer: give a folder in the place of /opt with --opt"
            if value.startswith(_OPT)
            else ""
        )
        raise LaunchError(f"AWS_LAMBDA_EXEC_WRAPPER {value} is not there ({candidates[0]}){advice}")
    if not os.access(path, os.X_OK):
        raise LaunchError(
            f"AWS_LAMBDA_EXEC_WRAPPER {value} is not executable: on Lambda, the start fails with "
            "exit status 126 "
            f"(Runtime.ExitError). Set the bit after the build (chmod +x {path}), or remove the "
            "variable if the "
            "function runs without a wrapper"
        )
    return path


def _wrapped_command(function: FunctionConfig, code: Path, opt: Path | None) -> list[str]:
    """Return the command that a wrapper gets. A wrapper that starts its own program ignores it."""
    try:
        return runtime_command(function, code, opt)
    except LaunchError:
        return [sys.executable, str(BOOTSTRAP)] if function.runtime.startswith("python") else []


def _variables(
    function: FunctionConfig, code: Path, opt: Path | None, around: Surroundings
) -> dict[str, str]:
    shell = around.shell
    passed_on = {name: shell[name] for name in _PASSED_ON if name in shell}
    passed_on |= {
        name: value for name, value in shell.items() if name.startswith("AWS_ENDPOINT_URL")
    }
    variables = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime or 'provided'}",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        **passed_on,
        **_search_paths(function.runtime, shell, code, opt),
        **credential_variables(around.credentials),
        **function.environment,
        **around.variables.get("Parameters", {}),
        **_own_variables(function, around),
        # Reserved variables: a template cannot set them.
        "_HANDLER": function.handler,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type(function),
        "AWS_LAMBDA_LOG_FORMAT": function.log_format,
        "LAMBDA_TASK_ROOT": str(code),
        "LAMBDA_RUNTIME_DIR": str(BOOTSTRAP.parent),
    }
    if function.log_level is not None:
        variables["AWS_LAMBDA_LOG_LEVEL"] = function.log_level
    if not function.snap_start:
        variables["AWS_LAMBDA_LOG_GROUP_NAME"] = f"/aws/lambda/{function.name}"
    if function.managed_concurrency is not None:
        variables["AWS_LAMBDA_MAX_CONCURRENCY"] = str(function.managed_concurrency)
    return variables


def _own_variables(function: FunctionConfig, around: Surroundings) -> Mapping[str, str]:
    """By its logical id, or else by its name, as sam looks."""
    given = around.variables
    return given.get(function.logical_id) or given.get(function.name) or {}


def _search_paths(
    runtime: str, shell: Mapping[str, str], code: Path, opt: Path | None
) -> dict[str, str]:
    """Return the search paths of programs, libraries and packages: AWS's own, and the shell's."""
    own = BOOTSTRAP.parent
    libraries = ["/lib64", "/usr/lib64", own, own / "lib", code, code / "lib"]
    layers = _layer_paths(runtime, opt) if opt is not None else {}
    found = {name: list(map(str, paths)) for name, paths in layers.items()}
    found["LD_LIBRARY_PATH"] = [*map(str, libraries), *found.get("LD_LIBRARY_PATH", [])]
    for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "NODE_PATH"):
        given = [shell[name]] if shell.get(name) else []
        mine = found.get(name, [])
        found[name] = [*given, *mine] if name == "PATH" else [*mine, *given]
    return {name: ":".join(parts) for name, parts in found.items() if parts}


def _layer_paths(runtime: str, opt: Path) -> dict[str, list[Path]]:
    """Where each runtime looks in /opt: AWS, "Layer paths for each Lambda runtime"."""
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = runtime if runtime.startswith("python3") else here
    node = runtime.removesuffix(".x").replace("nodejs", "node")
    return {
        "PATH": [opt / "bin"],
        "LD_LIBRARY_PATH": [opt / "lib"],
        "PYTHONPATH": [opt / "python", opt / "python" / "lib" / python / "site-packages"],
        "NODE_PATH": [opt / "nodejs" / "node_modules", opt / "nodejs" / node / "node_modules"],
        "GEM_PATH": [opt / "ruby" / "gems" / f"{runtime.removeprefix('ruby')}.0"],
        "RUBYLIB": [opt / "ruby" / "lib"],
    }


def initialization_type(function: FunctionConfig) -> str:
    if function.managed_concurrency is not None:
        return "lambda-managed-instances"
    return "snap-start" if function.snap_start else "on-demand"
