"""A run for the docs: docs/performance.json, the tables in docs/performance.md, and charts (SVG)."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.measure import Figures, Spread
from benchmarks.places import ROOT
from benchmarks.report import COLUMNS, cell, judged, measured_in, median, shown
from benchmarks.work import GOALS

DOCS = ROOT / "docs"
BEGIN, END = "<!-- results: written by `make bench ARGS=--record` -->", "<!-- end of results -->"

Works = Mapping[str, Mapping[str, Sequence[Figures]]]


def record(
    works: Works, titles: Mapping[str, str], about: Mapping[str, Any], docs: Path = DOCS
) -> None:
    """Raises ValueError, before anything is written, where the page has no place for the results."""
    page = docs / "performance.md"
    text = replaced(page.read_text(), "\n".join(markdown(works, titles, about)))
    page.write_text(text)
    summary = {
        work: {peer: _spreads(rounds) for peer, rounds in peers.items()}
        for work, peers in works.items()
    }
    (docs / "performance.json").write_text(
        json.dumps({**about, "works": summary}, indent=1, allow_nan=False) + "\n"
    )
    for name, svg in charts(works).items():
        (docs / name).write_text(svg)


def replaced(page: str, results: str) -> str:
    """The page with `results` between its two marks. Raises ValueError where they are not there once, in this order."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(END) < page.index(BEGIN):
        raise ValueError(f"the page needs the marks {BEGIN!r} and {END!r}, once each")
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{results}\n{END}{rest.partition(END)[2]}"


def _spreads(rounds: Sequence[Figures]) -> dict[str, list[float]]:
    """Least, median, most of each figure."""
    return {
        name: [round(value, 2) for value in Spread.of([figures[name] for figures in rounds])]
        for name in rounds[0]
    }


def markdown(works: Works, titles: Mapping[str, str], about: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{about['date']}, {about['pairs']} pairs. "
        + ", ".join(f"{v}" for v in about["machine"].values())
        + ".",
        "",
    ]
    lines += ["; ".join(dict.fromkeys(about["versions"].values())) + ".", ""]
    lines += [
        "| work | figure | ours | against | goal | measured: median [least to most] | |",
        "|---|---|---|---|---|---|---|",
    ]
    for goal in GOALS:
        spread, met = judged(goal, works)
        sign = "at least" if goal.at_least else "at most"
        verdict = "not run" if spread is None else "met" if met else "**missed**"
        lines.append(
            f"| {titles.get(goal.work, goal.work)} | {COLUMNS[goal.figure][0]} | {goal.ours} | {goal.theirs or '-'} "
            f"| {sign} {goal.limit:.4g} | {shown(spread)} | {verdict} |"
        )
    for work, peers in works.items():
        names = measured_in(peers)
        lines += ["", f"**{titles[work]}**", ""]
        lines += [
            "| | " + " | ".join(COLUMNS[name][0] for name in names) + " |",
            "|---" + "|---:" * len(names) + "|",
        ]
        for peer, rounds in peers.items():
            lines.append(f"| {peer} | " + " | ".join(cell(rounds, name) for name in names) + " |")
    return lines


def charts(works: Works) -> dict[str, str]:
    """File name -> SVG, for the works that were run."""
    made = {}
    for name, title, work, figure in (
        (
            "performance-json.svg",
            "Small JSON: processor time of one invocation, µs (less is better)",
            "json",
            "cpu_us",
        ),
        (
            "performance-start.svg",
            "From start to the first `next`, ms (less is better)",
            "start",
            "next_us",
        ),
    ):
        if work in works:
            medians = {peer: median(rounds, figure) for peer, rounds in works[work].items()}
            made[name] = bars(
                title, {peer: value for peer, value in medians.items() if value is not None}
            )
    files = {work: peers for work, peers in works.items() if work.startswith("file-")}
    if files:
        rates = {
            work.removeprefix("file-"): median(rounds, "mb_per_s") or 0.0
            for work, peers in files.items()
            for rounds in peers.values()  # one only
        }
        made["performance-files.svg"] = bars(
            "A file of 192 MiB through FastAPI, MB/s (more is better)", rates
        )
    return made


def bars(title: str, values: Mapping[str, float]) -> str:
    """One bar for each value; ours in colour. Grey that shows on white and on black."""
    most = max(values.values())
    rows = []
    for number, (name, value) in enumerate(values.items()):
        y = 34 + 26 * number
        colour = (
            "#2a7de1" if name.startswith(("lambda_asgi", "the built zip", "pathsend")) else "#999"
        )
        rows.append(
            f'<text x="280" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="290" y="{y}" width="{value / most * 340:.0f}" height="18" fill="{colour}"/>'
            f'<text x="{296 + value / most * 340:.0f}" y="{y + 14}">{value:,.0f}</text>'
        )
    height = 44 + 26 * len(values)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" width="720" height="{height}" '
        f'font-family="sans-serif" font-size="13" fill="#777" role="img" aria-label="{escape(title)}">'
        f'<text x="0" y="18" font-weight="bold">{escape(title)}</text>{"".join(rows)}</svg>\n'
    )
