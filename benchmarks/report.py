"""Tables for people, JSON for the record."""

import os
import platform
import statistics
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.goals import Goal, measured_for
from benchmarks.measure import Figures, Spread, ratio

COLUMNS = {
    "wall_us": ("wall µs", "{:,.0f}"),
    "cpu_us": ("CPU µs", "{:,.0f}"),
    "first_byte_p50_us": ("first byte p50 µs", "{:,.0f}"),
    "first_byte_p99_us": ("p99 µs", "{:,.0f}"),
    "delay_p50_us": ("delay p50 µs", "{:,.0f}"),
    "delay_p99_us": ("p99 µs", "{:,.0f}"),
    "mb_per_s": ("MB/s", "{:,.0f}"),
    "grown_mib": ("peak MiB above", "{:,.1f}"),
    "mib": ("MiB", "{:,.1f}"),
    "step_us": ("longest step µs", "{:,.0f}"),
    "next_us": ("to first next, ms", "{:,.0f}"),
    "first_us": ("first invocation, ms", "{:,.1f}"),
    "invocation_k": ("an invocation, k", "{:,.0f}"),
    "chunk_k": ("a chunk of 64 KiB, k", "{:,.1f}"),
    "message_k": ("a message of 30 bytes, k", "{:,.1f}"),
    "zip_mib": ("MiB in the zip", "{:,.1f}"),
    "server_us": ("server's CPU µs", "{:,.0f}"),
}
FACTOR = {"next_us": 0.001, "first_us": 0.001}


def measured_in(results: Mapping[str, Sequence[Figures]]) -> list[str]:
    """The figures that any of the peers has, in the order of COLUMNS."""
    return [
        name for name in COLUMNS if any(name in rounds[0] for rounds in results.values() if rounds)
    ]


def table(title: str, results: Mapping[str, Sequence[Figures]]) -> Table:
    """Medians of each peer; and the first peer's wall and CPU divided by the others', in pairs."""
    present = measured_in(results)
    output = Table(title=title, title_justify="left", title_style="bold", pad_edge=False, box=None)
    output.add_column("")
    for name in present:
        output.add_column(COLUMNS[name][0], justify="right")
    compared = (
        [name for name in ("next_us", "wall_us", "cpu_us", "invocation_k") if name in present]
        if len(results) > 1
        else []
    )
    for name in compared:
        output.add_column(
            (
                "ours / theirs, "
                f"{COLUMNS[name][0].removesuffix(' µs').removesuffix(', ms').removesuffix(', k')}"
            ),
            justify="right",
        )
    first = next(iter(results.values()))
    for peer, rounds in results.items():
        cells = [cell(rounds, name) for name in present]
        ratios = ["" if rounds is first else shown(ratio(first, rounds, name)) for name in compared]
        output.add_row(peer, *cells, *ratios)
    return output


def median(rounds: Sequence[Figures], name: str) -> float | None:
    """In the unit of the figure's column. None where it was not measured."""
    values = [figures[name] for figures in rounds if name in figures]
    return in_unit(statistics.median(values), name) if values else None


def in_unit(value: float, name: str) -> float:
    """A figure in the unit of its column."""
    return value * FACTOR.get(name, 1)


def cell(rounds: Sequence[Figures], name: str) -> str:
    value = median(rounds, name)
    return "-" if value is None else COLUMNS[name][1].format(value)


def shown(spread: Spread | None) -> str:
    return (
        "-" if spread is None else f"{spread.median:.2f} [{spread.least:.2f} to {spread.most:.2f}]"
    )


def goals_table(
    goals: Sequence[Goal],
    works: Mapping[str, Mapping[str, Sequence[Figures]]],
    optimised: bool,
) -> Table:
    output = Table(
        title="Goals: median of the pairs [least to most]",
        title_justify="left",
        title_style="bold",
        box=None,
    )
    for column in ("work", "figure", "ours", "against", "goal", "measured", ""):
        output.add_column(column)
    for goal in goals:
        spread = measured_for(goal, works)
        met = None if spread is None else goal.met(spread.median, optimised)
        sign = "at least" if goal.at_least else "at most"
        unjudged = "not run" if spread is None else "no goal"
        verdict = {True: "[green]met[/]", False: "[red]missed[/]", None: unjudged}[met]
        output.add_row(
            goal.work,
            COLUMNS[goal.figure][0],
            goal.ours,
            goal.theirs or "-",
            f"{sign} {goal.limit_on(optimised):.4g}",
            shown(spread),
            verdict,
        )
    return output


def machine() -> dict[str, str]:
    model = platform.processor() or platform.machine()
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(
            (line.partition(": ")[2] for line in lines if line.startswith("model name")), model
        )
    return {
        "processor": model,
        "processors": f"{os.cpu_count()} processors",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"Python {platform.python_version()} ({platform.python_compiler()})",
        "build": build(str(sysconfig.get_config_var("CONFIG_ARGS") or "")),
    }


def build(configured: str) -> str:
    """How this Python was built, by what its `configure` was given."""
    options = ("--enable-optimizations", "--with-lto")
    given = [option for option in options if option in configured]
    if given:
        return f"optimised build ({' '.join(given)})"
    if "--with-dtrace" in configured and "--prefix=/usr'" in configured:
        return "optimised build (Debian's: its rules add PGO and LTO, CONFIG_ARGS has neither)"
    return "unoptimised build (no --enable-optimizations in CONFIG_ARGS)"


def console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=180, highlight=False)
