"""What is made of a file's name: whether it is served, its type, and the name it is saved under."""

import re
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from file_service.http.content_disposition import content_disposition
from file_service.http.negotiation import preferred
from file_service.media_types import is_active, media_type
from file_service.paths import BadPath, is_served, requested_path


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("report.pdf", 'inline; filename="report.pdf"'),
        ('say "hi".txt', "inline; filename=\"say _hi_.txt\"; filename*=UTF-8''say%20%22hi%22.txt"),
        ("100%.txt", "inline; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
        ("back\\slash", "inline; filename=\"back_slash\"; filename*=UTF-8''back%5Cslash"),
        (
            "€ rates",
            "inline; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates",
        ),  # RFC 8187 section 3.2.3
        (
            "Ünïcödé.txt",
            "inline; filename=\"Unicode.txt\"; filename*=UTF-8''%C3%9Cn%C3%AFc%C3%B6d%C3%A9.txt",
        ),
        ("X~.txt", 'inline; filename="X~.txt"'),
        ("tab\there", "inline; filename=\"tab_here\"; filename*=UTF-8''tab%09here"),
    ],
)
def test_the_name_to_save_a_file_under(name: str, due: str) -> None:
    assert content_disposition(name, attachment=False) == due


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_name_is_a_safe_header_and_comes_back_whole(name: str) -> None:
    value = content_disposition(name, attachment=True)
    match = re.fullmatch(
        r'attachment; filename="([ -~]*)"(?:; filename\*=UTF-8\'\'([!#$&+.^_`|~\w%-]+))?',
        value,
        re.ASCII,
    )
    assert match is not None
    assert '"' not in match[1]
    assert (unquote(match[2]) if match[2] else match[1]) == name


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.TXT", "text/plain; charset=utf-8"),
        ("a.tar.gz", "application/gzip"),
        ("a.svg", "image/svg+xml"),
        ("a.svgz", "application/gzip"),
        ("a.mp4", "video/mp4"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.parquet", "application/vnd.apache.parquet"),
        ("a.m3u8", "application/vnd.apple.mpegurl"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("a.pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        ("a", "application/octet-stream"),
        ("a.unknown", "application/octet-stream"),
        ("a.tar.Z", "application/octet-stream"),  # compressed by a way without a type
        ("data:text/html,x", "application/octet-stream"),
        ("http://x/a.txt", "text/plain; charset=utf-8"),
    ],
)
def test_the_type_by_the_name(name: str, due: str) -> None:
    assert media_type(name, 1000) == due


@pytest.mark.parametrize(
    "name",
    ["a.sql", "a.rs", "a.go", "a.ts", "a.conf", "a.ini", "a.toml", "Cargo.lock", "a.log", "a.MD"],
)
def test_what_people_write_is_text_for_browsers(name: str) -> None:
    assert media_type(name, 1000).startswith("text/")
    assert media_type(name, 1000).endswith("; charset=utf-8")


@pytest.mark.parametrize(
    ("size", "due"),
    [
        (188 * 5000, "video/mp2t"),  # a segment of a video stream
        (188 * 100, "video/mp2t"),
        (188 * 99, "text/plain; charset=utf-8"),
        (188 * 5000 + 1, "text/plain; charset=utf-8"),
        (188, "text/plain; charset=utf-8"),
        (0, "text/plain; charset=utf-8"),
    ],
)
def test_ts_is_video_or_typescript(size: int, due: str) -> None:
    assert media_type("a.ts", size) == media_type("folder/A.TS", size) == due


def test_what_a_browser_would_run() -> None:
    assert all(
        is_active(media_type(f"a.{extension}", 1000))
        for extension in ("html", "htm", "svg", "xhtml", "xml")
    )
    assert not any(
        is_active(media_type(f"a.{extension}", 1000))
        for extension in ("txt", "pdf", "png", "json", "mp4")
    )


@pytest.mark.parametrize(
    "path", ["a", "a/b.c", "a b/ü", "a..b/...c"[:-5], "a/", "-", "~", "a:b", "con", "*"]
)
def test_served(path: str) -> None:
    assert is_served(path, show_hidden=False)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/a",
        "a//b",
        "..",
        "../a",
        "a/..",
        "a/../b",
        ".",
        "a/./b",
        "a\\b",
        "a\0",
        "a\nb",
        "a\x1b",
        "a\x7f",
        "\ud800",
        "a//",
    ],
)
def test_never_served(path: str) -> None:
    assert not is_served(path, show_hidden=True)


@pytest.mark.parametrize("path", [".a", "a/.b", ".git/config", "...", ".a/"])
def test_served_when_hidden_names_are_shown(path: str) -> None:
    assert not is_served(path, show_hidden=False)
    assert is_served(path, show_hidden=True)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_quoted_path_comes_through_or_is_refused(path: str) -> None:
    raw = quote(path, safe="/").encode()
    if re.search(r"[\x00-\x1f\x7f\\]", path):
        with pytest.raises(BadPath):
            requested_path(raw, path)
    else:
        assert requested_path(raw, path) == path


@pytest.mark.parametrize(
    ("accept", "due"),
    [
        ("", "a/json"),
        ("*/*", "a/json"),
        ("t/html", "t/html"),
        ("t/html;q=0.5", "t/html"),
        ("t/html;q=1, a/json", "a/json"),
        ("t/html;q=1, a/json;q=1", "a/json"),
        ("t/html, a/json;q=1", "a/json"),  # without a quality it is 1
        ("*/*;q=0", "a/json"),
        ("t/html;q=0", "t/html"),
        ("a/json;q=0.5, t/html", "t/html"),
        ("t/html;q=0.5, */*", "a/json"),
        ("T/HTML ; Q=1 , */*;q=0.1", "t/html"),
        ("t/*, a/*;q=0.9", "t/html"),
        ("t/html, */*", "t/html"),
        ("t/*, */*", "t/html"),
        ("a/*, t/html", "t/html"),
        ("t/*, a/json", "a/json"),
        ("*/*, a/json;q=0", "t/html"),
        ("image/png", "a/json"),
        ("t/html;q=x, a/json;q=0.1", "a/json"),
        (",;,q=1", "a/json"),
    ],
)
def test_negotiation(accept: str, due: str) -> None:
    assert preferred(accept, ["a/json", "t/html"]) == due


@pytest.mark.parametrize(
    ("raw", "path", "told"),
    [
        (b"/a%2Fb", "/a/b", "An encoded slash, backslash or NUL is not allowed in a path."),
        (b"/a\\b", "/a\\b", "A backslash or control character is not allowed in a path."),
        (b"/a%ff", "/a\ufffd", "The path is not UTF-8."),
    ],
)
def test_a_bad_path_is_explained(raw: bytes, path: str, told: str) -> None:
    with pytest.raises(BadPath) as raised:
        requested_path(raw, path)
    assert str(raised.value) == told
