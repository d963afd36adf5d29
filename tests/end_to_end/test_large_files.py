"""Files that are larger than Lambda sends in one response: what players and download tools do."""

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.file_service.servers import ROOT, S3Server, Server, s3_server, service
from tests.patience import PATIENCE

MIB = 1024 * 1024
LIMITS = {"FILE_STREAM_MAX_BYTES": str(MIB), "FILE_STREAM_BURST_BYTES": str(MIB)}
LARGE = random.Random(3).randbytes(5 * MIB + 1)
VIDEO = (ROOT / "src" / "samples" / "counting.mp4").read_bytes()
SMALLEST = {"FILE_STREAM_MAX_BYTES": "60000", "FILE_STREAM_BURST_BYTES": "60000"}


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "large.bin").write_bytes(LARGE)
    (folder / "counting.mp4").write_bytes(VIDEO)
    return folder


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        server.put({"large.bin": LARGE, "counting.mp4": VIDEO})
        yield server


@pytest.fixture(scope="module")
def from_folder(files: Path) -> Iterator[Server]:
    with service("lambda", {"FILE_SOURCE": str(files), **LIMITS}) as server:
        yield server


@pytest.fixture(scope="module")
def from_s3(s3: S3Server) -> Iterator[Server]:
    settings = {"FILE_SOURCE": f"s3://{s3.BUCKET}", **LIMITS}
    with service("lambda", settings, s3.environment()) as server:
        yield server


# From S3: every client that follows a redirect.
FROM_S3 = {
    "curl": ["curl", "-fsSL", "-C", "-", "-O"],
    "wget": ["wget", "-q", "-c"],
    "aria2c": ["aria2c", "-q", "-c", "-x4", "-s4", "-k1M", "--file-allocation=none"],
}


@pytest.mark.parametrize("client", FROM_S3)
@pytest.mark.parametrize("had", [0, 2 * MIB])
def test_from_s3_clients_follow_the_redirect(
    from_s3: Server, client: str, had: int, tmp_path: Path
) -> None:
    if had and client == "aria2c":
        pytest.skip("continues only what it has a control file of")
    if had:
        (tmp_path / "large.bin").write_bytes(LARGE[:had])
    ran = run(*FROM_S3[client], f"{from_s3.url}/files/large.bin", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "large.bin").read_bytes() == LARGE


@pytest.mark.parametrize("client", FROM_S3)
def test_from_a_folder_each_client_fails_and_leaves_nothing_that_looks_whole(
    from_folder: Server, client: str, tmp_path: Path
) -> None:
    ran = run(*FROM_S3[client], f"{from_folder.url}/files/large.bin", cwd=tmp_path)
    assert ran.returncode != 0
    assert not (tmp_path / "large.bin").exists() or not (tmp_path / "large.bin").stat().st_size


def documented_script() -> str:
    """The script of docs/file_service.md for files of any size."""
    text = (ROOT / "docs" / "file_service.md").read_text()
    (script,) = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", text, re.DOTALL)
    return str(script)


@pytest.mark.parametrize("source", ["from_folder", "from_s3"])
@pytest.mark.parametrize("had", [0, 2 * MIB + 5, len(LARGE)])
def test_the_documented_script_downloads_and_resumes(
    source: str, had: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: Server = request.getfixturevalue(source)
    script = tmp_path / "fetch.sh"
    script.write_text(documented_script().replace("64 * 1024 * 1024", "1024 * 1024"))
    script.chmod(0o755)
    if had:
        (tmp_path / "large.bin").write_bytes(LARGE[:had])
    ran = run(str(script), f"{server.url}/files/large.bin", "large.bin", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "large.bin").read_bytes() == LARGE


def test_the_documented_script_does_not_mix_two_versions(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    changing = tmp_path / "files" / "large.bin"
    changing.write_bytes(LARGE)
    with service("lambda", {"FILE_SOURCE": str(tmp_path / "files"), **LIMITS}) as server:
        # The first version's tag, and a second version by the time that pieces are asked for.
        tag = server.ask("HEAD", "/files/large.bin").headers["etag"]
        changing.write_bytes(bytes(len(LARGE)))
        answer = server.get("/files/large.bin", {"Range": "bytes=0-99", "If-Match": tag})
        assert answer.status == 412
    script = documented_script()
    assert "If-Match" in script
    assert "-f" in script


@pytest.mark.parametrize("kind", ["video", "audio"])
@pytest.mark.parametrize("source", ["from_folder", "from_s3"])
def test_a_player_gets_what_fits_and_asks_for_the_rest(
    source: str, kind: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(source)
    got = b""
    while len(got) < len(LARGE):
        asked = {"Range": f"bytes={len(got)}-", "Sec-Fetch-Dest": kind}
        answer = server.get("/files/large.bin", asked)
        assert answer.status == 206
        stop = min(len(got) + MIB, len(LARGE))
        assert answer.headers["content-range"] == f"bytes {len(got)}-{stop - 1}/{len(LARGE)}"
        assert answer.length == str(len(answer.body)) == str(stop - len(got))
        got += answer.body
    assert got == LARGE
    other = {"Range": "bytes=0-", "Sec-Fetch-Dest": "empty"}
    assert server.get("/files/large.bin", other).status == (413 if source == "from_folder" else 307)


@pytest.mark.browser
@pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="needs Debian's chromium and chromium-driver",
)
@pytest.mark.parametrize("source", ["folder", "s3"])
@pytest.mark.slow
def test_chromium_plays_and_seeks_a_video_that_is_too_large_for_one_response(
    source: str, files: Path, s3: S3Server
) -> None:
    """On the service's own page, whose policy allows media only from the service."""
    from selenium import webdriver
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(flag)
    options.add_argument("--autoplay-policy=no-user-gesture-required")
    address = str(files) if source == "folder" else f"s3://{s3.BUCKET}"
    environment = {} if source == "folder" else s3.environment()
    with (
        service("lambda", {"FILE_SOURCE": address, **SMALLEST}, environment) as server,
        webdriver.Chrome(options) as browser,
    ):
        browser.get(f"{server.url}/")
        browser.execute_script(
            """
            window.video = document.createElement("video");
            video.muted = true;
            video.src = "files/counting.mp4";
            document.body.append(video);
            video.play();
            """
        )
        wait = WebDriverWait(browser, PATIENCE, 0.1)
        wait.until(lambda _: browser.execute_script("return video.currentTime > 0.2"))
        duration = browser.execute_script("return video.duration")
        browser.execute_script("video.currentTime = arguments[0] - 0.5", duration)
        wait.until(lambda _: browser.execute_script("return video.ended"))
        assert browser.execute_script("return video.error") is None
        assert browser.execute_script("return video.videoWidth") > 0
    lines = [line for line in server.output if '"/files/counting.mp4"' in line]
    assert len([line for line in lines if '"status": 206' in line]) > 1
    assert not [line for line in lines if '"status": 413' in line or '"status": 307' in line]
