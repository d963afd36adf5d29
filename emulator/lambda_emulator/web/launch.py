"""The command and environment variables of a revision. Pure, except that it looks for programs.

https://docs.aws.amazon.com/lambda/latest/dg/web-functions-revisions-env-vars.html
"""

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from lambda_emulator import limits
from lambda_emulator.credentials import credential_variables
from lambda_emulator.function.launch import Launch, LaunchError, Surroundings
from lambda_emulator.web.config import RevisionConfig

__all__ = ["check_environment", "prepare"]

_PYTHON_SERVER: Final = Path(__file__).with_name("runtime_dir") / "python_server.py"
_ENTRY_POINTS: Final = ("AWS_LAMBDA_PYTHON_ENTRYPOINT", "AWS_LAMBDA_NODEJS_ENTRYPOINT")
_PASSED_ON: Final = (
    # Variables that Lambda sets too, here with values of this machine, and variables that let an
    # app find this machine's packages.
    "PATH",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "NODE_PATH",
    "SSL_CERT_FILE",
)


def prepare(revision: RevisionConfig, command: Sequence[str], around: Surroundings) -> Launch:
    """Return how to start a revision.

    The variables that differ between environments are missing: where to listen, and the metadata
    endpoint.

    Args:
        revision: The revision.
        command: Replaces the revision's runtime, unless it is empty.
        around: What the app gets from this machine.

    Raises:
        LaunchError: The revision cannot be started.
    """
    if problem := check_environment(revision.environment):
        raise LaunchError(f"{revision.name}: {problem}")
    return Launch(command or _command(revision), revision.code, _variables(revision, around))


def check_environment(variables: Mapping[str, str]) -> str | None:
    """Return what Lambda would refuse about a revision's variables, as a sentence, or None."""
    for name, value in variables.items():
        if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", name):
            return (
                f"the environment variable {name!r} must be letters, digits and _, "
                "and begin with a letter"
            )
        if name.startswith("AWS_LAMBDA_") and name not in _ENTRY_POINTS:
            return f"the environment variable {name} is Lambda's own; no revision can set it"
        if not 1 <= len(value) <= limits.WEB_VARIABLE:
            return (
                f"the environment variable {name} has {len(value)} characters; "
                f"it may have 1 to {limits.WEB_VARIABLE}"
            )
    size = sum(len(name) + len(value) for name, value in variables.items())
    if size > limits.WEB_VARIABLES:
        return (
            f"the environment variables have {size} characters together; "
            f"they may have {limits.WEB_VARIABLES}"
        )
    return None


def _command(revision: RevisionConfig) -> list[str]:
    if revision.runtime.startswith("python"):
        return [sys.executable, str(_PYTHON_SERVER)]
    if revision.runtime.startswith("nodejs"):
        node = shutil.which("node")
        if node is None:
            raise LaunchError(
                f"{revision.name}: there is no node on PATH to run {revision.runtime}"
            )
        entry = revision.environment.get("AWS_LAMBDA_NODEJS_ENTRYPOINT", "index.js")
        if not (revision.code / entry).is_file():
            raise LaunchError(f"{revision.name}: its entry point {entry} is not in {revision.code}")
        return [node, entry]
    raise LaunchError(
        f"{revision.name}: the emulator starts python and nodejs runtimes, not "
        f"{revision.runtime!r}; give the command "
        "of an HTTP server that listens on AWS_LAMBDA_HTTP_ENDPOINT: lambda-emulator -- COMMAND"
    )


def _variables(revision: RevisionConfig, around: Surroundings) -> dict[str, str]:
    shell = around.shell
    passed_on = {name: shell[name] for name in _PASSED_ON if name in shell}
    passed_on |= {
        name: value for name, value in shell.items() if name.startswith("AWS_ENDPOINT_URL")
    }
    return {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_REGION": revision.region,
        "AWS_DEFAULT_REGION": revision.region,
        **passed_on,
        **credential_variables(around.credentials),
        **revision.environment,
        **around.variables.get("Parameters", {}),
        **around.variables.get(revision.name, {}),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "native-http",
        "LAMBDA_TASK_ROOT": str(revision.code),
        "LAMBDA_RUNTIME_DIR": str(_PYTHON_SERVER.parent),
    }
