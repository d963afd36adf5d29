"""What AWS would do otherwise than this machine, seen before the first request. Looks at files, starts nothing."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lambda_emulator.template.config import FunctionConfig, FunctionURL

__all__ = ["cautions"]

_NATIVE: Final = re.compile(r"\.(?:cpython-(?P<version>\d+)-(?P<cpu>[a-z0-9_]+)-linux-\w+|abi3)\.so$")
_NO_PERMISSION: Final = (
    "its AWS::Lambda::Url has AuthType NONE, and no AWS::Lambda::Permission allows lambda:InvokeFunctionUrl, so that "
    'each request is 403 on AWS; add one with Principal "*" and FunctionUrlAuthType NONE'
)
_CPUS: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
_MACHINES: Final = {0x3E: "x86_64", 0xB7: "aarch64"}
"""e_machine of an ELF file (System V ABI)."""


def cautions(function: FunctionConfig, *, has_command: bool, has_opt: bool) -> Iterator[tuple[str, str]]:
    """(property, message) of each. `has_command`: the command line replaces the template's runtime."""
    if function.problem and not has_command:
        yield "", function.problem
    if not has_command:
        yield from _interpreter(function)
        if not function.problem:
            yield from _native_modules(function)
    if function.remote_layers and not has_opt:
        names = ", ".join(function.remote_layers)
        yield "Layers", f"these layers are not here: {names}; give a folder in the place of /opt with --opt"
    if function.url is not None:
        yield from _url(function, function.url)


def _url(function: FunctionConfig, url: FunctionURL) -> Iterator[tuple[str, str]]:
    if url.invoke_mode == "RESPONSE_STREAM" and function.in_vpc:
        yield "VpcConfig", "a function in a VPC does not stream through its URL on AWS; use InvokeWithResponseStream"
    if url.auth_type == "NONE" and not function.has_permission:
        yield "", _NO_PERMISSION


def _interpreter(function: FunctionConfig) -> Iterator[tuple[str, str]]:
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if function.runtime.startswith("python") and function.runtime != here:
        advice = f"install the emulator into a {function.runtime} environment to see what AWS does"
        yield "Runtime", f"Runtime is {function.runtime}, and it runs under this {here}; {advice}"


def _native_modules(function: FunctionConfig) -> Iterator[tuple[str, str]]:
    """The first module that the template's Python or CPU cannot load. A built zip has them beside the code."""
    wanted_cpu = _CPUS.get(function.architecture, function.architecture)
    wanted_version = function.runtime.removeprefix("python").replace(".", "")
    for path in _files(function.code) if function.code.is_dir() else ():
        match = _NATIVE.search(path.name)
        cpu = _cpu(path) if match or path.name == "bootstrap" else None
        if cpu is not None and cpu != wanted_cpu:
            yield "Architectures", f"{path} is built for {cpu}, and Architectures says {function.architecture}"
            return
        if match and match["version"] and function.runtime.startswith("python") and match["version"] != wanted_version:
            yield "Runtime", f"{path} is built for Python {match['version']}, and Runtime says {function.runtime}"
            return


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("node_modules", ".git", ".venv", "venv", ".aws-sam")]
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
