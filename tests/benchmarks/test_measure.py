"""Figures, ratios and what a round is made of."""

import math
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.content import fingerprint
from benchmarks.framing import DELIMITER
from benchmarks.measure import Spread, delays, difference, known, measured, quantile, ratio
from benchmarks.peer import Running
from benchmarks.processors import shared_out
from benchmarks.runtime_api import Answer

rates = st.lists(st.floats(1, 1000), min_size=1, max_size=9)


def rounds(values: list[float]) -> list[dict[str, float]]:
    return [{"wall_us": value} for value in values]


def test_ratios_are_of_two_rounds_of_the_same_turn() -> None:
    # Twice as slow in the second turn, both of them: the ratio does not see it.
    assert ratio(rounds([10, 20, 15]), rounds([20, 40, 30]), "wall_us") == Spread(0.5, 0.5, 0.5)
    assert ratio(rounds([10, 30, 20]), rounds([10, 10, 10]), "wall_us") == Spread(1, 2, 3)
    assert difference(rounds([10, 30, 20]), rounds([10, 10, 10]), "wall_us") == Spread(0, 10, 20)


@given(rates, rates)
def test_a_spread_is_in_order_and_turns_over(ours: list[float], theirs: list[float]) -> None:
    there, back = (
        ratio(rounds(ours), rounds(theirs), "wall_us"),
        ratio(rounds(theirs), rounds(ours), "wall_us"),
    )
    assert there is not None
    assert back is not None
    assert there.least <= there.median <= there.most
    assert there.least == pytest.approx(1 / back.most)


def test_what_was_not_measured_has_no_ratio() -> None:
    assert ratio(rounds([1.0]), [], "wall_us") is None
    assert ratio(rounds([1.0]), [{}], "wall_us") is None
    assert ratio(rounds([1.0]), rounds([0.0]), "wall_us") is None
    assert difference([{}], rounds([1.0]), "wall_us") is None
    assert known({"cpu_us": math.nan, "wall_us": 1.0}) == {"wall_us": 1.0}


def test_quantiles() -> None:
    values = [float(number) for number in range(100)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([7.0], 0.99)) == (
        50.0,
        99.0,
        7.0,
    )


@given(st.lists(st.floats(0, 10), min_size=1), st.floats(0, 0.99))
def test_a_share_does_not_exceed_its_quantile(values: list[float], share: float) -> None:
    values.sort()
    assert sum(value <= quantile(values, share) for value in values) >= share * len(values)


def test_how_late_each_message_was() -> None:
    # Sent at 1 s and at 2 s, by their own word;
    # the second came in two pieces, and is there with the last.
    prelude = b'{"statusCode":200}' + DELIMITER
    one, two = (b"data:%020d    \n" % nanoseconds for nanoseconds in (10**9, 2 * 10**9))
    wire = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (prelude, one, two))
    pieces = [(0.5, wire[:40]), (1.25, wire[40:-10]), (2.5, wire[-10:] + b"0\r\n\r\n")]
    answer = Answer(pieces=pieces, received=sum(len(piece) for _, piece in pieces))
    assert delays(answer) == [0.25, 0.5]


def test_a_round() -> None:
    """A peer that used 3 s of processor time and grew by 2 MiB.

    It sent 1 MiB in half a second, four times.
    """
    answer = Answer(sent=10.0, ended=10.5, received=2**20 + 1, pieces=[(10.25, b"x")], plain=True)
    cpu = iter([5.0, 8.0])
    asked: list[bytes] = []

    def run(events: list[bytes], *, at_once: int) -> list[Answer]:
        assert at_once == 1
        asked.extend(events)
        return [answer] * len(events)

    peer = SimpleNamespace(
        cpu=lambda: next(cpu),
        resident=lambda: 30.0,
        peak=lambda: 32.0,
        forget_peak=lambda: None,
        server=SimpleNamespace(run=run),
    )
    figures = measured(cast(Running, cast(Any, peer)), "/files/{}", 4)
    assert figures["cpu_us"] == 750_000
    assert figures["first_byte_p50_us"] == figures["first_byte_p99_us"] == 250_000
    assert figures["mb_per_s"] == pytest.approx((2**20 + 1) * 4 / 2 / 1e6)
    assert figures["grown_mib"] == 2.0
    assert [b'"rawPath": "/files/%d"' % number in event for number, event in enumerate(asked)] == [
        True
    ] * 4


@given(st.lists(st.binary()))
def test_a_fingerprint_does_not_see_the_cuts(pieces: list[bytes]) -> None:
    assert fingerprint(pieces) == fingerprint([b"".join(pieces)])


def test_processors_are_shared_out() -> None:
    one, others = frozenset({1}), frozenset({0})
    assert shared_out(one | others) == (one, others)
    assert shared_out(one) == (one, one)
    assert shared_out(frozenset()) == (frozenset(), frozenset())
    assert shared_out(frozenset({2, 4, 7})) == (frozenset({7}), frozenset({2, 4}))
