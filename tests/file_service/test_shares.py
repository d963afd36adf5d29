"""Links that let others read one file or folder for some time."""

import json
import logging
from typing import Any

import pytest
from fastapi import FastAPI

from file_service.identity import authenticator
from file_service.identity.hashes import hash_token
from tests.file_service.asgi import app_over, call, log_lines
from tests.file_service.memory_source import MemorySource
from tests.file_service.servers import Answer

FILES = {
    "photos/a.jpg": b"a",
    "photos/2026/b.jpg": b"b",
    "photos-private/c.jpg": b"c",
    "photos2/d.jpg": b"d",
    "anna/photos/e.jpg": b"e",
    "top.txt": b"top",
}
KEYS = {"2026-11": "k" * 32}
ANNA = {"anna": {"hash": hash_token("anna-token").text, "folder": "anna"}}
TOKEN = {"x-file-token": "root-token"}


def app_with(source: MemorySource | None = None, **settings: Any) -> FastAPI:
    chosen = {"users": ANNA, "signing_keys": KEYS, "token": "root-token"} | settings
    return app_over(source or MemorySource(FILES), **chosen)


@pytest.fixture
def app() -> FastAPI:
    return app_with()


def share(app: FastAPI, path: str, seconds: int = 60, headers: Any = TOKEN) -> Answer:
    return call(
        app,
        "/shares",
        {"content-type": "application/json", **headers},
        method="POST",
        body=json.dumps({"path": path, "seconds": seconds}),
    )


def link(app: FastAPI, path: str, seconds: int = 60, headers: Any = TOKEN) -> str:
    answer = share(app, path, seconds, headers)
    assert answer.status == 201, answer.body
    assert answer.headers["location"] == answer.json()["url"]
    return f"/{answer.json()['url']}"


def paths(answer: Answer) -> list[str]:
    return [entry["path"] for entry in answer.json()["entries"]]


LISTING = {"accept": "application/json"}


def test_a_folder_is_all_there_is_behind_its_link(app: FastAPI) -> None:
    url = link(app, "photos/")
    assert paths(call(app, f"{url}files/", LISTING)) == ["2026/", "a.jpg"]
    assert paths(call(app, f"{url}files/2026/", LISTING)) == ["2026/b.jpg"]
    assert call(app, f"{url}files/a.jpg").body == b"a"
    assert call(app, f"{url}archives/2026").status == 200
    assert b"event: digest" in call(app, f"{url}digests/a.jpg").body
    assert b"<html" in call(app, url).body
    session = call(app, f"{url}session").json()
    assert session["share"]["path"] == "photos/"
    assert (session["user"], session["may_read"], session["may_share"]) == (None, True, False)


@pytest.mark.parametrize(
    "target",
    [
        "files/photos/a.jpg",
        "files/../top.txt",
        "files/%2e%2e/top.txt",
        "files/..%2ftop.txt",
        "files/top.txt",
        "files/c.jpg",
        "archives/photos-private",
        "files/?prefix=../photos2/",
        "files//../top.txt",
    ],
)
def test_a_link_ends_at_the_path_segment(app: FastAPI, target: str) -> None:
    assert call(app, link(app, "photos/") + target).status in (400, 404)
    assert call(app, link(app, "photos/2026/") + target).status in (400, 404)


def test_a_file_is_all_there_is_behind_its_link(app: FastAPI) -> None:
    url = link(app, "photos/a.jpg")
    assert paths(call(app, f"{url}files/", LISTING)) == ["a.jpg"]
    assert call(app, f"{url}files/a.jpg").body == b"a"
    assert b"a.jpg" in call(app, f"{url}archives/").body
    for target in ("files/2026/", "files/2026/b.jpg", "files/photos/a.jpg", "digests/2026/b.jpg"):
        assert call(app, url + target).status == 404


def test_a_user_shares_from_the_own_folder(app: FastAPI) -> None:
    anna = {"x-file-token": "anna:anna-token"}
    url = link(app, "photos/", headers=anna)
    assert paths(call(app, f"{url}files/", LISTING)) == ["e.jpg"]
    assert paths(call(app, f"{link(app, '', headers=anna)}files/", LISTING)) == ["photos/"]
    for path in ("../top.txt", "anna/photos/", "top.txt", "nope", "nope/", "photos"):
        assert share(app, path, headers=anna).status == 404
    assert share(app, "a\\b", headers=anna).status == 400


def test_a_link_says_when_it_ends_and_ends(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    url = link(app, "photos/", 3600)
    now = authenticator._now
    monkeypatch.setattr(authenticator, "_now", lambda: now().replace(year=2099))
    answer = call(app, f"{url}files/a.jpg")
    assert (answer.status, answer.json()["detail"]) == (403, "This link has ended.")
    assert call(app, f"{url}session").status == 403


@pytest.mark.parametrize(("seconds", "status"), [(3600, 201), (3601, 422), (0, 422), (-5, 422)])
def test_no_link_lasts_longer_than_the_longest(seconds: int, status: int) -> None:
    assert share(app_with(share_max_seconds=3600), "photos/", seconds).status == status


def test_a_key_or_a_user_that_is_gone_takes_the_links_along(app: FastAPI) -> None:
    url = link(app, "photos/")
    annas = link(app, "photos/", headers={"x-file-token": "anna:anna-token"})
    new = {"2026-12": "n" * 32}
    for changed, seen, annas_seen in (
        (app_with(signing_keys={**new, **KEYS}), 200, 200),
        (app_with(signing_keys=new), 403, 403),
        (app_with(signing_keys={"2026-11": "n" * 32}), 403, 403),
        (app_with(users={}), 200, 403),
        (app_with(users={"anna": {**ANNA["anna"], "folder": "elsewhere"}}), 200, 403),
        (app_with(token=None), 403, 200),
    ):
        assert call(changed, f"{url}files/").status == seen
        assert call(changed, f"{annas}files/").status == annas_seen


@pytest.mark.parametrize("token", ["x", "", "2026-11.WyJwaG90b3MvIl0.AAAA", "%2e%2e", "a.b.c"])
def test_a_made_up_link_is_not_valid(app: FastAPI, token: str) -> None:
    assert call(app, f"/s/{token}/files/a.jpg", TOKEN).status == 403


def test_a_link_lets_nobody_share_or_log_in(app: FastAPI) -> None:
    url = link(app, "photos/")
    body = json.dumps({"path": "2026/", "seconds": 1, "secret": "root-token"})
    for target, headers in (("shares", {}), ("shares", TOKEN), ("login", {})):
        answer = call(
            app,
            url + target,
            {"content-type": "application/json", **headers},
            method="POST",
            body=body,
        )
        assert answer.status == 403


def test_who_is_nobody_cannot_share(app: FastAPI) -> None:
    assert share(app, "photos/", headers={}).status == 401
    assert share(app_over(MemorySource(FILES), signing_keys=KEYS), "photos/").status == 401


def test_a_link_without_its_slash_leads_to_the_page(app: FastAPI) -> None:
    url = link(app, "photos/")
    answer = call(app, url.rstrip("/"))
    assert (answer.status, answer.headers["location"]) == (307, url.split("/")[2] + "/")


def test_a_presigned_url_ends_with_the_link() -> None:
    source = MemorySource({**FILES, "photos/large": bytes(2000)})
    source.signed_url = "https://bucket"
    app = app_with(source, stream_max_bytes=1000, stream_burst_bytes=1000)
    own = call(app, "/files/photos/large", TOKEN, seconds_left=100).headers["location"]
    assert own == "https://bucket/photos/large?seconds=900"
    shared = call(app, f"{link(app, 'photos/', 60)}files/large", seconds_left=100)
    path, _, seconds = shared.headers["location"].partition("?seconds=")
    assert path == "https://bucket/photos/large"
    assert 50 <= int(seconds) <= 60


def test_no_log_and_no_referrer_tells_the_link(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    url = link(app, "photos/")
    token = url.split("/")[2]
    with caplog.at_level(logging.DEBUG):
        for target in ("", "files/", "files/a.jpg", "archives/", "session", "files/nope"):
            assert call(app, url + target).headers["referrer-policy"] == "no-referrer"
        call(app, f"/s/{token}")
    ours = [r.getMessage() for r in caplog.records if r.name.partition(".")[0] == "file_service"]
    assert len(ours) >= 6
    assert not [message for message in ours if token.rpartition(".")[2] in message]
    line = next(line for line in log_lines(caplog) if line["path"] == "/files/a.jpg")
    assert line["share"] == "photos/"
