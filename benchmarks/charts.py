"""Bar charts as SVG, of what was recorded."""

from collections.abc import Mapping
from html import escape

from benchmarks.recorded import Recorded
from benchmarks.report import in_unit


def charts(recorded: Recorded) -> dict[str, str]:
    """File name -> SVG, for the works that were run."""
    made = {}
    works = recorded["works"]
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
            values = {
                peer: in_unit(figures[figure][1], figure)
                for peer, figures in works[work]["peers"].items()
                if figure in figures
            }
            made[name] = bars(title, values)
    files = {work: found for work, found in works.items() if work.startswith("file-")}
    if files:
        rates = {
            work.removeprefix("file-"): figures["mb_per_s"][1]
            for work, found in files.items()
            for figures in found["peers"].values()  # one only
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
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" width="720" '
        f'height="{height}" '
        'font-family="sans-serif" font-size="13" fill="#777" role="img" '
        f'aria-label="{escape(title)}">'
        f'<text x="0" y="18" font-weight="bold">{escape(title)}</text>{"".join(rows)}</svg>\n'
    )
