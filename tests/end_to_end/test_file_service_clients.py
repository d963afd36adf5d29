"""Downloads by the clients that people use, through both kinds of function: resumed, in parallel, whole folders."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.file_service.servers import Server, service
from tests.patience import PATIENCE

LARGE = random.Random(7).randbytes(30_000_001)
FILES = {
    "large.bin": LARGE,
    "empty.bin": b"",
    "folder/a b.txt": b"a space",
    "folder/na\u00efve \u2603.txt": b"not ASCII",
    "folder/deep/er/100%.txt": b"a percent sign",
}


def client(name: str, package: str = "") -> str:
    """The path of a client; the test is skipped where it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"needs {name}: apt-get install {package or name}")
    return path


def run(*command: str | Path, cwd: Path) -> None:
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 0, f"{ran.args}\n{ran.stdout}\n{ran.stderr}"


@pytest.fixture(scope="module", params=["lambda", "web"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("files")
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    with service(request.param, {"FILE_SOURCE": str(folder)}) as server:
        yield server


def test_curl_streams_it_whole(server: Server, tmp_path: Path) -> None:
    run(client("curl"), "-fsN", "-o", "large.bin", f"{server.url}/files/large.bin", cwd=tmp_path)
    assert (tmp_path / "large.bin").read_bytes() == LARGE


@pytest.mark.parametrize("had", [1, 1_000_000, len(LARGE) - 1])
def test_curl_continues(server: Server, tmp_path: Path, had: int) -> None:
    (tmp_path / "large.bin").write_bytes(LARGE[:had])
    run(client("curl"), "-fs", "-C", "-", "-o", "large.bin", f"{server.url}/files/large.bin", cwd=tmp_path)
    assert (tmp_path / "large.bin").read_bytes() == LARGE


def test_curl_fetches_only_what_is_new(server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/files/large.bin"
    for _ in range(2):
        run(client("curl"), "-fs", "--etag-save", "tag", "--etag-compare", "tag", "-o", "large.bin", url, cwd=tmp_path)
        assert (tmp_path / "large.bin").read_bytes() == LARGE
    run(client("curl"), "-fs", "-z", "large.bin", "-R", "-o", "second.bin", url, cwd=tmp_path)


def test_curl_takes_several_ranges(server: Server, tmp_path: Path) -> None:
    run(client("curl"), "-fs", "-r", "0-9,100-109", "-o", "parts", f"{server.url}/files/large.bin", cwd=tmp_path)
    parts = (tmp_path / "parts").read_bytes()
    assert LARGE[:10] in parts
    assert LARGE[100:110] in parts
    assert parts.count(b"Content-Range: ") == 2


@pytest.mark.parametrize("had", [1, 1_000_000, len(LARGE) - 1, len(LARGE)])
def test_wget_continues(server: Server, tmp_path: Path, had: int) -> None:
    (tmp_path / "large.bin").write_bytes(LARGE[:had])
    run(client("wget"), "-q", "-c", f"{server.url}/files/large.bin", cwd=tmp_path)
    assert (tmp_path / "large.bin").read_bytes() == LARGE


def test_wget_takes_a_whole_folder(server: Server, tmp_path: Path) -> None:
    accept = "--header=Accept: text/html, */*"
    run(
        client("wget"),
        "-q",
        "-r",
        "-np",
        "-nH",
        "--cut-dirs=1",
        "-R",
        "index.html*",
        accept,
        f"{server.url}/files/folder/",
        cwd=tmp_path,
    )
    _check_tree(tmp_path)


def test_aria2_downloads_in_eight_pieces_at_once(server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/files/large.bin"
    run(client("aria2c", "aria2"), "-q", "-x8", "-s8", "-k1M", "--file-allocation=none", url, cwd=tmp_path)
    assert (tmp_path / "large.bin").read_bytes() == LARGE


# A Function URL answers every HEAD with Content-Length 0, which rclone would believe.
NO_HEAD = ["--config", "", "--http-no-head"]


def test_rclone_copies_a_file(server: Server, tmp_path: Path) -> None:
    address = [*NO_HEAD, "--http-url", f"{server.url}/files/"]
    run(client("rclone"), "copy", *address, ":http:large.bin", tmp_path, cwd=tmp_path)
    assert (tmp_path / "large.bin").read_bytes() == LARGE


def test_rclone_copies_a_whole_folder(server: Server, tmp_path: Path) -> None:
    """It reads folders as index pages, which are there for who accepts HTML."""
    address = [*NO_HEAD, "--http-url", f"{server.url}/files/", "--http-headers", "Accept,text/html"]
    run(client("rclone"), "copy", *address, ":http:folder/", tmp_path / "folder", cwd=tmp_path)
    _check_tree(tmp_path)


def _check_tree(folder: Path) -> None:
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {path: data for path, data in FILES.items() if path.startswith("folder/")}
