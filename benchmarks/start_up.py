"""From the start of the process to its first `next`, and the first invocation after it: the build beside its peers."""

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import MICRO, Figures
from benchmarks.peers import Command, Peer, Running
from benchmarks.prepare import BUILT, PLAIN, RUNTIME_CLIENT
from benchmarks.runs import Plan, Results
from benchmarks.runtime_api import PeerFailed

NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}  # Lambda cannot write any into /var/task


def ours(folder: Path) -> Peer:
    """Through the wrapper script, as Lambda starts it."""

    def commands(api: str) -> Sequence[Command]:
        argv = ("sh", str(folder / "bootstrap"), sys._base_executable)  # type: ignore[attr-defined]  # undocumented
        handler = {"_HANDLER": "file_service.main.handler", "LAMBDA_TASK_ROOT": str(folder)}
        return [Command(argv, {"AWS_LAMBDA_RUNTIME_API": api, **handler, **NO_BYTECODE}, folder)]

    return Peer("", commands)


def mangum(folder: Path) -> Peer:
    def commands(api: str) -> Sequence[Command]:
        argv = (sys._base_executable, "-m", "awslambdaric", "mangum_service.handler")  # type: ignore[attr-defined]
        path = {"PYTHONPATH": f"{folder}:{RUNTIME_CLIENT}", "LAMBDA_TASK_ROOT": str(folder)}
        return [Command(argv, {"AWS_LAMBDA_RUNTIME_API": api, **path, **NO_BYTECODE}, folder)]

    return Peer("", commands)


VARIANTS = {
    "the built zip": ours(BUILT),
    "the built zip without bytecode": ours(PLAIN),
    "sam build, awslambdaric + Mangum": mangum(PLAIN),
    "the same with bytecode": mangum(BUILT),
}


def run(plan: Plan) -> Results:
    """Raises PeerFailed."""
    if not BUILT.exists():
        raise PeerFailed("no build: `python -m benchmarks prepare`")
    results: dict[str, list[Figures]] = {name: [] for name in VARIANTS}
    for number in range(plan.pairs + 1):
        for name, peer in VARIANTS.items():
            with Running(peer) as running:
                to_next = running.ready()
                cpu = running.cpu()
                [answer] = running.run("/files/hello.txt")
                figures = {
                    "next_us": to_next * MICRO,
                    "cpu_us": cpu * MICRO,
                    "first_us": (answer.ended - answer.sent) * MICRO,
                }
            if number:  # the first time, files come from the disk
                results[name].append(figures)
    return results
