"""Which bodies of a buffered result are text."""

import pytest

from lambda_asgi._event_sources.text_bodies import is_text, media_type


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"application/json", True),
        (b"APPLICATION/JSON", True),
        (b"Application/Problem+JSON; charset=utf-8", True),
        (b" text/html ;charset=UTF-8", True),
        (b"application/yaml", True),
        (b"application/x-yaml", True),
        (b"application/openapi+yaml", True),
        (b"application/jwt", True),
        (b"application/openmetrics-text; version=1.0.0; charset=utf-8", True),
        (b"image/svg+xml", True),
        (b"application/x-www-form-urlencoded", True),
        (b"application/octet-stream", False),
        (b"image/png", False),
        (b"application/jsonfoo", False),
        (b"multipart/form-data; boundary=application/json", False),
    ],
)
def test_by_type(content_type: bytes, expected: bool) -> None:
    assert is_text([(b"Content-Type", content_type)], b"{}", ()) is expected


def test_without_a_type_the_bytes_decide() -> None:
    assert is_text([], "snow ☃".encode(), ())
    assert not is_text([], b"\x89PNG", ())


def test_bytes_that_are_not_utf_8_are_never_text() -> None:
    assert not is_text([(b"content-type", b"text/plain; charset=latin-1")], b"caf\xe9", ())


def test_an_encoded_body_is_never_text() -> None:
    assert not is_text(
        [(b"content-encoding", b"br"), (b"content-type", b"text/plain")], b"\x0b\x02", ()
    )
    assert is_text(
        [(b"content-encoding", b"identity"), (b"content-type", b"text/plain")], b"ok", ()
    )


def test_types_of_the_users() -> None:
    headers = [(b"content-type", b"Application/X-Mine")]
    assert not is_text(headers, b"ok", ())
    assert is_text(headers, b"ok", ("application/x-mine",))
    assert is_text(headers, b"ok", ("X-Mine",)), "a part of a type, as with Mangum"


def test_media_type() -> None:
    assert media_type([(b"x", b"y"), (b"content-type", b"Text/HTML; x")]) == "text/html"
    assert media_type([]) == ""
