"""What a run is turned into: verdicts, the tables of a terminal, and bench-check's comparison."""

from io import StringIO

import pytest
from rich.console import Console

from benchmarks.check import compared
from benchmarks.goals import GOALS, Goal, measured_for
from benchmarks.report import COLUMNS, build, cell, goals_table, table
from benchmarks.work import WORKS


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
    spread = measured_for(goal, works(10, 20))
    assert spread is not None
    assert goal.met(spread.median, optimised=True) is met


def test_a_goal_may_be_another_one_on_an_unoptimised_build() -> None:
    goal = Goal("json", "wall_us", "ours", "theirs", 0.5, plain_limit=0.8)
    assert [goal.met(0.7, optimised) for optimised in (True, False)] == [False, True]
    goal = Goal("json", "wall_us", "ours", "theirs", 0.5, optimised_only=True)
    assert [goal.met(0.7, optimised) for optimised in (True, False)] == [False, None]


@pytest.mark.parametrize(
    "goal",
    [
        Goal("small", "wall_us", "ours", "theirs", 1),
        Goal("json", "wall_us", "ours", "absent", 1),
        Goal("json", "cpu_us", "ours", "theirs", 1),
        Goal("json", "cpu_us", "ours", "", 1),
    ],
)
def test_a_goal_without_figures_is_not_judged(goal: Goal) -> None:
    assert measured_for(goal, works(10, 20)) is None


def printed(renderable: object) -> str:
    output = StringIO()
    Console(file=output, width=200).print(renderable)
    return output.getvalue()


def test_the_goals_table_says_what_was_compared() -> None:
    goals = [Goal("json", "wall_us", "ours", "theirs", limit) for limit in (0.5, 0.4)]
    goals += [Goal("json", "wall_us", "ours", "absent", 1)]
    lines = [
        " ".join(line.split())
        for line in printed(goals_table(goals, works(10, 20), True)).splitlines()[-3:]
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
            assert {goal.ours, goal.theirs} - {""} <= set(run[goal.work])
    assert len({work.name for work in WORKS}) == len(WORKS)


@pytest.mark.parametrize(
    ("configured", "said"),
    [
        (
            "'--enable-optimizations' '--with-lto'",
            "optimised build (--enable-optimizations --with-lto)",
        ),
        ("'--prefix=/usr' '--with-dtrace'", "optimised build (Debian's"),
        ("'--prefix=/root/.pyenv/versions/3.11.7'", "unoptimised build"),
        ("", "unoptimised build"),
    ],
)
def test_how_a_python_was_built(configured: str, said: str) -> None:
    assert build(configured).startswith(said)


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
