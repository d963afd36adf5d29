"""`python -m benchmarks`: lambda_asgi beside its peers, in one run.

python -m benchmarks prepare           # once: packages, and builds of the function and the peers
python -m benchmarks                   # everything: 9 minutes
python -m benchmarks --quick           # 3 minutes, the same table from fewer samples
python -m benchmarks --only json chunks
python -m benchmarks record FILE...    # the parts of one run, from benchmarks/results into docs/
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import (
    at_once,
    instructions,
    memory,
    pages,
    processors,
    recorded,
    report,
    rie,
    runs,
    scale,
    start_up,
)
from benchmarks.goals import GOALS
from benchmarks.measure import Figures, known
from benchmarks.peers import PEERS
from benchmarks.places import HERE, ROOT
from benchmarks.prepare import prepare
from benchmarks.runs import Plan, Results
from benchmarks.runtime_api import PeerFailed
from benchmarks.work import WORKS

ALL: dict[str, tuple[str, Callable[[Plan], Results]]] = {
    **{work.name: (work.title, partial(runs.run, work)) for work in WORKS},
    "rie": ("The same under AWS's Runtime Interface Emulator, whole invocation", rie.run),
    "instructions": ("Instructions in user space, thousands", instructions.run),
    "pages": ("20,000 entries of a folder, in pages of 1000", scale.run_pages),
    "archive": ("A zip of 1000 objects from S3, each request 25 ms late", scale.run_archive),
    "memory": ("Memory above what it was before, while 210 MB are streamed", memory.run),
    "start": ("From the start of the process: the file service", start_up.run),
    "start-peers": ("From the start of the process: small apps", start_up.run_small),
    "start-s3": ("From the start of the process, with an S3 client", start_up.run_s3),
    "at-once": ("Many at once in one process", at_once.run),
}


def main() -> int:
    arguments = parsed()
    console = report.console()
    if arguments.command == "prepare":
        return prepare(arguments.python, console.print)
    if arguments.command == "record":
        return record(arguments.files, console.print)
    return measure(arguments, console)


def parsed() -> argparse.Namespace:
    """The command line. Exits where its usage is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("run", "prepare", "record"),
        default="run",
        help=argparse.SUPPRESS,
    )
    parser.add_argument("files", nargs="*", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="3 pairs of a quarter of the work")
    parser.add_argument("--pairs", type=int, help="rounds of each peer (7; with --quick 3)")
    parser.add_argument(
        "--only", nargs="+", metavar="WORK", choices=list(ALL), help="some of the works"
    )
    parser.add_argument("--record", action="store_true", help="put the results into docs/")
    parser.add_argument("--python", help="for prepare: the function's Python, if it is not on PATH")
    arguments = parser.parse_args()
    if arguments.record and arguments.only:
        parser.error("--record takes a whole run; `record FILE...` takes the pieces of one")
    return arguments


def measure(arguments: argparse.Namespace, console: Console) -> int:
    """Run the chosen works, and say, keep and record what they gave. The exit code."""
    plan = Plan(
        pairs=arguments.pairs or (3 if arguments.quick else 7),
        divisor=4 if arguments.quick else 1,
        say=console.print,
    )
    about = about_this_run(plan)
    console.print(*(f"{name}: {value}" for name, value in about["machine"].items()), sep="\n")
    console.print(*dict.fromkeys(about["versions"].values()), sep="; ")
    begun = time.perf_counter()
    chosen = {name: ALL[name] for name in arguments.only or ALL}
    works, failed = run(chosen, plan, console.print)
    console.print()
    measured = [goal for goal in GOALS if goal.work in works]
    console.print(report.goals_table(measured, works, recorded.optimised(about)))
    console.print(f"\n{plan.pairs} pairs, {time.perf_counter() - begun:.0f} s.")
    titled = {name: {"title": ALL[name][0], "peers": peers} for name, peers in works.items()}
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{datetime.now():%Y-%m-%dT%H-%M-%S}.json"
    path.write_text(json.dumps({**about, "works": titled}, indent=1))
    console.print(f"Every sample: {path.relative_to(HERE.parent)}")
    if failed:
        console.print(f"Failed: {', '.join(failed)}." + " Nothing was recorded." * arguments.record)
        return 1
    return record([path], console.print) if arguments.record else 0


def about_this_run(plan: Plan) -> dict[str, Any]:
    versions = {
        name: peer.version()
        for name, peer in PEERS.items()
        if not peer.missing() and peer.version()
    }
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "pairs": plan.pairs,
        "load": round(os.getloadavg()[0], 1),
        "machine": report.machine(),
        "versions": versions,
    }


def run(
    chosen: Mapping[str, tuple[str, Callable[[Plan], Results]]],
    plan: Plan,
    say: Callable[..., None],
) -> tuple[dict[str, Mapping[str, Sequence[Figures]]], list[str]]:
    """What was measured, by work; and the names of the works that failed."""
    works: dict[str, Mapping[str, Sequence[Figures]]] = {}
    failed = []
    for name, (title, measure) in chosen.items():
        say(f"\n{name} ...")
        begun = time.perf_counter()
        try:
            with processors.on(processors.ONE):
                results = {
                    peer: [known(figures) for figures in rounds]
                    for peer, rounds in measure(plan).items()
                }
        except PeerFailed as failure:
            say(f"  failed: {failure}")
            failed.append(name)
            continue
        if results:
            works[name] = results
            say(report.table(title, results))
            say(f"{time.perf_counter() - begun:.0f} s")
    return works, failed


def record(files: Sequence[Path], say: Callable[[str], None]) -> int:
    """Write what the docs show. The exit code."""
    docs = ROOT / "docs"
    try:
        written = recorded.write(recorded.read(files), docs)
        made = pages.render(recorded.load(docs), docs, ROOT / "README.md")
    except ValueError as error:
        say(f"Nothing was recorded: {error}")
        return 1
    for path, text in made.items():
        path.write_text(text)
    say("Recorded: " + ", ".join(str(path.relative_to(ROOT)) for path in (written, *made)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
