from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from file_service.http.conditional import (
    Outcome,
    evaluate,
    http_date,
    if_range_holds,
    revalidates,
)

THEN = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
FIELDS = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"]


@pytest.mark.parametrize(
    "field",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_the_three_forms_of_a_date(field: str) -> None:
    assert http_date(field) == THEN  # the examples of RFC 9110 section 5.6.7


@pytest.mark.parametrize(
    "field",
    [
        "",
        "0",
        "784111777",
        "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 +0100",
        "x" * 9999,
    ],
)
def test_what_is_no_date(field: str) -> None:
    assert http_date(field) is None


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(st.characters(max_codepoint=255))))
def test_no_field_does_harm(fields: dict[str, str]) -> None:
    evaluate(fields, '"tag"', THEN)
    for field in fields.values():
        holds = if_range_holds(field, '"tag"', THEN, THEN + timedelta(days=1))
        assert holds is (field == '"tag"' or http_date(field) == THEN)


@pytest.mark.parametrize(("age", "strong"), [(0, False), (1, False), (60, False), (61, True)])
def test_a_date_is_a_strong_validator_only_of_what_was_there_for_a_while(
    age: int, strong: bool
) -> None:
    """Two versions of one second have one date (RFC 9110 section 8.8.2.2)."""
    field = THEN.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert if_range_holds(field, '"tag"', THEN, THEN + timedelta(seconds=age)) is strong
    assert not if_range_holds(field, '"tag"', THEN - timedelta(seconds=1), THEN + timedelta(days=1))


@pytest.mark.parametrize(
    ("field", "matches"),
    [
        ('"tag"', True),
        ('W/"tag"', True),
        ('"a", "tag"', True),
        (' ,"a" ,, "tag", ', True),
        ("*", True),
        ('"tag"junk', False),
        ('junk"tag"', False),
        ('"tag" "a"', False),
        ('"tag", junk', False),
        ('w/"tag"', False),
        ("tag", False),
        ('"tag', False),
        ('*, "tag"', False),
        ("", False),
    ],
)
def test_a_malformed_entity_tag_matches_nothing(field: str, matches: bool) -> None:
    due = Outcome.NOT_MODIFIED if matches else Outcome.PROCEED
    assert evaluate({"if-none-match": field}, '"tag"', THEN) is due
    if "W/" not in field:
        due = Outcome.PROCEED if matches else Outcome.PRECONDITION_FAILED
        assert evaluate({"if-match": field}, '"tag"', THEN) is due


@pytest.mark.parametrize(
    ("field", "due"),
    [('W/"tag"', Outcome.PRECONDITION_FAILED), ('W/"tag", "tag"', Outcome.PROCEED)],
)
def test_a_weak_tag_is_no_match_for_if_match(field: str, due: Outcome) -> None:
    assert evaluate({"if-match": field}, '"tag"', THEN) is due


@pytest.mark.parametrize(
    ("field", "holds"), [('"tag"', True), ('"other"', False), ('W/"tag"', False), ('"tag', False)]
)
def test_if_range_takes_exactly_the_strong_tag(field: str, holds: bool) -> None:
    assert if_range_holds(field, '"tag"', THEN, THEN + timedelta(days=1)) is holds


def test_a_long_malformed_field_takes_no_time() -> None:
    for field in (
        "," * 60_000 + "x",
        '"a"' + ", " * 30_000 + "x",
        '"a",' * 20_000 + "x",
        " \t" * 30_000,
    ):
        assert evaluate({"if-none-match": field}, '"tag"', THEN) is Outcome.PROCEED


@given(
    st.timedeltas(timedelta(-1000), timedelta(1000)).map(
        lambda delta: delta - timedelta(0, 0, delta.microseconds)
    )
)
def test_the_two_dates_are_opposites(shift: timedelta) -> None:
    field = (THEN + shift).strftime("%a, %d %b %Y %H:%M:%S GMT")
    modified_since = evaluate({"if-modified-since": field}, '"tag"', THEN) is Outcome.PROCEED
    unmodified_since = evaluate({"if-unmodified-since": field}, '"tag"', THEN) is Outcome.PROCEED
    assert modified_since is not unmodified_since


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({"if-none-match": '"a"'}, True),
        ({"if-modified-since": "Sun, 06 Nov 1994 08:49:37 GMT"}, True),
        ({"if-match": '"a"'}, False),
        ({}, False),
    ],
)
def test_either_field_revalidates(fields: dict[str, str], due: bool) -> None:
    assert revalidates(fields) is due
