"""Time from process start to the first `next`, then the first invocation, and the memory after it.

Of the file service as it is built, beside its peers;
and of the small apps that the other works measure.
"""

import json
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import s3
from benchmarks.content import SMALL, small_object
from benchmarks.goals import START_OF_ZIP
from benchmarks.measure import MICRO, Figures
from benchmarks.peer import Command, Peer, Running
from benchmarks.peers import (
    ADAPTER,
    GO_URL,
    HONO,
    MANGUM,
    NODE,
    OURS,
    OURS_FASTAPI,
    OURS_IN_LOOP,
    PEERS,
    RUST_AXUM,
    adapter,
    adapter_missing,
)
from benchmarks.places import BUILT, LIBRARIES, PLAIN, ROOT, RUNTIME_CLIENT, UVICORN
from benchmarks.runs import Plan, Results, present, turns
from benchmarks.runtime_api import PeerFailed
from benchmarks.work import S3_CLIENTS

NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}  # Lambda cannot write any into /var/task


def ours(folder: Path) -> Peer:
    """Through the wrapper script, as Lambda starts it."""

    def commands(api: str) -> Sequence[Command]:
        argv = ("sh", str(folder / "lambda_asgi" / "bootstrap"), sys._base_executable)  # type: ignore[attr-defined]  # undocumented
        handler = {"_HANDLER": "file_service.main.handler", "LAMBDA_TASK_ROOT": str(folder)}
        return [Command(argv, {"AWS_LAMBDA_RUNTIME_API": api, **handler, **NO_BYTECODE}, folder)]

    return Peer("", commands)


def in_loop(folder: Path, handler: str) -> Peer:
    """Under Lambda's own loop."""

    def commands(api: str) -> Sequence[Command]:
        argv = (sys._base_executable, "-m", "awslambdaric", handler)  # type: ignore[attr-defined]  # undocumented
        path = {"PYTHONPATH": f"{folder}:{RUNTIME_CLIENT}", "LAMBDA_TASK_ROOT": str(folder)}
        mode = {"LAMBDA_ASGI_RESPONSE_MODE": "streaming"}
        return [
            Command(argv, {"AWS_LAMBDA_RUNTIME_API": api, **mode, **path, **NO_BYTECODE}, folder)
        ]

    return Peer("", commands)


def adapted(folder: Path) -> Peer:
    """Under uvicorn behind Lambda Web Adapter."""

    def server(address: str) -> Sequence[Command]:
        host, _, port = address.rpartition(":")
        app = ("file_service.main:service", "--host", host, "--port", port)
        argv = (sys._base_executable, "-m", "uvicorn", *app, "--no-access-log")  # type: ignore[attr-defined]  # undocumented
        path = {"PYTHONPATH": f"{folder}:{UVICORN}", "LAMBDA_TASK_ROOT": str(folder)}
        return [Command(argv, {**path, **NO_BYTECODE}, folder)]

    return Peer("", adapter(server, "/healthz"), adapter_missing)


VARIANTS = {
    START_OF_ZIP: ours(BUILT),
    "the built zip without bytecode": ours(PLAIN),
    "the built zip, handler mode": in_loop(BUILT, "file_service.main.handler"),
    "sam build, awslambdaric + Mangum": in_loop(PLAIN, "mangum_service.handler"),
    "the same with bytecode": in_loop(BUILT, "mangum_service.handler"),
    "Lambda Web Adapter + uvicorn, with bytecode": adapted(BUILT),
}

SMALL_APPS = (
    OURS_FASTAPI,
    OURS_IN_LOOP,
    MANGUM,
    ADAPTER,
    HONO,
    OURS,
    RUST_AXUM,
    GO_URL,
    NODE,
)


def run(plan: Plan) -> Results:
    """Nothing where there is no build. Raises PeerFailed."""
    if not BUILT.exists():
        plan.say("  skipped: there is no build. To have it: `python -m benchmarks prepare`")
        return {}
    hello = (ROOT / "src" / "samples" / "hello.txt").read_bytes()
    names = [name for name, variant in VARIANTS.items() if not variant.missing()]
    results: dict[str, list[Figures]] = {name: [] for name in names}
    for name in turns(names, plan.pairs + 1):
        with Running(VARIANTS[name]) as running:
            results[name].append(begun(running, "/files/hello.txt", hello))
    return {
        name: rounds[1:] for name, rounds in results.items()
    }  # the first time, files come from the disk


def run_small(plan: Plan) -> Results:
    """The same of the small apps. Raises PeerFailed."""
    names = present(SMALL_APPS, plan.say)
    results: dict[str, list[Figures]] = {name: [] for name in names}
    for name in turns(names, plan.pairs + 1):
        with Running(PEERS[name]) as running:
            results[name].append(begun(running, "/small", None))
    return {name: rounds[1:] for name, rounds in results.items()}


def run_s3(plan: Plan) -> Results:
    """The same of each S3 client. `zip_mib`: what the client, with all it needs, adds to a zip.

    Nothing where no peer is here. Raises PeerFailed.
    """
    names = present(list(S3_CLIENTS), plan.say)
    if not names:
        return {}
    results: dict[str, list[Figures]] = {name: [] for name in names}
    sizes = {name: zipped(LIBRARIES / S3_CLIENTS[name]) for name in names}
    with s3.server() as environment:
        for name in turns(names, plan.pairs + 1):
            with Running(PEERS[name], environment) as running:
                figures = begun(running, "/files/small/0.bin", small_object())
                results[name].append({**figures, "zip_mib": sizes[name]})
    return {name: rounds[1:] for name, rounds in results.items()}


def begun(running: Running, path: str, content: bytes | None) -> Figures:
    """From the start of the process to the end of its first invocation. Raises PeerFailed.

    `content` is what has to come; without, it is the small JSON. `mib`: of all processes.
    """
    to_next = running.ready()
    cpu = running.cpu()
    [answer] = running.run(path)
    found = answer.content()
    if found != content if content is not None else json.loads(found) != SMALL:
        raise PeerFailed(f"{path} gave {found[:200]!r}")
    return {
        "next_us": to_next * MICRO,
        "cpu_us": cpu * MICRO,
        "first_us": (answer.ended - answer.sent) * MICRO,
        "mib": running.memory(),
    }


def zipped(folder: Path) -> float:
    """MiB of a zip of `folder`. NaN where there is none."""
    if not folder.exists():
        return float("nan")
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in folder.rglob("*"):
                if (
                    path.suffix != ".pyc"
                ):  # none comes with any of them; ours may have been made since
                    archive.write(path, path.relative_to(folder))
        return file.tell() / 2**20
