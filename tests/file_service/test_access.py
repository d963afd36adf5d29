"""Who may see what, and what the log says of them."""

import logging
import re
from typing import Any

import pytest
from fastapi import FastAPI

from tests.file_service.asgi import app_over, call, log_lines
from tests.file_service.memory_source import MemorySource

FILES = {
    "anna/a.txt": b"of anna",
    "anna/deep/b.txt": b"too",
    "bob/a.txt": b"of bob",
    "top.txt": b"of nobody",
}
ANNA = "arn:aws:iam::123456789012:user/anna"
READER = "arn:aws:sts::123456789012:assumed-role/Reader/session-1"
PROTECTED = [
    "/files/top.txt",
    "/files/",
    "/files/anna/",
    "/archives/",
    "/archives/anna",
    "/digests/top.txt",
]


def signed_by(arn: str) -> dict[str, Any]:
    return {
        "requestContext": {"authorizer": {"iam": {"userArn": arn, "accountId": "123456789012"}}}
    }


@pytest.fixture
def guarded() -> FastAPI:
    return app_over(MemorySource(FILES), token="s3cret \u00e9%")


@pytest.fixture
def shared() -> FastAPI:
    prefixes = {ANNA: "anna", "arn:aws:sts::*:assumed-role/Reader/*": "bob/"}
    return app_over(MemorySource(FILES), caller_prefixes=prefixes)


@pytest.mark.parametrize("target", PROTECTED)
def test_without_the_token_nothing_is_told(guarded: FastAPI, target: str) -> None:
    for headers in (
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic s3cret"},
        {"authorization": "s3cret"},
    ):
        answer = call(guarded, target, headers)
        assert answer.status == 401
        if not target.startswith("/digests/"):  # which have no HEAD
            assert call(guarded, target, headers, method="HEAD").status == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="file_service"'
    assert call(guarded, "/files/nope.txt").status == 401  # nor what is not there


PROGRESS = re.compile(rb"event: progress\ndata: .*\n\n")
"""How many of these events a digest has depends on time."""


@pytest.mark.parametrize("target", PROTECTED)
def test_with_the_token_all_is_as_without_one(target: str) -> None:
    guarded, free = (app_over(MemorySource(FILES), token=token) for token in ("s3cret", None))
    answer = call(guarded, target, {"authorization": "bearer s3cret"})
    assert answer.status == 200
    bodies = [PROGRESS.sub(b"", found.body) for found in (answer, call(free, target))]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("target", ["/", "/healthz", "/openapi.json"])
def test_what_tells_nothing_of_the_files_is_open(guarded: FastAPI, target: str) -> None:
    assert call(guarded, target).status == 200


def test_a_caller_with_a_prefix_sees_that_folder_as_all_there_is(shared: FastAPI) -> None:
    def ask(target: str) -> Any:
        return call(shared, target, {"accept": "application/json"}, event=signed_by(ANNA))

    assert ask("/files/a.txt").body == b"of anna"
    assert [entry["path"] for entry in ask("/files/").json()["entries"]] == ["a.txt", "deep/"]
    assert [entry["path"] for entry in ask("/files/deep/").json()["entries"]] == ["deep/b.txt"]
    assert b"deep/b.txt" in ask("/archives/").body
    assert b"anna/" not in ask("/archives/").body
    for target in (
        "/files/top.txt",
        "/files/bob/a.txt",
        "/files/anna/a.txt",
        "/files/../bob/a.txt",
        "/archives/bob",
    ):
        assert ask(target).status == 404


def test_the_first_pattern_that_matches_counts(shared: FastAPI) -> None:
    assert call(shared, "/files/a.txt", event=signed_by(READER)).body == b"of bob"
    rest_api = {"requestContext": {"identity": {"userArn": READER}}}
    assert call(shared, "/files/a.txt", event=rest_api).body == b"of bob"


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"requestContext": None},
        {"requestContext": {"authorizer": {"iam": None}, "identity": {"userArn": None}}},
        signed_by("arn:aws:iam::123456789012:user/annabel"),
        signed_by(""),
    ],
)
def test_whoever_has_no_prefix_sees_nothing(shared: FastAPI, event: dict[str, Any]) -> None:
    for target in PROTECTED:
        assert call(shared, target, event=event).status == 403


def test_the_digests_of_one_caller_are_not_told_to_another(shared: FastAPI) -> None:
    """Two callers have a file of the same name. In memory it even has the same tag."""
    same = app_over(
        MemorySource({"anna/a": b"same", "bob/a": b"same"}),
        caller_prefixes={ANNA: "anna", READER: "bob"},
    )
    call(same, "/digests/a", event=signed_by(ANNA))
    assert "repr-digest" in call(same, "/files/a", event=signed_by(ANNA)).headers
    assert "repr-digest" not in call(same, "/files/a", event=signed_by(READER)).headers


def test_the_caller_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "file_service.access"):
        call(app_over(MemorySource(FILES)), "/files/top.txt", event=signed_by(ANNA))
        call(app_over(MemorySource(FILES)), "/files/nope.txt", {"authorization": "Bearer leaked"})
    signed, unsigned = log_lines(caplog)
    assert signed["caller"] == ANNA
    assert (signed["method"], signed["path"], signed["status"], signed["sent"]) == (
        "GET",
        "/files/top.txt",
        200,
        9,
    )
    assert (signed["decision"], signed["request_id"]) == ("stream", "request-1")
    assert unsigned["status"] == 404
    assert not {"caller", "request_id", "decision"} & unsigned.keys()
    assert "leaked" not in caplog.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "target", ["/", "/files/top.txt", "/files/", "/archives/", "/digests/top.txt", "/healthz"]
)
def test_nothing_can_be_changed(method: str, target: str) -> None:
    source = MemorySource(FILES)
    answer = call(app_over(source), target, method=method)
    assert source.files == FILES
    if (method, target) == ("POST", "/archives/"):  # it reads: a form names what a zip shall hold
        assert answer.status == 422
        return
    assert (answer.status, answer.headers["content-type"]) == (405, "application/problem+json")
    assert "GET" in answer.headers["allow"]
