"""What a run is turned into: verdicts, tables, the page's section, charts, and bench-check's comparison."""

import json
import xml.etree.ElementTree as ET
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks import record as recording
from benchmarks.check import compared
from benchmarks.record import BEGIN, END, Works, bars, charts, markdown, record, replaced
from benchmarks.report import COLUMNS, cell, goals_table, judged, table
from benchmarks.work import GOALS, WORKS, Goal

ABOUT = {
    "date": "2026-01-02",
    "pairs": 2,
    "machine": {"processor": "Z80"},
    "versions": {"a": "one 1", "b": "one 1"},
}
SVG = "{http://www.w3.org/2000/svg}"


def rounds(**figures: tuple[float, float]) -> list[dict[str, float]]:
    return [{name: values[number] for name, values in figures.items()} for number in range(2)]


def works(ours: float, theirs: float) -> dict[str, dict[str, list[dict[str, float]]]]:
    return {
        "json": {"ours": rounds(wall_us=(ours, ours)), "theirs": rounds(wall_us=(theirs, theirs))}
    }


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (Goal("json", "wall_us", "ours", "theirs", 0.5), True),
        (Goal("json", "wall_us", "ours", "theirs", 0.49), False),
        (Goal("json", "wall_us", "ours", "theirs", 0.5, at_least=True), True),
        (Goal("json", "wall_us", "ours", "theirs", 0.51, at_least=True), False),
        (Goal("json", "wall_us", "ours", "theirs", -10, difference=True), True),
        (Goal("json", "wall_us", "ours", "theirs", -10.1, difference=True), False),
        (Goal("json", "wall_us", "ours", "", 10), True),
        (Goal("json", "wall_us", "ours", "", 9.9), False),
    ],
)
def test_a_goal_is_met_or_missed(goal: Goal, met: bool) -> None:
    spread, verdict = judged(goal, works(10, 20))
    assert spread is not None
    assert verdict is met


@pytest.mark.parametrize(
    "goal",
    [
        Goal("small", "wall_us", "ours", "theirs", 1),
        Goal("json", "wall_us", "ours", "absent", 1),
        Goal("json", "cpu_us", "ours", "theirs", 1),
        Goal("json", "cpu_us", "ours", "", 1),
    ],
)
def test_a_goal_without_figures_is_not_met(goal: Goal) -> None:
    assert judged(goal, works(10, 20)) == (None, False)


def printed(renderable: object) -> str:
    output = StringIO()
    Console(file=output, width=200).print(renderable)
    return output.getvalue()


def test_the_goals_table_says_what_was_compared() -> None:
    goals = [Goal("json", "wall_us", "ours", "theirs", limit) for limit in (0.5, 0.4)]
    goals += [Goal("json", "wall_us", "ours", "absent", 1)]
    lines = [
        " ".join(line.split())
        for line in printed(goals_table(goals, works(10, 20))).splitlines()[-3:]
    ]
    assert lines[0] == "json wall µs ours theirs at most 0.5 0.50 [0.50 to 0.50] met"
    assert lines[1] == "json wall µs ours theirs at most 0.4 0.50 [0.50 to 0.50] missed"
    assert lines[2] == "json wall µs ours absent at most 1 - not run"


def test_a_works_table_has_medians_and_the_first_peers_ratios() -> None:
    results = {
        "ours": rounds(wall_us=(10, 20), next_us=(1000, 3000)),
        "theirs": rounds(wall_us=(20, 80)),
    }
    text = printed(table("title", results))
    assert "ours / theirs, wall" in text
    ours, theirs = text.splitlines()[-2:]
    assert " ".join(ours.split()) == "ours 15 2"  # 2 ms: the median, in the column's unit
    assert " ".join(theirs.split()) == "theirs 50 - - 0.38 [0.25 to 0.50]"
    assert cell([], "wall_us") == "-"


def test_every_goal_and_work_can_be_shown() -> None:
    """A goal's figure has a column, and what it compares is run by its work."""
    run = {work.name: work.peers for work in WORKS}
    for goal in GOALS:
        assert goal.figure in COLUMNS
        if goal.work in run:
            assert {goal.ours, goal.theirs} <= set(run[goal.work])
    assert len({work.name for work in WORKS}) == len(WORKS)


def test_the_pages_section() -> None:
    lines = markdown(works(10, 20), {"json": "Small JSON"}, ABOUT)
    assert lines[:4] == ["2026-01-02, 2 pairs. Z80.", "", "one 1.", ""]
    tables = [line for line in lines if line.startswith("|")]
    # Each row of a table has as many cells as its head; GitHub drops what is beyond.
    assert {line.count("|") for line in tables[: 2 + len(GOALS)]} == {8}
    assert tables[2 + len(GOALS) :] == [
        "| | wall µs |",
        "|---|---:|",
        "| ours | 10 |",
        "| theirs | 20 |",
    ]
    assert lines[-5] == ""  # a table begins after an empty line
    assert sum("| not run |" in line for line in tables) == len(GOALS)


@given(st.text(), st.text(), st.text(), st.text())
def test_only_what_is_between_the_marks_is_replaced(
    before: str, old: str, after: str, new: str
) -> None:
    page = replaced(f"{before}{BEGIN}{old}{END}{after}", new)
    assert page == f"{before}{BEGIN}\n\n{new}\n{END}{after}"
    assert replaced(page, new) == page


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_page_without_its_marks_is_left_alone(page: str, tmp_path: Path) -> None:
    (tmp_path / "performance.md").write_text(page)
    with pytest.raises(ValueError, match="needs the marks"):
        record(works(10, 20), {"json": "Small JSON"}, ABOUT, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["performance.md"]
    assert (tmp_path / "performance.md").read_text() == page


def test_the_page_of_this_project_has_its_marks() -> None:
    assert replaced((recording.DOCS / "performance.md").read_text(), "new").count("new\n") == 1


def test_a_run_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "performance.md").write_text(f"# Head\n{BEGIN}\nold\n{END}\nTail\n")
    measured: Works = {
        "json": {"lambda_asgi & co": rounds(cpu_us=(10, 30)), "<theirs>": rounds(cpu_us=(40, 40))},
        "file-sync": {"lambda_asgi": rounds(mb_per_s=(100, 300))},
        "file-whole": {"lambda_asgi": rounds(mb_per_s=(50, 50))},
        "start": {"built": rounds(next_us=(1000, 2000)), "unknown": [{}, {}]},
    }
    record(measured, {work: work for work in measured}, ABOUT, tmp_path)
    page = (tmp_path / "performance.md").read_text()
    assert page.startswith("# Head\n")
    assert page.endswith("\nTail\n")
    assert "old" not in page
    summary = json.loads((tmp_path / "performance.json").read_text())
    assert summary["works"]["json"]["lambda_asgi & co"] == {"cpu_us": [10, 20, 30]}
    texts = {}
    for path in tmp_path.glob("*.svg"):
        texts[path.name] = [element.text for element in ET.parse(path).getroot().iter(f"{SVG}text")]
    assert texts["performance-json.svg"][1:] == ["lambda_asgi & co", "20", "<theirs>", "40"]
    assert texts["performance-files.svg"][1:] == ["sync", "200", "whole", "50"]
    assert texts["performance-start.svg"][1:] == ["built", "2"]  # milliseconds


def test_works_that_were_not_run_have_no_chart() -> None:
    assert charts({"small": {"ours": rounds(cpu_us=(1, 1))}}) == {}


@given(
    st.dictionaries(
        st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn"]), min_size=1),
        st.floats(0.1, 1e6),
        min_size=1,
    )
)
def test_charts_are_xml_whatever_the_names(values: dict[str, float]) -> None:
    root = ET.fromstring(bars("<title> & more", values))
    widths = [float(bar.attrib["width"]) for bar in root.iter(f"{SVG}rect")]
    assert len(widths) == len(values)
    assert max(widths) == 340
    assert min(widths) >= 0
    assert root.attrib["aria-label"] == "<title> & more"


def test_bench_check_fails_above_its_margin_only() -> None:
    lines, failed = compared({"invocation": 1.15, "chunk": 0.5}, {"invocation": 1.0, "chunk": 1.0})
    assert not failed
    assert "+15.0%" in lines[0]
    lines, failed = compared({"invocation": 1.16, "chunk": 0.5}, {"invocation": 1.0, "chunk": 1.0})
    assert failed
    assert ["DEARER" in line for line in lines] == [True, False]


def test_bench_check_fails_for_what_has_no_baseline() -> None:
    lines, failed = compared({"new": 1.0}, {"invocation": 1.0})
    assert failed
    assert "--accept" in lines[0]
