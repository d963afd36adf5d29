"""Host headers: which are an authority, and which host and port they name."""

from typing import Any

import pytest

from lambda_asgi._event_sources.authority import server_address


@pytest.mark.parametrize(
    ("host", "forwarded_port", "scheme", "server"),
    [
        ("example.com", None, "https", ("example.com", 443)),
        ("example.com", None, "http", ("example.com", 80)),
        ("example.com", b"8443", "https", ("example.com", 8443)),
        ("example.com:3000", b"443", "http", ("example.com", 3000)),
        ("203.0.113.7:80", None, "https", ("203.0.113.7", 80)),
        ("under_score.example", None, "https", ("under_score.example", 443)),
        ("[::1]:3000", None, "http", ("::1", 3000)),
        ("[::1]", b"8080", "http", ("::1", 8080)),
        ("[::ffff:203.0.113.7]", None, "http", ("::ffff:203.0.113.7", 80)),
        ("example.com:", None, "https", ("example.com", 443)),
        ("example.com:0", b"8443", "https", ("example.com", 443)),
        ("example.com:65535", None, "https", ("example.com", 65535)),
        ("example.com", b"0", "https", ("example.com", 443)),
        ("example.com", b"1", "https", ("example.com", 1)),
        ("example.com", b"65535", "https", ("example.com", 65535)),
        ("example.com", b"008080", "https", ("example.com", 443)),
        ("example.com", b"65536", "https", ("example.com", 443)),
        ("example.com", b"443, 443", "https", ("example.com", 443)),
        ("example.com", "²".encode("latin-1"), "https", ("example.com", 443)),
    ],
)
def test_server_address(host: str, forwarded_port: bytes | None, scheme: str, server: Any) -> None:
    assert server_address(host, forwarded_port, scheme) == server


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        ":",
        ":80",
        "example.com:x",
        "example.com:-1",
        "example.com:65536",
        "example.com:²",
        "good.example/public?",
        "good.example?x",
        "good.example#x",
        "good.example\\x",
        "user@good.example",
        "user:pass@good.example",
        "a b",
        "a,b example",
        "good.example\n",
        "good.example\x00",
        "bücher.example",
        "%zz",
        "[:::]",
        "[]",
        "[::1",
        "::1",
        "[::1]x",
        "[fe80::1%25eth0]",
        "[v1.x]",
        "[1]",
        "<b>",
    ],
)
def test_malformed(host: str) -> None:
    assert server_address(host, None, "https") is None
