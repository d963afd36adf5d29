"""Downloads by common clients, through both kinds of function: resumed, parallel, whole folders."""

import os
import random
import shutil
import subprocess
import sys
import zipfile
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


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, and return its output."""
    ran = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ran.returncode == 0, f"{ran.args}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    with zipfile.ZipFile(folder / "large.zip", "w") as zipped:
        zipped.writestr("first.bin", LARGE)
        zipped.writestr("second.txt", b"second")
    return folder


@pytest.fixture(scope="module", params=["lambda", "web"])
def front(request: pytest.FixtureRequest) -> str:
    """A Function URL, which answers HEAD with Content-Length 0, and a Web Function's endpoint."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def server(front: str, files: Path) -> Iterator[Server]:
    with service(front, {"FILE_SOURCE": str(files)}) as server:
        yield server


def test_curl_streams_it_whole(server: Server, tmp_path: Path) -> None:
    run(client("curl"), "-fsN", "-o", "large.bin", f"{server.url}/files/large.bin", cwd=tmp_path)
    assert (tmp_path / "large.bin").read_bytes() == LARGE


@pytest.mark.parametrize("had", [1, 1_000_000, len(LARGE) - 1])
def test_curl_continues(server: Server, tmp_path: Path, had: int) -> None:
    (tmp_path / "large.bin").write_bytes(LARGE[:had])
    run(
        client("curl"),
        "-fs",
        "-C",
        "-",
        "-o",
        "large.bin",
        f"{server.url}/files/large.bin",
        cwd=tmp_path,
    )
    assert (tmp_path / "large.bin").read_bytes() == LARGE


def test_curl_fetches_only_what_is_new(server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/files/large.bin"
    for _ in range(2):
        run(
            client("curl"),
            "-fs",
            "--etag-save",
            "tag",
            "--etag-compare",
            "tag",
            "-o",
            "large.bin",
            url,
            cwd=tmp_path,
        )
        assert (tmp_path / "large.bin").read_bytes() == LARGE
    run(client("curl"), "-fs", "-z", "large.bin", "-R", "-o", "second.bin", url, cwd=tmp_path)


def test_curl_takes_several_ranges(server: Server, tmp_path: Path) -> None:
    run(
        client("curl"),
        "-fs",
        "-r",
        "0-9,100-109",
        "-o",
        "parts",
        f"{server.url}/files/large.bin",
        cwd=tmp_path,
    )
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
    command = [client("wget"), "-q", "-r", "-np", "-nH", "--cut-dirs=1", "-R", "index.html*"]
    run(*command, f"{server.url}/files/folder/", cwd=tmp_path)
    _check_tree(tmp_path)


def test_wget_takes_only_what_is_newer(server: Server, files: Path, tmp_path: Path) -> None:
    command = [client("wget"), "-nv", "-N", f"{server.url}/files/folder/a%20b.txt"]
    run(*command, cwd=tmp_path)
    (tmp_path / "a b.txt").write_bytes(b"A SPACE")  # of one size, and older than it says now
    os.utime(tmp_path / "a b.txt", (2_000_000_000, 2_000_000_000))
    run(*command, cwd=tmp_path)
    assert (tmp_path / "a b.txt").read_bytes() == b"A SPACE"


def test_aria2_downloads_in_eight_pieces_at_once(server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/files/large.bin"
    run(
        client("aria2c", "aria2"),
        "-q",
        "-x8",
        "-s8",
        "-k1M",
        "--file-allocation=none",
        url,
        cwd=tmp_path,
    )
    assert (tmp_path / "large.bin").read_bytes() == LARGE


def rclone(server: Server, front: str, *command: str | Path, cwd: Path) -> str:
    """rclone with its http remote. This version takes sizes from HEAD only."""
    address = ["--config", "", "--http-url", f"{server.url}/files/"]
    if front == "lambda":
        address.append("--http-no-head")
    return run(client("rclone"), *command, *address, cwd=cwd)


def test_rclone_copies_a_file(server: Server, front: str, tmp_path: Path) -> None:
    rclone(server, front, "copy", ":http:large.bin", tmp_path, cwd=tmp_path)
    assert (tmp_path / "large.bin").read_bytes() == LARGE


def test_rclone_copies_a_whole_folder(server: Server, front: str, tmp_path: Path) -> None:
    rclone(server, front, "copy", ":http:folder/", tmp_path / "folder", cwd=tmp_path)
    _check_tree(tmp_path)


def test_rclone_updates(server: Server, front: str, files: Path, tmp_path: Path) -> None:
    (files / "changing").mkdir(exist_ok=True)
    changing = files / "changing" / "a.txt"
    how = ["--ignore-times"] if front == "lambda" else []
    for version in (b"first", b"other", b"a longer one"):
        changing.write_bytes(version)
        os.utime(changing, (1_700_000_000 + len(version), 1_700_000_000 + version[0]))
        rclone(server, front, "sync", *how, ":http:changing/", tmp_path / "copy", cwd=tmp_path)
        assert (tmp_path / "copy" / "a.txt").read_bytes() == version


def test_rclone_knows_sizes_and_times(server: Server, front: str, tmp_path: Path) -> None:
    if front == "lambda":
        head = server.ask("HEAD", "/files/large.bin")
        size = f"bytes 0-{len(LARGE) - 1}/{len(LARGE)}"  # where newer ones find the size
        assert (head.headers["content-length"], head.headers["content-range"]) == ("0", size)
        return
    listed = rclone(server, front, "lsf", "--format", "sp", ":http:folder/", cwd=tmp_path)
    assert sorted(listed.splitlines()) == ["-1;deep/", "7;a b.txt", "9;na\u00efve \u2603.txt"]


FSSPEC = """
import io, sys, zipfile
import fsspec

url = sys.argv[1]
fs = fsspec.filesystem("http")
found = {path.removeprefix(url) for path in fs.find(f"{url}/folder/")}
names = {"a%20b.txt", "na%C3%AFve%20%E2%98%83.txt", "deep/er/100%25.txt"}
assert found == {f"/folder/{name}" for name in names}, found
assert fs.isdir(f"{url}/folder/deep")
assert fs.cat(f"{url}/folder/a%20b.txt") == b"a space"

# Through a Function URL the size has to be told: fsspec believes what HEAD says.
import urllib.request
asked = urllib.request.Request(f"{url}/large.zip", method="HEAD")
size = int(urllib.request.urlopen(asked).headers["x-file-size"])
with fs.open(f"{url}/large.zip", size=size) as file, zipfile.ZipFile(file) as zipped:
    assert zipped.read("second.txt") == b"second"
"""


def test_fsspec_lists_reads_and_seeks(server: Server, tmp_path: Path) -> None:
    run(sys.executable, "-c", FSSPEC, f"{server.url}/files", cwd=tmp_path)


def _check_tree(folder: Path) -> None:
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found == {path: data for path, data in FILES.items() if path.startswith("folder/")}
