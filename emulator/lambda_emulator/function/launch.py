"""The command, folder and environment variables of a function. Pure, except that it looks at files.

Source of the variables: AWS, "Defined runtime environment variables".
"""

import os
import re
import sys
import tempfile
from collections import defaultdict
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
        first, _, _ = program.read_bytes()[:200].partition(b"\n")
        if not first.startswith(b"#!"):
            problem = "is neither a program for this machine nor a script that begins with #!"
            return f"{program} {problem}"
        if first.endswith(b"\r"):
            problem = "has Windows line ends (CRLF), which hide its interpreter"
            return f"{program} {problem}; try: dos2unix {program}"
        words = first.removeprefix(b"#!").split()
        interpreter = words[0].decode("utf-8", "replace") if words else ""
        return f"{program}: its interpreter {interpreter} does not exist"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What functions get from this machine."""

    shell: Mapping[str, str]
    credentials: Credentials | None = None
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Given on the command line: by logical id; those under "Parameters" are for all."""
    opt: Path | None = None
    """A folder that stands for /opt, with the layers that are not in the template."""
    scratch: Path = Path("/tmp")
    """Where inline code is written to."""
    caller: Path = Path()
    """The folder in which the emulator was started."""


def prepare(function: FunctionConfig, command: Sequence[str], around: Surroundings) -> Launch:
    """Return how to start a function.

    AWS_LAMBDA_RUNTIME_API and the name of the log stream are missing: each environment has its own.

    Args:
        function: The function.
        command: Replaces the template's runtime, unless it is empty.
        around: What the function gets from this machine.

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
        program = _wrapper(wrapper, code, opt)
        words = [str(program), *_wrapped_command(function, code, opt)]
    else:
        words = runtime_command(function, code, opt)
    variables = _variables(function, code, opt, around)
    return Launch(words, code, variables, _extensions(opt))


def _extensions(opt: Path | None) -> list[Path]:
    """Return the programs of external extensions, in the order in which they start."""
    if opt is None:
        return []
    folder = opt / "extensions"
    programs = [path for path in folder.glob("*") if path.is_file()]
    return sorted(path for path in programs if os.access(path, os.X_OK))


def _opt(function: FunctionConfig, around: Surroundings) -> Path | None:
    """Return the folder for /opt: a later layer lies over an earlier one, and --opt over all."""
    parts = list(function.layers)
    if around.opt is not None:
        parts.append(around.opt)
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    merged = Path(tempfile.mkdtemp(prefix="opt-", dir=around.scratch))
    for part in parts:
        overlay(part, merged)
    return merged


def _image_command(words: Sequence[str]) -> list[str]:
    """Return an image's program, with this machine's Python in place of the image's."""
    program, *arguments = words
    path = Path(program)
    if _PYTHON.fullmatch(path.name) and not path.is_file():
        program = sys.executable
    return [program, *arguments]


def _with_layer_module(function: FunctionConfig, scratch: Path) -> FunctionConfig:
    if not function.layer_module:
        return function
    layer = scratch / f"{function.logical_id}-layer"
    (layer / "python").mkdir(parents=True, exist_ok=True)
    path = layer / "python" / "lambda_emulator_handler.py"
    path.write_text(function.layer_module, encoding="utf-8")
    return replace(function, layers=(layer, *function.layers))


def _unpacked(function: FunctionConfig, scratch: Path) -> Path:
    """Return the folder of a function's code, after writing inline code to a file."""
    if function.inline_code is None:
        return function.code
    folder = scratch / function.logical_id
    folder.mkdir(parents=True, exist_ok=True)
    name = "index.js" if function.runtime.startswith("nodejs") else "index.py"
    file = folder / name
    file.write_text(function.inline_code, encoding="utf-8")
    return folder


def _from_caller(word: str, caller: Path) -> str:
    """Resolve a relative path in the command from the caller's folder, not the function's."""
    if "/" not in word or word.startswith(("-", "/")):
        return word
    path = caller / word
    return str(path) if path.exists() else word


def _wrapper(value: str, code: Path, opt: Path | None) -> Path:
    """Return the program of AWS_LAMBDA_EXEC_WRAPPER."""
    path = Path(value)
    if value.startswith(f"{_TASK_ROOT}/"):
        path = code / value.removeprefix(f"{_TASK_ROOT}/")
    elif value.startswith(f"{_OPT}/") and opt is not None:
        path = opt / value.removeprefix(f"{_OPT}/")
    subject = f"AWS_LAMBDA_EXEC_WRAPPER {value}"
    if not path.is_file():
        advice = ""
        if value.startswith(_OPT):
            advice = "; it comes with a layer: give a folder in the place of /opt with --opt"
        raise LaunchError(f"{subject} is not there ({path}){advice}")
    if not os.access(path, os.X_OK):
        raise LaunchError(
            f"{subject} is not executable: on Lambda, the start fails with "
            "exit status 126 (Runtime.ExitError). "
            f"Set the bit after the build (chmod +x {path}), or remove the variable if "
            "the function runs without a wrapper"
        )
    return path


def _wrapped_command(function: FunctionConfig, code: Path, opt: Path | None) -> list[str]:
    """Return the command that a wrapper gets. A wrapper that starts its own program ignores it."""
    try:
        return runtime_command(function, code, opt)
    except LaunchError:
        if function.runtime.startswith("python"):
            return [sys.executable, str(BOOTSTRAP)]
        return []


def _variables(
    function: FunctionConfig, code: Path, opt: Path | None, around: Surroundings
) -> dict[str, str]:
    shell = around.shell
    passed_on = {
        name: value
        for name, value in shell.items()
        if name in _PASSED_ON or name.startswith("AWS_ENDPOINT_URL")
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
    """Return the variables given for a function by its logical id or else its name, like SAM."""
    given = around.variables
    return given.get(function.logical_id) or given.get(function.name) or {}


def _search_paths(
    runtime: str, shell: Mapping[str, str], code: Path, opt: Path | None
) -> dict[str, str]:
    """Return the search paths of programs, libraries and packages: AWS's own, and the shell's."""
    own = BOOTSTRAP.parent
    libraries = ["/lib64", "/usr/lib64", own, own / "lib", code, code / "lib"]
    found: defaultdict[str, list[str]] = defaultdict(list)
    found["LD_LIBRARY_PATH"] += map(str, libraries)
    if opt is not None:
        for name, paths in _layer_paths(runtime, opt).items():
            found[name] += map(str, paths)
    for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "NODE_PATH"):
        given = shell.get(name)
        if not given:
            continue
        if name == "PATH":
            found[name].insert(0, given)
        else:
            found[name].append(given)
    return {name: ":".join(parts) for name, parts in found.items()}


def _layer_paths(runtime: str, opt: Path) -> dict[str, list[Path]]:
    """Return where each runtime looks in /opt: AWS, "Layer paths for each Lambda runtime"."""
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if runtime.startswith("python3"):
        python = runtime
    node = runtime.removesuffix(".x").replace("nodejs", "node")
    ruby = runtime.removeprefix("ruby")
    return {
        "PATH": [opt / "bin"],
        "LD_LIBRARY_PATH": [opt / "lib"],
        "PYTHONPATH": [opt / "python", opt / f"python/lib/{python}/site-packages"],
        "NODE_PATH": [opt / "nodejs/node_modules", opt / f"nodejs/{node}/node_modules"],
        "GEM_PATH": [opt / f"ruby/gems/{ruby}.0"],
        "RUBYLIB": [opt / "ruby/lib"],
    }


def initialization_type(function: FunctionConfig) -> str:
    if function.managed_concurrency is not None:
        return "lambda-managed-instances"
    return "snap-start" if function.snap_start else "on-demand"
