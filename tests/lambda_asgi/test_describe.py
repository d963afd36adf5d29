"""How values of an app appear in messages. The words are exact, because people search logs."""

from typing import Any

import pytest

from lambda_asgi._describe import LONGEST, LONGEST_TEXT, described, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "'text'"),
        (b"bytes", "b'bytes'"),
        ("a" * LONGEST, repr("a" * LONGEST)),
        ("a" * (LONGEST + 1), repr("a" * LONGEST) + "... (of length 81)"),
        (bytearray(b"ab"), "bytearray(b'ab')"),
        (memoryview(b"abc"), "a memoryview of 3 bytes"),
        (None, "None"),
        (True, "True"),
        (1.5, "1.5"),
        (2**64 - 1, str(2**64 - 1)),
        (2**64, "a number of 65 bits"),
        ([1, "a"], "[1, 'a']"),
        ((1, 2), "(1, 2)"),
        ({"a": 1}, "{'a': 1}"),
        (list(range(5)), "[0, 1, 2, 3, 4]"),
        (list(range(6)), "[0, 1, 2, 3, 4, ...]"),
        ({n: n for n in range(6)}, "{0: 0, 1: 1, 2: 2, 3: 3, 4: 4, ...}"),
        ([[1]], "[[1]]"),
        ([[[1]]], "[[a list]]"),
        ({"a": {"b": {}}}, "{'a': {'b': a dict}}"),
        ({((1,),): 0}, "{(a tuple): 0}"),
        (object(), "an object of the type object"),
    ],
)
def test_described(value: Any, text: str) -> None:
    assert described(value) == text


def test_the_text_of_an_exception_is_cut_above_its_limit() -> None:
    whole = "x" * LONGEST_TEXT
    assert text_of(ValueError(whole)) == whole
    longer = f"{whole}... (of length {LONGEST_TEXT + 1})\n"
    assert text_of(ValueError(whole + "y")) == longer
