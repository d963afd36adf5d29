"""The pages of docs/ that show a run: made of docs/performance-*.json, and of nothing else."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import cost
from benchmarks.charts import charts
from benchmarks.goals import GOALS, Goal
from benchmarks.peers import ADAPTER, MANGUM, OURS_FASTAPI
from benchmarks.recorded import Recorded, optimised
from benchmarks.report import COLUMNS, in_unit

ABOUT = {
    "optimised": "Results on an optimised build of Python",
    "unoptimised": "Results on an unoptimised build of Python",
}


def render(recorded: Mapping[str, Recorded], docs: Path, readme: Path) -> dict[Path, str]:
    """What each page that shows a run has to be.

    Raises ValueError where a page has no place for it.
    """
    made = {
        docs / f"performance-{name}.md": "\n".join(results(name, run)) + "\n"
        for name, run in recorded.items()
    }
    parts = [
        (docs / "performance.md", "goals", goals(recorded)),
        (readme, "speed", claim(recorded)),
    ]
    if run := recorded.get("optimised"):
        made |= {docs / name: svg for name, svg in charts(run).items()}
        parts.append((docs / "cost.md", "cost", cost.markdown(run)))
        parts.append((docs / "generators.md", "generators", generators(run)))
    for page, name, lines in parts:
        made[page] = replaced(page.read_text(), name, "\n".join(lines))
    return made


def replaced(page: str, name: str, text: str) -> str:
    """The page with `text` between its marks.

    Raises ValueError where they are not there once, in this order.
    """
    begin, end = (
        f"<!-- {name}: written by `make bench ARGS=--record` -->",
        f"<!-- end of {name} -->",
    )
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(end) < page.index(begin):
        raise ValueError(f"the page needs the marks {begin!r} and {end!r}, once each")
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"


def conditions(run: Recorded) -> str:
    pieces = run.get("pieces", 1)
    machine = ", ".join(map(str, run["machine"].values()))
    taken = f" in {pieces} pieces, one after the other" if pieces > 1 else ""
    begun = (
        f"{run['date']} UTC, {run['pairs']} pairs{taken}, load average {run['load']} at the start"
    )
    return f"{begun}. {machine}."


def goals(recorded: Mapping[str, Recorded]) -> list[str]:
    """One table for all runs; and how many goals were met."""
    lines = []
    for name, run in recorded.items():
        verdicts = [met for goal, _, met in judged(run) if met is not None]
        lines += [
            f"- [{name}](performance-{name}.md): {conditions(run)} "
            f"{sum(verdicts)} of {len(verdicts)} goals met."
        ]
    titles = {
        work: found["title"] for run in recorded.values() for work, found in run["works"].items()
    }
    lines += ["", f"| work | figure | ours | against | goal | {' | '.join(recorded)} |"]
    lines += ["|---|---|---|---|---|" + "---|" * len(recorded)]
    columns = [list(judged(run)) for run in recorded.values()]
    for number, goal in enumerate(GOALS):
        sign = "≥" if goal.at_least else "≤"
        limit = f"{sign} {goal.limit:.4g}"
        if goal.plain_limit is not None:
            limit += f" (unoptimised: {goal.plain_limit:.4g})"
        cells = [shown(column[number][1], column[number][2]) for column in columns]
        lines.append(
            f"| {titles.get(goal.work, goal.work)} | {figure_of(goal)} | {goal.ours} "
            f"| {goal.theirs or '-'} | {limit} | {' | '.join(cells)} |"
        )
    return lines


def figure_of(goal: Goal) -> str:
    return COLUMNS[goal.figure][0] + (", more" if goal.difference else "")


def judged(run: Recorded) -> list[tuple[Goal, Sequence[float] | None, bool | None]]:
    """Of each goal: least, median and most, and whether the median meets it."""
    return [
        (goal, spread, None if spread is None else goal.met(spread[1], optimised(run)))
        for goal, spread in zip(GOALS, run["goals"], strict=True)
    ]


def shown(spread: Sequence[float] | None, met: bool | None) -> str:
    if spread is None:
        return "not run"
    least, median, most = spread
    verdict = {True: "met", False: "**missed**", None: "no goal"}[met]
    around = "" if least == most else f" [{least:.2f} to {most:.2f}]"
    return f"{median:.2f}{around} {verdict}"


def results(name: str, run: Recorded) -> list[str]:
    """The whole page."""
    lines = [f"# {ABOUT[name]}", ""]
    lines += [
        "[Performance](performance.md) says how this was measured, and which goals it meets.",
        "",
    ]
    lines += [conditions(run), "", "; ".join(dict.fromkeys(run["versions"].values())) + ".", ""]
    lines += ["Medians of the rounds; *p50* and *p99* are medians of each round's quantiles."]
    for found in run["works"].values():
        peers = found["peers"]
        names = [figure for figure in COLUMNS if any(figure in peer for peer in peers.values())]
        lines += ["", f"## {found['title']}", ""]
        lines += ["| | " + " | ".join(COLUMNS[figure][0] for figure in names) + " |"]
        lines += ["|---" + "|---:" * len(names) + "|"]
        lines += [
            f"| {peer} | " + " | ".join(cell(figures, figure) for figure in names) + " |"
            for peer, figures in peers.items()
        ]
    return lines


def cell(figures: Mapping[str, Sequence[float]], name: str) -> str:
    if name not in figures:
        return "-"
    return COLUMNS[name][1].format(in_unit(figures[name][1], name))


def generators(run: Recorded) -> list[str]:
    lines = ["| pieces of | sync generator | async generator that blocks | ratio |"]
    lines += ["|---|---:|---:|---:|"]
    for size, name in (("64 KiB", "64k"), ("1 MiB", "1m")):
        sync, blocking = (
            run["works"][f"file-{kind}-{name}"]["peers"][OURS_FASTAPI]["mb_per_s"][1]
            for kind in ("sync", "blocking")
        )
        lines.append(
            f"| {size} | {sync:,.0f} MB/s | {blocking:,.0f} MB/s | {blocking / sync:.1f} |"
        )
    return lines


def claim(recorded: Mapping[str, Recorded]) -> list[str]:
    """What README says, with its conditions."""
    rows = ["| small JSON by FastAPI | beside awslambdaric + Mangum | beside Lambda Web Adapter |"]
    rows += ["|---|---:|---:|"]
    wanted = {
        (goal.figure, goal.theirs): number
        for number, goal in enumerate(GOALS)
        if goal.work == "json" and goal.ours == OURS_FASTAPI
    }
    for run in recorded.values():
        version = re.sub(r" \(.*", "", str(run["machine"]["python"]))
        kind = "optimised" if optimised(run) else "unoptimised"
        cells = []
        for theirs in (MANGUM, ADAPTER):
            spread = run["goals"][wanted["wall_us", theirs]]
            cells.append("not run" if spread is None else f"{spread[1]:.2f} of its time")
        rows.append(f"| {version}, {kind} build | {' | '.join(cells)} |")
    return rows
