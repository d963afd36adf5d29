"""`python -m benchmarks`: lambda_asgi beside its peers, in one run.

python -m benchmarks prepare           # Node's packages and a build of the function, once
python -m benchmarks                   # everything: 5 minutes
python -m benchmarks --quick           # 2 minutes, the same table with less behind it
python -m benchmarks --only json chunks
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from benchmarks import at_once, memory, processors, report, runs, start_up
from benchmarks.measure import Figures, known
from benchmarks.peers import PEERS
from benchmarks.places import HERE
from benchmarks.prepare import prepare
from benchmarks.record import record
from benchmarks.runs import Plan, Results
from benchmarks.runtime_api import PeerFailed
from benchmarks.work import GOALS, WORKS

ALL: dict[str, tuple[str, Callable[[Plan], Results]]] = {
    **{work.name: (work.title, partial(runs.run, work)) for work in WORKS},
    "memory": ("Memory above what it was before, while 210 MB are streamed", memory.run),
    "start": ("From the start of the process", start_up.run),
    "start-s3": ("From the start of the process, with an S3 client", start_up.run_s3),
    "at-once": ("Many at once in one process", at_once.run),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command", nargs="?", choices=("run", "prepare"), default="run", help=argparse.SUPPRESS
    )
    parser.add_argument("--quick", action="store_true", help="3 pairs of a quarter of the work")
    parser.add_argument("--pairs", type=int, help="rounds of each peer (7; with --quick 3)")
    parser.add_argument(
        "--only", nargs="+", metavar="WORK", choices=list(ALL), help="some of the works"
    )
    parser.add_argument("--record", action="store_true", help="put the results into docs/")
    parser.add_argument("--python", help="for prepare: the function's Python, if it is not on PATH")
    arguments = parser.parse_args()
    if arguments.record and arguments.only:
        parser.error("--record takes a whole run: what docs/performance.md shows comes from one")
    console = report.console()
    if arguments.command == "prepare":
        return prepare(arguments.python, console.print)
    plan = Plan(
        pairs=arguments.pairs or (3 if arguments.quick else 7),
        divisor=4 if arguments.quick else 1,
        say=console.print,
    )
    console.print(*(f"{name}: {value}" for name, value in report.machine().items()), sep="\n")
    versions = {
        name: peer.version()
        for name, peer in PEERS.items()
        if not peer.missing() and peer.version()
    }
    console.print(*dict.fromkeys(versions.values()), sep="; ")
    begun = time.perf_counter()
    failed = []
    works: dict[str, Mapping[str, Sequence[Figures]]] = {}
    for name, (title, run) in ALL.items():
        if arguments.only and name not in arguments.only:
            continue
        console.print(f"\n{name} ...")
        try:
            with processors.on(processors.ONE):
                results = {
                    peer: [known(figures) for figures in rounds]
                    for peer, rounds in run(plan).items()
                }
        except PeerFailed as failure:
            console.print(f"  failed: {failure}")
            failed.append(name)
            continue
        if results:
            works[name] = results
            console.print(report.table(title, results))
    console.print()
    console.print(report.goals_table([goal for goal in GOALS if goal.work in works], works))
    console.print(f"\n{plan.pairs} pairs, {time.perf_counter() - begun:.0f} s.")
    about = {
        "date": f"{datetime.now():%Y-%m-%d}",
        "pairs": plan.pairs,
        "machine": report.machine(),
        "versions": versions,
    }
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{datetime.now():%Y-%m-%dT%H-%M-%S}.json"
    path.write_text(json.dumps({**about, "works": works}, indent=1))
    console.print(f"Every sample: {path.relative_to(HERE.parent)}")
    if failed:
        console.print(f"Failed: {', '.join(failed)}." + " Nothing was recorded." * arguments.record)
    elif arguments.record:
        record(works, {name: title for name, (title, _) in ALL.items()}, about)
        console.print(
            "Recorded: docs/performance.md, docs/performance.json, docs/performance-*.svg"
        )
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
