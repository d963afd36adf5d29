"""Describe functions as the Lambda API does, with the members of botocore's service model.

Pure, except that it looks at the files of the code.
"""

import base64
import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from lambda_emulator.cors import Cors
from lambda_emulator.template.cloudformation import ACCOUNT
from lambda_emulator.template.config import FunctionConfig
from lambda_emulator.template.event_invoke import EventInvoke

__all__ = [
    "Described",
    "account",
    "aliases",
    "concurrency",
    "configuration",
    "event_invoke",
    "event_invokes",
    "function",
    "url",
    "urls",
    "versions",
]

Members = dict[str, Any]
_CONCURRENCY: Final = 1000
"""Of an account, where nobody asked for more. Documented: Lambda quotas."""


@dataclass(frozen=True, slots=True)
class Described:
    """A function of the template. `address` is its URL's. `problem` says why it is not served."""

    config: FunctionConfig
    address: str = ""
    problem: str = ""


def configuration(one: Described) -> Members:
    """Return the FunctionConfiguration."""
    config = one.config
    size, digest, modified = _code(config.code)
    members: Members = {
        "FunctionName": config.name,
        "FunctionArn": config.qualified_arn("$LATEST"),
        "Role": f"arn:aws:iam::{ACCOUNT}:role/{config.name}",
        "CodeSize": size,
        "CodeSha256": digest,
        "Timeout": config.timeout,
        "MemorySize": config.memory,
        "LastModified": f"{modified:%Y-%m-%dT%H:%M:%S}.000+0000",
        "Version": "$LATEST",
        "Environment": {"Variables": dict(config.environment)},
        "TracingConfig": {"Mode": "Active" if config.traced else "PassThrough"},
        "RevisionId": str(uuid5(NAMESPACE_URL, f"{config.name} {digest}")),
        "Layers": [{"Arn": arn} for arn in config.remote_layers],
        "State": "Failed" if one.problem else "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip" if config.runtime else "Image",
        "Architectures": [config.architecture],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {
            "ApplyOn": "PublishedVersions" if config.snap_start else "None",
            "OptimizationStatus": "Off",
        },
        "LoggingConfig": {"LogFormat": config.log_format, "LogGroup": f"/aws/lambda/{config.name}"},
    }
    if config.runtime:
        members |= {"Runtime": config.runtime, "Handler": config.handler}
    if config.log_level is not None:
        members["LoggingConfig"]["ApplicationLogLevel"] = config.log_level
    if config.event_invoke.dead_letters:
        members["DeadLetterConfig"] = {"TargetArn": config.event_invoke.dead_letters}
    if one.problem:
        members |= {"StateReason": one.problem, "StateReasonCode": "FunctionError"}
    return members


def function(one: Described) -> Members:
    """Return GetFunction's response. The code's location is a file: URL."""
    code = {"RepositoryType": "file", "Location": one.config.code.as_uri()}
    found: Members = {"Configuration": configuration(one), "Code": code, "Tags": {}}
    if limit := concurrency(one):
        found["Concurrency"] = limit
    return found


def versions(one: Described) -> Members:
    return {"Versions": [configuration(one)]}


def aliases(one: Described) -> Members:
    return {"Aliases": []}


def concurrency(one: Described) -> Members:
    """Return GetFunctionConcurrency's response. It is empty without reserved concurrency."""
    reserved = one.config.reserved_concurrency
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


def url(one: Described) -> Members | None:
    """Return the FunctionUrlConfig, with this machine's address."""
    if one.config.url is None or not one.address:
        return None
    moment = f"{_code(one.config.code)[2]:%Y-%m-%dT%H:%M:%S}.000000Z"
    members: Members = {
        "FunctionUrl": f"{one.address}/",
        "FunctionArn": one.config.qualified_arn("$LATEST"),
        "AuthType": one.config.url.auth_type,
        "InvokeMode": one.config.url.invoke_mode,
        "CreationTime": moment,
        "LastModifiedTime": moment,
    }
    if one.config.url.cors:
        members["Cors"] = _cors(one.config.url.cors)
    return members


def urls(one: Described) -> Members:
    found = url(one)
    return {"FunctionUrlConfigs": [found] if found is not None else []}


def event_invoke(one: Described) -> Members | None:
    """Return the FunctionEventInvokeConfig, or None if the template has none."""
    config = one.config.event_invoke
    if config == EventInvoke(dead_letters=config.dead_letters):
        return None
    ends = (config.on_success, config.on_failure)
    return {
        "LastModified": _code(one.config.code)[2].timestamp(),
        "FunctionArn": f"{one.config.qualified_arn('$LATEST')}:$LATEST",
        "MaximumRetryAttempts": config.maximum_retries,
        "MaximumEventAgeInSeconds": config.maximum_age,
        "DestinationConfig": {end.event: {"Destination": end.arn} for end in ends if end},
    }


def event_invokes(one: Described) -> Members:
    found = event_invoke(one)
    return {"FunctionEventInvokeConfigs": [found] if found is not None else []}


def account(functions: Iterable[Described]) -> Members:
    """Return GetAccountSettings' response."""
    configs = [one.config for one in functions]
    reserved = sum(config.reserved_concurrency or 0 for config in configs)
    return {
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": _CONCURRENCY,
            "UnreservedConcurrentExecutions": _CONCURRENCY - reserved,
        },
        "AccountUsage": {
            "TotalCodeSize": sum(_code(config.code)[0] for config in configs),
            "FunctionCount": len(configs),
        },
    }


def _cors(cors: Cors) -> Members:
    members: Mapping[str, Any] = {
        "AllowCredentials": cors.allow_credentials,
        "AllowHeaders": list(cors.allow_headers),
        "AllowMethods": list(cors.allow_methods),
        "AllowOrigins": list(cors.allow_origins),
        "ExposeHeaders": list(cors.expose_headers),
        "MaxAge": cors.max_age,
    }
    return {name: value for name, value in members.items() if value}


def _code(folder: Path) -> tuple[int, str, datetime]:
    """Return the size of the code in bytes, a digest, and the last change.

    The digest is of names, sizes and times: reading all files would take too long.
    """
    digest, size, newest = hashlib.sha256(), 0, 0.0
    for path, status_size, changed in _files(folder):
        digest.update(f"{path}\0{status_size}\0{changed}\n".encode(errors="surrogateescape"))
        size += status_size
        newest = max(newest, changed)
    sha = base64.b64encode(digest.digest()).decode()
    return size, sha, datetime.fromtimestamp(newest, UTC)


def _files(folder: Path) -> Iterator[tuple[str, int, float]]:
    """Yield the files of the code, without folders such as .venv and .git, which are never
    deployed.
    """
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(parent, name)
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                status = os.lstat(path)
                yield os.path.relpath(path, folder), status.st_size, status.st_mtime
