"""Files as a web site, for other sites' scripts, and the documentation of the service."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.file_service.asgi import app_over, call
from tests.file_service.memory_source import MemorySource

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SITE = {
    "index.html": b"<h1>home</h1>",
    "guide/index.html": b"<h1>guide</h1>",
    "guide/logo.svg": b"<svg/>",
    "empty/other.txt": b"no index here",
}


def test_an_index_stands_for_its_folder() -> None:
    app = app_over(MemorySource(SITE), index="index.html")
    for target, body in (("/files/", b"<h1>home</h1>"), ("/files/guide/", b"<h1>guide</h1>")):
        answer = call(app, target, HTML)
        assert (answer.status, answer.body) == (200, body)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "content-security-policy" not in answer.headers  # a site's scripts run
        assert call(app, target, {**HTML, "if-none-match": answer.headers["etag"]}).status == 304
        assert call(app, target, {"accept": "application/json"}).json()["entries"]
    assert b"Index of /empty/" in call(app, "/files/empty/", HTML).body
    assert call(app, "/files/guide", HTML).status == 308


def test_a_fallback_is_for_browsers() -> None:
    app = app_over(MemorySource(SITE), fallback="index.html")
    answer = call(app, "/files/some/view", HTML)
    assert (answer.status, answer.body) == (200, b"<h1>home</h1>")
    assert call(app, "/files/some/view", {"accept": "*/*"}).status == 404  # an image, a script
    assert call(app, "/files/guide", HTML).status == 308
    gone = app_over(MemorySource({"a": b""}), fallback="index.html")
    assert call(gone, "/files/some/view", HTML).status == 404


def test_without_the_settings_no_script_of_a_file_runs() -> None:
    answer = call(app_over(MemorySource(SITE)), "/files/index.html", HTML)
    assert answer.headers["content-security-policy"] == "sandbox"


def test_scripts_of_named_sites_read_files_and_ranges_of_them() -> None:
    app = app_over(MemorySource(SITE), cors_origins=["https://app.example"], token="secret")
    origin = {"origin": "https://app.example"}
    asked = {
        **origin,
        "access-control-request-method": "GET",
        "access-control-request-headers": "range, x-file-token, if-range",
    }
    preflight = call(app, "/files/index.html", asked, method="OPTIONS")
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert "GET" in preflight.headers["access-control-allow-methods"]
    answer = call(
        app, "/files/index.html", {**origin, "x-file-token": "secret", "range": "bytes=0-3"}
    )
    assert answer.status == 206
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "Content-Range" in answer.headers["access-control-expose-headers"].title()
    assert "access-control-allow-credentials" not in answer.headers
    other = call(app, "/files/index.html", {"origin": "https://evil.example"}, method="GET")
    assert "access-control-allow-origin" not in other.headers
    post = {**asked, "access-control-request-method": "POST"}
    assert call(app, "/shares", post, method="OPTIONS").status == 400


def test_without_the_setting_no_other_site_reads_anything() -> None:
    answer = call(app_over(MemorySource(SITE)), "/files/", {"origin": "https://app.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_the_sums_of_a_folder_are_checked_by_sha256sum(tmp_path: Path) -> None:
    files = {
        "photos/a.jpg": b"a" * 1000,
        "photos/empty": b"",
        "photos/2026/na\u00efve \u2603.txt": b"snow",
        "photos/2026/large.bin": bytes(3_000_000),
        "other": b"not below",
    }
    app = app_over(MemorySource(files))
    answer = call(app, "/digests/photos/")
    assert answer.status == 200
    assert answer.length == str(len(answer.body))
    assert answer.body.splitlines()[-1] == b"# 4 files"
    head = call(app, "/digests/photos/", method="HEAD")
    assert (head.status, head.length, head.body) == (200, answer.length, b"")
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    sums = tmp_path / "photos" / "SHA256SUMS"
    sums.write_bytes(answer.body)
    check = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    ran = subprocess.run(check, cwd=sums.parent, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.count(": OK")) == (0, 4), ran.stdout + ran.stderr
    assert len(call(app, "/digests/").body.splitlines()) == 6
    assert "repr-digest" in call(app, "/files/photos/a.jpg").headers
    assert call(app, "/digests/nope/").status == 404
    assert hashlib.sha256(b"not below").hexdigest().encode() in call(app, "/digests/").body


def test_sums_that_take_too_long_are_refused() -> None:
    source = MemorySource({f"{number}": b"" for number in range(100)})
    source.files_per_second = 10
    assert call(app_over(source), "/digests/", seconds_left=5).status == 413
    assert call(app_over(source), "/digests/", seconds_left=15).status == 200


def test_the_documentation_has_no_script_and_nothing_from_elsewhere() -> None:
    app = app_over(MemorySource(SITE), token="secret")
    answer = call(app, "/docs")
    page = answer.body.decode()
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"<script|https?://|<link|<img", page)
    for route in ("GET /files/{path}", "POST /shares", "POST /login", "GET /archives/{path}"):
        assert route in page
    assert call(app, "/redoc").status == 404


@pytest.mark.parametrize("token", ["secret", None])
def test_the_openapi_document_says_how_to_say_who_asks(token: str | None) -> None:
    document = json.loads(call(app_over(MemorySource(SITE), token=token), "/openapi.json").body)
    schemes = document["components"].get("securitySchemes", {})
    asked = document["paths"]["/files/{path}"]["get"].get("security", [])
    if token is None:
        assert (schemes, asked) == ({}, [])
    else:
        kinds = {name: scheme["type"] for name, scheme in schemes.items()}
        assert kinds == {"token": "apiKey", "bearer": "http", "basic": "http", "session": "apiKey"}
        assert [list(each) for each in asked] == [[name] for name in kinds]
        assert "security" not in document["paths"]["/login"]["post"]
