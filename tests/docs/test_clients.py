"""The clients of docs/file_service.md: each line is run, through both kinds of function."""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec  # type: ignore[import-untyped]
import pytest
import requests

from tests.file_service.servers import Server, service
from tests.patience import PATIENCE

PAGE = Path(__file__).parents[2] / "docs" / "file_service.md"


def zip_of(*names: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return written.getvalue()


LARGE = bytes(range(251)) * 20_000
FILES = {
    "some.zip": zip_of("a.txt", "b.txt"),
    "hello.txt": b"hello",
    "large.bin": LARGE,
    "photos/a.txt": b"a",
    "photos/sea/b b.jpg": b"b" * 100_000,
}


def lines() -> list[str]:
    """The commands of the section, without their comments."""
    section = PAGE.read_text().partition("\n## Clients\n")[2].partition("\n## ")[0]
    block = re.search(r"(?:^    .+\n)+", section, re.MULTILINE)
    assert block
    return [re.sub(r"\s{2,}# .*", "", line.strip()) for line in block[0].splitlines()]


def whole_folder(folder: Path, output: str) -> None:
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (folder / "photos").rglob("*")
        if path.is_file()
    }
    assert found == {path: data for path, data in FILES.items() if path.startswith("photos/")}


def large_file(folder: Path, output: str) -> None:
    assert (folder / "large.bin").read_bytes() == LARGE


def hello(folder: Path, output: str) -> None:
    assert output == "hello"


def entries(folder: Path, output: str) -> None:
    assert '"path":"photos/a.txt"' in output
    assert output.endswith('"type":"end","entries":2,"skipped":0}\n')


def zipped(folder: Path, output: str) -> None:
    with zipfile.ZipFile(folder / "photos.zip") as archive:
        assert archive.testzip() is None
        assert {f"photos/{name}" for name in archive.namelist()} < FILES.keys()


def sums(folder: Path, output: str) -> None:
    assert output.splitlines() == ["a.txt: OK", "sea/b b.jpg: OK"]


def listed(folder: Path, output: str) -> None:
    assert "/files/photos/a.txt', 'size'" in output


CHECKS: dict[str, Callable[[Path, str], None]] = {
    "curl -N ": hello,
    "curl -fL -C ": large_file,
    "aria2c ": large_file,
    "curl -H 'Accept: application/x-ndjson'": entries,
    "wget -r ": whole_folder,
    "rclone copy ": whole_folder,
    "curl -OJ ": zipped,
    "mkdir -p photos && curl -s ": whole_folder,
    "curl -s  $URL/digests/": sums,
    "python -c ": listed,
}
"""What each line has to do, by its first words."""
MOUNT = "rclone mount "
"""It runs until the folder is unmounted, so it has a test of its own."""


@pytest.fixture(scope="module", params=["lambda", "web"])
def front(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def server(front: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    source = tmp_path_factory.mktemp("files")
    for path, data in FILES.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(data)
    with service(front, {"FILE_SOURCE": str(source)}) as server:
        yield server


@pytest.mark.parametrize("line", [line for line in lines() if not line.startswith(MOUNT)])
def test_a_line_does_what_it_is_for(server: Server, front: str, tmp_path: Path, line: str) -> None:
    program = shlex.split(line.rpartition("&& ")[2] if line.startswith("mkdir") else line)[0]
    if program != "python" and shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    if "-C -" in line:  # a download that stopped
        (tmp_path / "large.bin").write_bytes(LARGE[:1000])
    if "sha256sum" in line:  # a folder that was downloaded
        for path, data in FILES.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(data)
    if program == "rclone" and front == "lambda":
        # Below the list: what older versions need behind a Function URL.
        line += " --http-no-head"
    # `python` is the one of the tests, and has fsspec.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "URL": server.url},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    checks = [check for words, check in CHECKS.items() if line.startswith(words)]
    assert len(checks) == 1, "this line has no check"
    checks[0](tmp_path, done.stdout)


@pytest.mark.skipif(
    not (
        shutil.which("rclone") and shutil.which("fusermount3") and os.access("/dev/fuse", os.W_OK)
    ),
    reason="needs rclone, fuse3, and the right to mount",
)
def test_a_mounted_folder(server: Server, front: str, tmp_path: Path) -> None:
    (line,) = (line for line in lines() if line.startswith(MOUNT))
    folder = tmp_path / "files"
    folder.mkdir()
    line = line.replace("/mnt/files", str(folder)) + (
        " --http-no-head" if front == "lambda" else ""
    )
    variables = {**os.environ, "URL": server.url}
    with subprocess.Popen(
        ["sh", "-c", f"exec {line}"], env=variables, stderr=subprocess.PIPE, text=True
    ) as rclone:
        while not folder.is_mount():
            if rclone.poll() is not None:
                assert rclone.stderr
                pytest.skip(f"this machine mounts nothing: {rclone.stderr.read()}")
            time.sleep(0.05)
        try:
            for path, data in FILES.items():
                assert (folder / path).read_bytes() == data
        finally:
            subprocess.run(["fusermount3", "-u", str(folder)], check=True)


def test_fsspec_with_the_size(server: Server) -> None:
    """A zip's directory is at its end. Through a Function URL HEAD does not say where that is."""
    code = re.search(r"^    size = .+\n(?:^    .+\n)+", PAGE.read_text(), re.MULTILINE)
    assert code
    lines = textwrap.dedent(code[0]).rstrip()
    *_, last = lines.splitlines()
    names: list[str] = []
    source = lines.replace(last, last.replace(last.strip(), f"names += {last.strip()}"))
    url = f"{server.url}/files/some.zip"
    modules = {"requests": requests, "fsspec": fsspec, "zipfile": zipfile}
    exec(compile(source, PAGE.name, "exec"), {**modules, "url": url, "names": names})
    assert names == ["a.txt", "b.txt"]


def test_a_file_in_pieces(server: Server, tmp_path: Path) -> None:
    """The script for large files resumes, and takes several pieces."""
    found = re.search(
        r"^```sh\n(#!/bin/sh\n# fetch URL FILE\n.*?)^```", PAGE.read_text(), re.M | re.S
    )
    assert found
    script = found[1].replace("64 * 1024 * 1024", "1024 * 1024")
    assert script != found[1]
    (tmp_path / "large.bin").write_bytes(LARGE[:1000])
    command = ["sh", "-c", script, "fetch", f"{server.url}/files/large.bin", "large.bin"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "large.bin").read_bytes() == LARGE
