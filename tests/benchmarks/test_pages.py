"""What is kept of a run, and the pages that are made of it."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import cost, pages, recorded
from benchmarks.charts import bars, charts
from benchmarks.goals import GOALS
from benchmarks.peers import ADAPTER, GO_URL, MANGUM, OURS, OURS_FASTAPI
from benchmarks.places import ROOT

SVG = "{http://www.w3.org/2000/svg}"
DOCS = ROOT / "docs"
BEGIN, END = "<!-- x: written by `make bench ARGS=--record` -->", "<!-- end of x -->"


def run(works: dict[str, Any], date: str = "2026-01-02 10:00", **about: Any) -> dict[str, Any]:
    return {
        "date": date,
        "pairs": 2,
        "load": 0.1,
        "machine": {"processor": "Z80", "python": "Python 3.13.5 (GCC)", "build": "optimised"},
        "versions": {"a": "one 1", "b": "one 1"},
        "works": {work: {"title": f"T {work}", "peers": peers} for work, peers in works.items()},
        **about,
    }


def rounds(**figures: tuple[float, float]) -> list[dict[str, float]]:
    return [{name: values[number] for name, values in figures.items()} for number in range(2)]


JSON = {
    OURS_FASTAPI: rounds(wall_us=(10, 10), cpu_us=(9, 9)),
    MANGUM: rounds(wall_us=(20, 20), cpu_us=(18, 18)),
}


def test_pieces_of_one_run_are_merged(tmp_path: Path) -> None:
    pieces = (
        run({"json": JSON}),
        run({"small": {OURS: rounds(wall_us=(1, 3))}}, "2026-01-02 10:59"),
    )
    files = []
    for number, piece in enumerate(pieces):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps(piece))
    kept = recorded.read(files)
    assert list(kept["works"]) == ["json", "small"]
    assert kept["pieces"] == 2
    assert kept["works"]["small"]["peers"][OURS] == {"wall_us": [1, 2, 3]}
    [first, *_] = kept["goals"]
    assert first == [0.5, 0.5, 0.5]
    assert recorded.load(tmp_path) == {}
    recorded.write(kept, tmp_path)
    assert recorded.load(tmp_path) == {"optimised": kept}


@pytest.mark.parametrize(
    "other",
    [
        {"date": "2026-01-02 11:01"},
        {"pairs": 3},
        {"machine": {"processor": "Z80", "python": "Python 3.11.7", "build": "unoptimised"}},
    ],
)
def test_other_runs_are_not_merged(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not pieces of one run|more than an hour"):
        recorded.merged([run({"json": JSON}), {**run({"small": {}}), **other}])


@given(st.text(), st.text(), st.text(), st.text())
def test_only_what_is_between_the_marks_is_replaced(
    before: str, old: str, after: str, new: str
) -> None:
    page = pages.replaced(f"{before}{BEGIN}{old}{END}{after}", "x", new)
    assert page == f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"
    assert pages.replaced(page, "x", new) == page


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_page_without_its_marks_is_left_alone(page: str) -> None:
    with pytest.raises(ValueError, match="needs the marks"):
        pages.replaced(page, "x", "new")


def test_the_tables_have_a_cell_for_each_column() -> None:
    """GitHub drops what is beyond."""
    kept = recorded.summary(recorded.merged([run({"json": JSON})]))
    goals = pages.goals({"optimised": kept, "unoptimised": kept})
    rows = [line for line in goals if line.startswith("|")]
    assert {line.count("|") for line in rows} == {8}
    assert len(rows) == 2 + len(GOALS)
    assert rows[2].endswith("| 0.50 met | 0.50 met |")
    assert sum("not run | not run |" in row for row in rows) == len(GOALS) - 2
    tables = [line for line in pages.results("optimised", kept) if line.startswith("|")]
    assert tables == [
        "| | wall µs | CPU µs |",
        "|---|---:|---:|",
        f"| {OURS_FASTAPI} | 10 | 9 |",
        f"| {MANGUM} | 20 | 18 |",
    ]


def test_charts_show_what_was_run() -> None:
    measured = {
        "json": {"lambda_asgi & co": rounds(cpu_us=(10, 30)), "<theirs>": rounds(cpu_us=(40, 40))},
        "file-sync": {OURS: rounds(mb_per_s=(100, 300))},
        "file-whole": {OURS: rounds(mb_per_s=(50, 50))},
        "start": {"built": rounds(next_us=(1000, 3000))},
    }
    kept = recorded.summary(recorded.merged([run(measured)]))
    texts = {
        name: [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]
        for name, svg in charts(kept).items()
    }
    assert texts["performance-json.svg"][1:] == ["lambda_asgi & co", "20", "<theirs>", "40"]
    assert texts["performance-files.svg"][1:] == ["sync", "200", "whole", "50"]
    assert texts["performance-start.svg"][1:] == ["built", "2"]  # milliseconds
    assert charts(recorded.summary(recorded.merged([run({"small": JSON})]))) == {}


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


def test_a_million_requests_cost_what_the_formula_says() -> None:
    """1 ms warm and 500 ms cold at 1769 MB: 1.7275 GB-seconds a second."""
    found = cost.million(1000, 499_000, 1000)
    assert found.warm == pytest.approx(990 * 1.7275390625 * 0.0000133334)
    assert found.init == pytest.approx(5000 * 1.7275390625 * 0.0000133334)
    assert found.total == pytest.approx(found.warm + found.init + 0.20)


def test_a_streamed_gigabyte_takes_what_lambda_lets_through() -> None:
    """Five responses of 200 MB, of which 194 leave at 2 MB/s; a slower peer takes its own time."""
    seconds, dollars = cost.gigabyte(600)
    assert seconds == pytest.approx(5 * (0.01 + 97))
    assert dollars == pytest.approx(seconds * 1.7275390625 * 0.0000133334 + 5 * 2e-7 + 0.97 * 0.008)
    assert cost.gigabyte(1)[0] == pytest.approx(1000)


def test_the_pages_of_this_project_show_what_is_recorded() -> None:
    """Whoever edits a number by hand, or records without writing the pages, sees it here."""
    made = pages.render(recorded.load(DOCS), DOCS, ROOT / "README.md")
    for path, text in made.items():
        assert path.read_text() == text, f"{path.name}: `python -m benchmarks record FILE...`"
    said = (DOCS / "cost.md").read_text()
    assert all(peer in said for peer in (OURS_FASTAPI, MANGUM, ADAPTER, OURS, GO_URL))
