"""Which names and secrets a request may mean, what is signed, and who sees which folder."""

from base64 import b64encode

import pytest

from file_service.identity.caller import folder_of
from file_service.identity.credentials import presented
from file_service.identity.signing import Signer
from file_service.identity.users import TOKEN_USER
from file_service.problem import Problem


def basic(text: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(text.encode()).decode()}"}


@pytest.mark.parametrize(
    ("headers", "readings"),
    [
        ({}, None),
        ({"authorization": "Negotiate abc"}, None),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=a"}, None),
        ({"authorization": "bearer  secret "}, [(TOKEN_USER, "secret")]),
        ({"authorization": "Bearer a:b:c"}, [(TOKEN_USER, "a:b:c"), ("a", "b:c")]),
        ({"authorization": "Bearer a", "x-file-token": " b "}, [(TOKEN_USER, "b")]),
        ({"x-file-token": "\xc3\xa9"}, [(TOKEN_USER, "é")]),
        ({"x-file-token": "\xe9"}, [(TOKEN_USER, "\xe9")]),
        (basic("a:b:c"), [("a", "b:c")]),
        (basic(":secret"), [(TOKEN_USER, "secret")]),
        (basic("no colon"), []),
        ({"authorization": "Basic YTpi"}, [("a", "b")]),
        ({"authorization": "Basic YT!pi"}, []),
        ({"authorization": "Basic /w=="}, []),
    ],
)
def test_the_readings_of_a_request(
    headers: dict[str, str], readings: list[tuple[str, str]] | None
) -> None:
    assert presented(headers) == readings


def test_a_signed_text_is_as_short_as_it_can_be() -> None:
    signer = Signer({"new": b"secret", "old": b"other"})
    text = signer.sign("share", ["a", {"b": 1}])
    key_id, payload, _ = text.split(".")
    assert (key_id, payload) == ("new", b64encode(b'["a",{"b":1}]').decode().rstrip("="))
    assert signer.verify("share", text) == ["a", {"b": 1}]
    assert signer.verify("session", text) is None


@pytest.mark.parametrize(
    ("arn", "prefixes", "detail"),
    [
        (None, {"*": "all/"}, "This service asks for requests signed by IAM."),
        ("arn:a", {}, "No folder is set for this caller."),
        ("arn:a", {"arn:b*": "b/"}, "No folder is set for this caller."),
    ],
)
def test_a_caller_without_a_folder_is_told_why(
    arn: str | None, prefixes: dict[str, str], detail: str
) -> None:
    with pytest.raises(Problem) as refused:
        folder_of(arn, prefixes)
    assert (refused.value.status, refused.value.detail) == (403, detail)


def test_the_first_pattern_counts() -> None:
    assert folder_of("arn:ab", {"arn:a?": "one/", "arn:*": "all/"}) == "one/"
