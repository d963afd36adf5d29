"""What differs on Lambda, on both kinds of function.

Limits are checked before the first byte, large files are redirected to S3, and streams have no
length.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.file_service.servers import S3Server, Server, s3_server, service

MIB = 1024 * 1024
LARGE = bytes(range(256)) * 4096 * 3  # 3 MiB
FILES = {"large.bin": LARGE, "small.txt": b"small", "folder/a.txt": b"alpha"}
LIMITS = {"FILE_STREAM_MAX_BYTES": str(MIB), "FILE_STREAM_BURST_BYTES": str(MIB)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for path, data in FILES.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture(scope="module", params=["lambda", "web"])
def front(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def from_folder(front: str, files: Path) -> Iterator[Server]:
    with service(front, {"FILE_SOURCE": str(files), **LIMITS}) as server:
        yield server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        server.put(FILES)
        yield server


@pytest.fixture(scope="module")
def from_s3(front: str, s3: S3Server) -> Iterator[Server]:
    with service(front, {"FILE_SOURCE": f"s3://{s3.BUCKET}", **LIMITS}, s3.environment()) as server:
        yield server


def test_a_body_that_would_be_cut_is_refused_with_the_ranges_to_ask_for(
    from_folder: Server,
) -> None:
    refused = from_folder.get("/files/large.bin")
    assert (refused.status, refused.headers["content-type"]) == (413, "application/problem+json")
    problem = refused.json()
    parts = [
        from_folder.get("/files/large.bin", {"Range": each, "If-Range": problem["if_range"]})
        for each in problem["ranges"]
    ]
    assert [part.status for part in parts] == [206, 206, 206]
    assert b"".join(part.body for part in parts) == LARGE


def test_a_body_that_would_be_cut_is_fetched_from_s3(from_s3: Server, s3: S3Server) -> None:
    redirect = from_s3.get("/files/large.bin")
    assert redirect.status == 307
    assert redirect.headers["location"].startswith(f"{s3.url}/{s3.BUCKET}/large.bin?X-Amz-")
    with urlopen(f"{from_s3.url}/files/large.bin") as followed:
        assert followed.read() == LARGE
    assert from_s3.get("/files/small.txt").body == b"small"


def test_an_archive_that_would_be_cut_is_refused(from_folder: Server) -> None:
    assert from_folder.get("/archives/").status == 413
    zipped = from_folder.get("/archives/folder")
    assert zipped.length == str(len(zipped.body))
    assert zipfile.ZipFile(io.BytesIO(zipped.body)).read("a.txt") == b"alpha"


def test_a_head_is_answered_whatever_the_size(from_folder: Server, from_s3: Server) -> None:
    for server in (from_folder, from_s3):
        assert (server.ask("HEAD", "/files/large.bin").status) == 200


def test_a_digest_ends_with_its_result(from_s3: Server) -> None:
    answer = from_s3.get("/digests/large.bin")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.body.decode().split("\n\n")
    assert events[0].startswith("event: progress\ndata: {")
    assert events[-2].startswith("event: digest\ndata: {")
    assert hashlib.sha256(LARGE).hexdigest() in events[-2]


def test_a_listing_ends_with_its_count(from_s3: Server) -> None:
    answer = from_s3.get("/files/", {"Accept": "application/x-ndjson"})
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert [line.get("path") for line in lines] == ["folder/", "large.bin", "small.txt", None]
    assert lines[-1] == {"type": "end", "entries": 3, "skipped": 0}


def test_what_was_decided_is_in_the_functions_log(front: str, files: Path) -> None:
    with service(front, {"FILE_SOURCE": str(files), **LIMITS}) as server:
        server.get("/files/large.bin")
        server.get("/files/small.txt")
    lines = [json.loads(line[line.index("{") :]) for line in server.output if '"decision"' in line]
    assert [(line["path"], line["status"], line["decision"]) for line in lines] == [
        ("/files/large.bin", 413, "refuse"),
        ("/files/small.txt", 200, "stream"),
    ]
    assert all(line["sendable"] == MIB and line["client"] == "127.0.0.1" for line in lines)
    # A Web Function has no context; the request's id is in lambda-web-request-id.
    assert all(line["request_id"] for line in lines)
