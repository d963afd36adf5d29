"""What is started for a function: its command, folder and environment variables. Pure, but for looking at files.

Source of the variables: AWS, "Defined runtime environment variables".
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lambda_emulator.template.cloudformation import REGION
from lambda_emulator.template.reader import FunctionConfig

__all__ = ["Launch", "LaunchError", "prepare"]

_BOOTSTRAP: Final = Path(__file__).with_name("runtime_dir") / "bootstrap.py"
_TASK_ROOT: Final = "/var/task"
_PASSED_ON: Final = (
    # What Lambda sets too, but with the values of this machine ...
    "PATH", "LD_LIBRARY_PATH",
    # ... and what lets the function find this machine's packages, credentials and AWS stand-ins.
    "PYTHONPATH", "NODE_PATH", "SSL_CERT_FILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
)  # fmt: skip


class LaunchError(Exception):
    """The function cannot be started; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Launch:
    command: Sequence[str]
    folder: Path
    variables: Mapping[str, str]
    extensions: Sequence[Path] = ()
    """The programs of external extensions."""

    def why_not(self, failure: OSError) -> str:
        """Why the command could not be run."""
        return f"{self.command[0]}: {failure.strerror or failure}"


def prepare(function: FunctionConfig, command: Sequence[str], shell: Mapping[str, str]) -> Launch:
    """`command` replaces the template's runtime where it is given; `shell` is the emulator's own environment.

    The variables lack AWS_LAMBDA_RUNTIME_API and the log stream's name, which each environment has its own of.
    """
    return Launch(command or _runtime_command(function), function.code, _variables(function, shell))


def _runtime_command(function: FunctionConfig) -> list[str]:
    if not function.runtime.startswith("python"):
        raise LaunchError(
            f"{function.logical_id}: runtime {function.runtime or 'unknown'!r} is not started by the emulator itself; "
            "give its command, e.g. lambda-emulator -- node node_modules/aws-lambda-ric/bin/index.mjs index.handler"
        )
    _check_handler(function)
    interpreter = [sys.executable, str(_BOOTSTRAP)]
    wrapper = function.environment.get("AWS_LAMBDA_EXEC_WRAPPER")
    if not wrapper:
        return interpreter
    path = (
        function.code / wrapper.removeprefix(_TASK_ROOT).lstrip("/")
        if wrapper.startswith(_TASK_ROOT)
        else Path(wrapper)
    )
    if not path.is_file():
        raise LaunchError(f"{function.logical_id}: AWS_LAMBDA_EXEC_WRAPPER {wrapper} is not there ({path})")
    if not os.access(path, os.X_OK):
        raise LaunchError(f"{function.logical_id}: AWS_LAMBDA_EXEC_WRAPPER is not executable; try: chmod +x {path}")
    return [str(path), *interpreter]


def _check_handler(function: FunctionConfig) -> None:
    """The module's file must be there: seen before the first start, because the mistake is common."""
    module, _, name = function.handler.replace(":", ".").rpartition(".")
    if not module or not name:
        raise LaunchError(f"{function.logical_id}: Handler {function.handler!r} is not of the form module.function")
    path = function.code.joinpath(*module.replace("/", ".").split("."))
    if not (path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()):
        raise LaunchError(f"{function.logical_id}: Handler {function.handler!r}: no {path.with_suffix('.py')}")


def _variables(function: FunctionConfig, shell: Mapping[str, str]) -> dict[str, str]:
    passed_on = {name: shell[name] for name in _PASSED_ON if name in shell}
    passed_on |= {name: value for name, value in shell.items() if name.startswith("AWS_ENDPOINT_URL")}
    runtime = function.runtime or "provided"
    variables = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        **passed_on,
        **function.environment,
        # Reserved: no template can set these.
        "_HANDLER": function.handler,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type(function),
        "AWS_LAMBDA_LOG_FORMAT": function.log_format,
        "LAMBDA_TASK_ROOT": str(function.code),
        "LAMBDA_RUNTIME_DIR": str(_BOOTSTRAP.parent),
    }
    if function.log_level is not None:
        variables["AWS_LAMBDA_LOG_LEVEL"] = function.log_level
    if not function.snap_start:
        variables["AWS_LAMBDA_LOG_GROUP_NAME"] = f"/aws/lambda/{function.name}"
    if function.managed_concurrency is not None:
        variables["AWS_LAMBDA_MAX_CONCURRENCY"] = str(function.managed_concurrency)
    return variables


def initialization_type(function: FunctionConfig) -> str:
    if function.managed_concurrency is not None:
        return "lambda-managed-instances"
    return "snap-start" if function.snap_start else "on-demand"
