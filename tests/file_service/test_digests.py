"""Digests as Server-Sent Events, and as Repr-Digest once they are known."""

import base64
import hashlib
import json
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from file_service import known_digests
from file_service.errors import SourceUnavailable
from file_service.known_digests import Digest, KnownDigests, sha256, sums_line, sums_line_size
from file_service.routes import digests
from file_service.sources import File
from tests.file_service.asgi import app_over, call
from tests.file_service.memory_source import MemorySource
from tests.file_service.servers import Answer
from tests.patience import PATIENCE

DATA = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(DATA)


@pytest.fixture
def source() -> MemorySource:
    return MemorySource({"data.bin": DATA, "empty": b""})


@pytest.fixture
def app(source: MemorySource) -> FastAPI:
    return app_over(source)


def events(answer: Answer) -> list[tuple[str, Any]]:
    """Return the events of a stream, parsed as in HTML section 9.2.6, as far as we send them."""
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.body.decode().removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_progress_and_then_the_digest(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_PROGRESS_SECONDS", 0)  # after each chunk
    *progress, (name, result) = events(call(app, "/digests/data.bin"))
    assert [kind for kind, _ in progress] == ["progress"] * len(progress)
    hashed = [data["hashed"] for _, data in progress]
    assert len(hashed) > 10
    assert hashed == sorted(hashed)
    assert (hashed[0], hashed[-1]) == (0, len(DATA))
    assert name == "digest"
    assert result == {
        "sha256": SHA256.hexdigest(),
        "repr_digest": f"sha-256=:{base64.b64encode(SHA256.digest()).decode()}:",
        "size": len(DATA),
        "etag": call(app, "/files/data.bin").headers["etag"],
    }


def test_an_empty_file(app: FastAPI) -> None:
    assert events(call(app, "/digests/empty"))[-1][1]["sha256"] == hashlib.sha256().hexdigest()


def test_what_is_known_is_not_made_again_and_is_told_with_the_file(app: FastAPI) -> None:
    assert "repr-digest" not in call(app, "/files/data.bin").headers
    first = events(call(app, "/digests/data.bin"))
    assert events(call(app, "/digests/data.bin")) == first[-1:]
    for method, headers in (("GET", {}), ("HEAD", {}), ("GET", {"range": "bytes=0-9"})):
        answer = call(app, "/files/data.bin", headers, method=method)
        assert (
            answer.headers["repr-digest"] == first[-1][1]["repr_digest"]
        )  # of the whole, also with a part of it


def test_it_is_known_of_that_version_only(app: FastAPI, source: MemorySource) -> None:
    call(app, "/digests/data.bin")
    source.files["data.bin"] = b"new"
    assert "repr-digest" not in call(app, "/files/data.bin").headers
    assert (
        events(call(app, "/digests/data.bin"))[-1][1]["sha256"]
        == hashlib.sha256(b"new").hexdigest()
    )


def test_a_client_that_reconnects_gets_the_same(app: FastAPI) -> None:
    for last in ("", "1", "x" * 1000, "-1, 2"):
        answer = call(app, "/digests/data.bin", {"last-event-id": last})
        assert events(answer)[-1][1]["sha256"] == SHA256.hexdigest()


def test_what_is_not_there_is_an_error_status(app: FastAPI) -> None:
    for target, status in (("/digests/nope", 404), ("/digests/a%2fb", 400)):
        answer = call(app, target)
        assert (answer.status, answer.headers["content-type"]) == (
            status,
            "application/problem+json",
        )


def test_a_read_that_fails_is_the_last_event() -> None:
    class Failing(MemorySource):
        async def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
            yield b"some"
            raise SourceUnavailable("an address that clients do not need to know")

    app = app_over(Failing({"data.bin": DATA}))
    name, data = events(call(app, "/digests/data.bin"))[-1]
    assert (name, data) == ("failed", {"detail": "The file source does not answer. Try again."})
    assert "repr-digest" not in call(app, "/files/data.bin", method="HEAD").headers


def test_while_nothing_comes_the_stream_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """FastAPI sends comments, which a client does not see as events."""
    import asyncio

    import fastapi.routing

    monkeypatch.setattr(fastapi.routing, "_PING_INTERVAL", 0.005)

    class Stuck(MemorySource):
        async def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
            await asyncio.wait_for(pinged.wait(), PATIENCE)
            yield b"data"

    async def work() -> bytes:
        sent = b""

        async def send(message: Any) -> None:
            nonlocal sent
            sent += message.get("body", b"")
            if b": ping" in sent:
                pinged.set()

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            raise AssertionError

        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": "/digests/a",
            "raw_path": b"/digests/a",
            "query_string": b"",
        }
        scope |= {"headers": [], "asgi": {"version": "3.0", "spec_version": "2.4"}}
        await app_over(Stuck({"a": b"data"}))(scope, receive, send)
        return sent

    pinged = asyncio.Event()
    assert b"event: digest" in asyncio.run(work())


def test_not_all_digests_are_kept_for_ever() -> None:
    known = KnownDigests()
    for number in range(10_001):
        known.add(f"{number}", '"x"', Digest(b""))
        known.get("0", '"x"')
    assert known.get("0", '"x"')
    assert known.get("1", '"x"') is None


def test_the_least_recently_used_digest_is_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(known_digests, "_MOST_KNOWN", 2)
    known = KnownDigests()
    for path in "ab":
        known.add(path, '"x"', Digest(path.encode()))
    assert known.get("a", '"x"') == Digest(b"a")
    known.add("c", '"x"', Digest(b"c"))
    assert [known.get(path, '"x"') for path in "abc"] == [Digest(b"a"), None, Digest(b"c")]


@pytest.mark.parametrize("name", ["a", "folder/na\u00efve \u2603.txt", ""])
def test_the_size_of_a_line_of_sums_is_known_before(name: str) -> None:
    assert sums_line_size(name) == len(sums_line(name, sha256(b"")))


def test_the_sums_of_a_folder_are_those_of_sha256sum(tmp_path: Path) -> None:
    files = {"a": b"", "b c": b"some", "d/\u2603": DATA}
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    sums = call(app_over(MemorySource(files)), "/digests/")
    assert sums.headers["content-length"] == str(len(sums.body))
    program = subprocess.run(["sha256sum", *files], cwd=tmp_path, capture_output=True, check=True)
    assert sums.body == program.stdout + b"# 3 files\n"
