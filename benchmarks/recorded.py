"""A run for the docs: the part kept in docs/performance-*.json, which all pages are made from."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.goals import GOALS, measured_for
from benchmarks.measure import Figures, Spread

Run = Mapping[str, Any]
"""A file in benchmarks/results, with every sample.

It has the run's description, and `works` (a title, and the rounds of each peer).
"""
Recorded = Mapping[str, Any]
"""The same with minimum, median and maximum instead of the rounds, and the value for each goal."""

LONGEST = timedelta(hours=1)


def optimised(about: Mapping[str, Any]) -> bool:
    return not str(about["machine"]["build"]).startswith("unoptimised")


def name_of(about: Mapping[str, Any]) -> str:
    return "optimised" if optimised(about) else "unoptimised"


def merged(runs: Sequence[Run]) -> Run:
    """Pieces of one run, made one soon after the other. Raises ValueError where they are not."""
    first, *others = sorted(runs, key=lambda run: str(run["date"]))
    works = dict(first["works"])
    versions = dict(first["versions"])
    for run in others:
        for what in ("pairs", "machine"):
            if run[what] != first[what]:
                raise ValueError(f"not pieces of one run: {run[what]} is not {first[what]}")
        if datetime.fromisoformat(run["date"]) - datetime.fromisoformat(first["date"]) > LONGEST:
            raise ValueError(f"{first['date']} and {run['date']} are more than an hour apart")
        works.update(run["works"])
        versions.update(run["versions"])
    return {**first, "versions": versions, "works": works, "pieces": len(runs)}


def summary(run: Run) -> Recorded:
    rounds = {work: found["peers"] for work, found in run["works"].items()}
    spreads = [measured_for(goal, rounds) for goal in GOALS]
    return {
        **run,
        "goals": [spread and rounded(spread) for spread in spreads],
        "works": {
            work: {
                "title": found["title"],
                "peers": {peer: figures(rounds) for peer, rounds in found["peers"].items()},
            }
            for work, found in run["works"].items()
        },
    }


def figures(rounds: Sequence[Figures]) -> dict[str, list[float]]:
    """Least, median, most of each figure."""
    names = {name: None for figures in rounds for name in figures}
    return {
        name: rounded(Spread.of([figures[name] for figures in rounds if name in figures]))
        for name in names
    }


def rounded(spread: Spread) -> list[float]:
    return [round(value, 3) for value in spread]


def read(files: Iterable[Path]) -> Recorded:
    """Of the files of one run. Raises ValueError where they are of several."""
    return summary(merged([json.loads(file.read_text()) for file in files]))


def write(recorded: Recorded, docs: Path) -> Path:
    path = docs / f"performance-{name_of(recorded)}.json"
    path.write_text(json.dumps(recorded, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def load(docs: Path) -> dict[str, Recorded]:
    """By name: `optimised` and `unoptimised`, those that are there."""
    return {
        name: json.loads(path.read_text())
        for name in ("optimised", "unoptimised")
        if (path := docs / f"performance-{name}.json").exists()
    }
