"""A run for the docs: docs/performance.json, the tables in docs/performance.md, and charts (SVG)."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from benchmarks.measure import Figures, Spread
from benchmarks.places import ROOT
from benchmarks.report import COLUMNS, FACTOR, judged, shown
from benchmarks.work import GOALS

DOCS = ROOT / "docs"
BEGIN, END = "<!-- results: written by `make bench ARGS=--record` -->", "<!-- end of results -->"

Works = Mapping[str, Mapping[str, Sequence[Figures]]]


def record(works: Works, titles: Mapping[str, str], about: Mapping[str, Any]) -> None:
    summary = {work: {peer: _spreads(rounds) for peer, rounds in peers.items()} for work, peers in works.items()}
    (DOCS / "performance.json").write_text(json.dumps({**about, "works": summary}, indent=1) + "\n")
    page = DOCS / "performance.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(before + BEGIN + "\n\n" + "\n".join(markdown(works, titles, about)) + "\n" + END + after)
    for name, svg in charts(works).items():
        (DOCS / name).write_text(svg)


def _spreads(rounds: Sequence[Figures]) -> dict[str, list[float]]:
    """Least, median, most of each figure."""
    return {name: [round(value, 2) for value in Spread.of([figures[name] for figures in rounds])] for name in rounds[0]}


def markdown(works: Works, titles: Mapping[str, str], about: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{about['date']}, {about['pairs']} pairs. " + ", ".join(f"{v}" for v in about["machine"].values()) + ".",
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
        names = [
            name for name in COLUMNS if any(name in figures for rounds in peers.values() for figures in rounds[:1])
        ]
        lines += ["", f"**{titles[work]}**", ""]
        lines += ["| | " + " | ".join(COLUMNS[name][0] for name in names) + " |", "|---" + "|---:" * len(names) + "|"]
        for peer, rounds in peers.items():
            cells = []
            for name in names:
                values = [figures[name] for figures in rounds if name in figures]
                cells.append(COLUMNS[name][1].format(Spread.of(values).median * FACTOR.get(name, 1)) if values else "-")
            lines.append(f"| {peer} | " + " | ".join(cells) + " |")
    return lines


def charts(works: Works) -> dict[str, str]:
    """File name -> SVG, for the works that were run."""
    made = {}
    for name, title, work, figure in (
        ("performance-json.svg", "Small JSON: processor time of one invocation, µs (less is better)", "json", "cpu_us"),
        ("performance-start.svg", "From start to the first `next`, ms (less is better)", "start", "next_us"),
    ):
        if work in works:
            made[name] = bars(title, {peer: _median(rounds, figure) for peer, rounds in works[work].items()})
    files = {work: peers for work, peers in works.items() if work.startswith("file-")}
    if files:
        rates = {work.removeprefix("file-"): _median(next(iter(p.values())), "mb_per_s") for work, p in files.items()}
        made["performance-files.svg"] = bars("A file of 192 MiB through FastAPI, MB/s (more is better)", rates)
    return made


def _median(rounds: Sequence[Figures], figure: str) -> float:
    return Spread.of([figures[figure] for figures in rounds]).median * FACTOR.get(figure, 1)


def bars(title: str, values: Mapping[str, float]) -> str:
    """One bar for each value; ours in colour. Grey that shows on white and on black."""
    most = max(values.values())
    rows = []
    for number, (name, value) in enumerate(values.items()):
        y = 34 + 26 * number
        colour = "#2a7de1" if name.startswith(("lambda_asgi", "the built zip", "pathsend")) else "#999"
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
