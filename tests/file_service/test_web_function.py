"""What differs on a Web Function: many requests at once, no context, half-duplex requests."""

import hashlib
import io
import json
import resource
import tarfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from file_service.lambda_scope import client_address, on_lambda, on_web_function, request_id
from tests.file_service.servers import Server, service
from tests.patience import PATIENCE

MIB = 1024 * 1024
FILES = {f"folder/{number:03}.bin": number.to_bytes(2, "big") * 100_000 for number in range(128)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("files")
    (root / "folder").mkdir()
    for path, data in FILES.items():
        (root / path).write_bytes(data)
    with open(root / "large.bin", "wb") as file:
        file.truncate(300 * MIB)
    return root


@pytest.fixture(scope="module")
def server(files: Path) -> Iterator[Server]:
    """The emulator and the service have 1024 file descriptors each, as on AWS."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        with service("web", {"FILE_SOURCE": str(files)}) as server:
            yield server
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_128_downloads_at_once_are_each_their_own(server: Server) -> None:
    with ThreadPoolExecutor(128) as threads:
        answers = list(threads.map(lambda path: server.get(f"/files/{path}"), FILES))
    assert [answer.status for answer in answers] == [200] * 128
    assert [answer.body for answer in answers] == list(FILES.values())


def test_128_archives_digests_and_downloads_at_once(server: Server) -> None:
    """These keep state while they stream: archives, digests and known digests."""
    kinds = [
        "/archives/folder",
        "/digests/folder/007.bin",
        "/files/folder/",
        "/files/folder/009.bin",
    ]
    with ThreadPoolExecutor(128) as threads:
        answers = list(threads.map(server.get, kinds * 32))
    assert {answer.status for answer in answers} == {200}
    for zipped, digest, listing, file in zip(
        *(answers[start::4] for start in range(4)), strict=True
    ):
        assert zipfile.ZipFile(io.BytesIO(zipped.body)).testzip() is None
        assert hashlib.sha256(FILES["folder/007.bin"]).hexdigest().encode() in digest.body
        assert listing.body.count(b".bin</a>") == 128
        assert file.body == FILES["folder/009.bin"]


def test_more_than_200_mib_are_streamed_since_no_limit_is_known(server: Server) -> None:
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    connection.request("GET", "/files/large.bin")
    response = connection.getresponse()
    assert (response.status, response.headers["content-length"]) == (200, str(300 * MIB))
    received = 0
    while chunk := response.read(MIB):
        received += len(chunk)
    assert received == 300 * MIB
    connection.close()


@pytest.mark.parametrize(
    ("method", "target", "status"), [("POST", "/files/folder/001.bin", 405), ("PUT", "/", 405)]
)
def test_a_large_upload_is_refused_at_its_end_and_not_at_the_timeout(
    server: Server, method: str, target: str, status: int
) -> None:
    """The endpoint reads no response before it has sent the whole body. It gives up after 300 s."""
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    connection.request(method, target, body=bytes(64 * MIB))
    assert connection.getresponse().status == status
    connection.close()


def test_a_client_that_leaves_ends_its_download(server: Server) -> None:
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    connection.request("GET", "/files/large.bin?left")
    assert len(connection.getresponse().read(MIB)) == MIB
    connection.close()
    while not [
        line for line in server.output if '"/files/large.bin"' in line and '"decision"' in line
    ]:
        server.get("/healthz")
    (line, *_) = [
        json.loads(line[line.index("{") :])
        for line in server.output
        if '"/files/large.bin"' in line and "{" in line
    ]
    assert line["sent"] <= 300 * MIB


def test_a_body_of_unknown_length_shows_where_it_was_cut(server: Server) -> None:
    """A cut at the timeout leaves half of each body."""
    tar = server.get("/archives/folder?format=tar.gz").body
    with (
        pytest.raises((EOFError, tarfile.ReadError)),
        tarfile.open(fileobj=io.BytesIO(tar[: len(tar) // 2])) as half,
    ):
        half.getmembers()
    zipped = server.get("/archives/folder").body
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(zipped[: len(zipped) // 2]))
    lines = server.get("/files/folder/", {"accept": "application/x-ndjson"}).body.splitlines()
    assert [json.loads(line)["type"] for line in lines if b'"end"' in line] == ["end"]
    assert b'"end"' in lines[-1]
    events = server.get("/digests/folder/100.bin").body
    assert b"event: digest\n" in events.split(b"\n\n")[-2]


# ---- where it finds itself


@pytest.mark.parametrize(
    ("variables", "lambda_", "web"),
    [
        ({}, False, False),
        (
            {"AWS_LAMBDA_FUNCTION_NAME": "name", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"},
            True,
            False,
        ),
        ({"AWS_LAMBDA_FUNCTION_NAME": "name"}, True, False),
        ({"AWS_LAMBDA_INITIALIZATION_TYPE": "native-http"}, True, True),
    ],
)
def test_the_kind_is_told_by_the_initialization_type(
    variables: dict[str, str], lambda_: bool, web: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_INITIALIZATION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (on_lambda(), on_web_function()) == (lambda_, web)


@pytest.mark.parametrize(
    ("kind", "headers", "address"),
    [
        ("native-http", [(b"x-forwarded-for", b"203.0.113.7")], "203.0.113.7"),
        ("native-http", [(b"x-forwarded-for", b"6.6.6.6, 203.0.113.7")], "203.0.113.7"),
        (
            "native-http",
            [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"203.0.113.7")],
            "203.0.113.7",
        ),
        ("native-http", [], None),
        ("on-demand", [(b"x-forwarded-for", b"6.6.6.6")], "198.51.100.1"),
    ],
)
def test_the_clients_address_is_never_the_clients_word(
    kind: str,
    headers: list[tuple[bytes, bytes]],
    address: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
    assert client_address({"headers": headers, "client": ("198.51.100.1", 0)}) == address


def test_the_request_id_is_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "native-http")
    assert request_id({"headers": [(b"lambda-web-request-id", b"r-1")]}) == "r-1"
