"""What AWS would do otherwise than this machine, seen before the first request.

Looks at files, starts nothing.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lambda_emulator.template.config import FunctionConfig, FunctionURL
from lambda_emulator.web.config import RevisionConfig

__all__ = ["cautions", "revision_cautions"]

_NATIVE: Final = re.compile(
    r"\.(?:cpython-(?P<version>\d+)-(?P<cpu>[a-z0-9_]+)-linux-\w+|abi3)\.so$"
)
_NO_PERMISSION: Final = (
    "its AWS::Lambda::Url has AuthType NONE, and no AWS::Lambda::Permission allows "
    "lambda:InvokeFunctionUrl, so that "
    'each request is 403 on AWS; add one with Principal "*" and FunctionUrlAuthType NONE'
)
_CPUS: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
_MACHINES: Final = {0x3E: "x86_64", 0xB7: "aarch64"}
"""e_machine of an ELF file (System V ABI)."""


def cautions(
    function: FunctionConfig, *, has_command: bool, has_opt: bool
) -> Iterator[tuple[str, str]]:
    """Yield what AWS would do differently for a function.

    Args:
        function: The function.
        has_command: The command line replaces the template's runtime.
        has_opt: The command line names a folder for /opt.

    Yields:
        The property, and a message with the fix.
    """
    if function.problem and not has_command:
        yield "", function.problem
    if not has_command:
        yield from _interpreter(function.runtime)
        if not function.problem:
            reason = ("Architectures", f"Architectures says {function.architecture}")
            yield from _native_modules(
                function.code, function.runtime, function.architecture, reason
            )
    if function.remote_layers and not has_opt:
        names = ", ".join(function.remote_layers)
        yield (
            "Layers",
            f"these layers are not here: {names}; give a folder in the place of /opt with --opt",
        )
    if function.url is not None:
        yield from _url(function, function.url)


def revision_cautions(revision: RevisionConfig) -> Iterator[tuple[str, str]]:
    """(property, message) of each, for a Web Function whose runtime no command replaces."""
    yield from _interpreter(revision.runtime)
    reason = ("CodeUri", "Web Functions run on arm64 only")
    yield from _native_modules(revision.code, revision.runtime, "arm64", reason)


def _url(function: FunctionConfig, url: FunctionURL) -> Iterator[tuple[str, str]]:
    if url.invoke_mode == "RESPONSE_STREAM" and function.in_vpc:
        yield (
            "VpcConfig",
            "a function in a VPC does not stream through its URL on AWS; use "
            "InvokeWithResponseStream",
        )
    if url.auth_type == "NONE" and not function.has_permission:
        yield "", _NO_PERMISSION


def _interpreter(runtime: str) -> Iterator[tuple[str, str]]:
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if runtime.startswith("python") and runtime != here:
        advice = f"install the emulator into a {runtime} environment to see what AWS does"
        yield "Runtime", f"Runtime is {runtime}, and it runs under this {here}; {advice}"


def _native_modules(
    code: Path, runtime: str, architecture: str, reason: tuple[str, str]
) -> Iterator[tuple[str, str]]:
    """The first module that the template's Python or CPU cannot load.

    A built zip has them beside the code.

    `reason` has the property that decides on the CPU, and what to say of it.
    """
    wanted_cpu = _CPUS.get(architecture, architecture)
    wanted_version = runtime.removeprefix("python").replace(".", "")
    for path in _files(code) if code.is_dir() else ():
        match = _NATIVE.search(path.name)
        cpu = _cpu(path) if match or path.name == "bootstrap" else None
        if cpu is not None and cpu != wanted_cpu:
            yield reason[0], f"{path} is built for {cpu}, and {reason[1]}"
            return
        if (
            match
            and match["version"]
            and runtime.startswith("python")
            and match["version"] != wanted_version
        ):
            yield (
                "Runtime",
                f"{path} is built for Python {match['version']}, and Runtime says {runtime}",
            )
            return


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name not in ("node_modules", ".git", ".venv", "venv", ".aws-sam")
        ]
        yield from (Path(parent, name) for name in names)


def _cpu(path: Path) -> str | None:
    """Of an ELF file."""
    try:
        with open(path, "rb") as file:
            head = file.read(20)
    except OSError:
        return None
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return None
    number = int.from_bytes(head[18:20], "little")
    return _MACHINES.get(number, f"machine {number:#x}")
