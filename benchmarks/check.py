"""`make bench-check`: fails when an invocation, a chunk, a message or the import costs 15 % more.

Counted are instructions (valgrind's callgrind), not times, and without a socket:
the same on a busy machine.
Each count is divided by one of plain Python,
so that builds of Python that need more for everything compare.
And what an invocation leaves for the garbage collector is counted: nothing.

    make bench-check                                   # a minute
    .venv/bin/python -m benchmarks.check --accept      # write new ratios into baseline.json
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peer import Peer, Running
from benchmarks.peers import lambda_asgi, python
from benchmarks.places import HERE

BASELINE = HERE / "baseline.json"
MARGIN = 1.15


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accept", action="store_true", help="make these ratios the baseline")
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None:
        print(
            (
                "bench-check counts instructions: install valgrind (apt-get install valgrind; "
                "Linux only)"
            ),
            file=sys.stderr,
        )
        return 1
    write_bytecode()
    reference = per_unit(("reference", 100), ("reference", 600), 500)
    ratios = {
        "invocation": per_unit(("/small", 50), ("/small", 250), 200) / reference,
        "chunk of 64 KiB": per_unit(("/chunks/10", 1), ("/chunks/510", 1), 500) / reference,
        "message of 30 bytes": per_unit(("/messages/10", 1), ("/messages/2010", 1), 2000)
        / reference,
        "import": imported("lambda_asgi.__main__") / imported("asyncio"),
    }
    garbage = garbage_of_an_invocation()
    version = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    baselines = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    if arguments.accept:
        baselines[version] = {name: round(ratio, 3) for name, ratio in ratios.items()}
        BASELINE.write_text(json.dumps(baselines, indent=2, sort_keys=True) + "\n")
    if version not in baselines:
        known = ", ".join(baselines) or "nothing"
        print(f"{BASELINE.name} knows {known}, not {version}: --accept makes it", file=sys.stderr)
        return 1
    lines, failed = compared(ratios, baselines[version])
    print(*lines, sep="\n")
    print(
        f"{'garbage':20} {garbage:6.2f}  objects for each "
        f"invocation{'  MORE THAN NONE' * (garbage > 0)}"
    )
    return int(failed or garbage > 0)


def compared(ratios: Mapping[str, float], baseline: Mapping[str, float]) -> tuple[list[str], bool]:
    """A line for each ratio, and whether any exceeds its baseline by MARGIN or has none."""
    lines = []
    failed = False
    for name, ratio in ratios.items():
        if name not in baseline:
            lines.append(f"{name:20} {ratio:6.3f}  NO BASELINE: --accept makes it")
            failed = True
            continue
        dearer = ratio > baseline[name] * MARGIN
        failed |= dearer
        change = ratio / baseline[name] - 1
        lines.append(
            f"{name:20} {ratio:6.3f}  baseline {baseline[name]:6.3f}  "
            f"{change:+6.1%}{'  DEARER' * dearer}"
        )
    return lines, failed


def write_bytecode() -> None:
    """Run everything once, so that the first count does not include the compilation."""
    for path in ("reference", "/small", "/chunks/10", "/messages/10"):
        command = python("-m", "benchmarks.apps.in_process", path, "1")
        environment = {**os.environ, **command.environment}
        subprocess.run(command.argv, env=environment, stdout=subprocess.DEVNULL, check=True)


def per_unit(few: tuple[str, int], many: tuple[str, int], units: int) -> float:
    """Instructions for each of the `units` that the second run did beyond the first.

    A run is (path, count).
    """
    first, second = (
        instructions("-m", "benchmarks.apps.in_process", path, str(count))
        for path, count in (few, many)
    )
    return (second - first) / units


def imported(module: str) -> int:
    """Instructions of `import module`, without those of an interpreter that does nothing."""
    return instructions("-c", f"import {module}") - instructions("-c", "pass")


def instructions(*arguments: str) -> int:
    """Of a whole Python process."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        tool = (
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            f"--log-file={log}",
        )
        # PYTHONHASHSEED: with another seed, the same dictionaries collide elsewhere.
        command = python(*arguments, PYTHONHASHSEED="0")
        environment = {**os.environ, **command.environment}
        subprocess.run(
            (*tool, *command.argv), env=environment, stdout=subprocess.DEVNULL, check=True
        )
        found = re.search(r"Collected : (\d+)", log.read_text())
        assert found is not None, f"valgrind did not finish: {log.read_text()[-500:]}"
        return int(found[1])


def garbage_of_an_invocation() -> float:
    """Objects that only the garbage collector can free, for each of 100 invocations."""
    peer = Peer("lambda_asgi", lambda_asgi("benchmarks.apps.bare.counting_garbage"))
    with Running(peer) as running:
        running.ready()
        running.run("/small", 20)
        running.run("/garbage")
        running.run("/small", 100)
        [answer] = running.run("/garbage")
        return int(answer.content()) / 100


if __name__ == "__main__":
    sys.exit(main())
