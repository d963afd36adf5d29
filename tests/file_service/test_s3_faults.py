"""S3 on a bad day: whatever happens to its connections, no download is short or mixed up."""

import asyncio
import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPException

import pytest

from file_service.errors import SourceUnavailable
from file_service.sources import s3_file
from file_service.sources.s3 import S3Source
from tests.file_service.faulty_proxy import FaultyProxy
from tests.file_service.servers import S3Server, s3_server, service
from tests.patience import PATIENCE

# By hand:
# FAULT_DOWNLOADS=200 FAULT_BYTES=20000000
# pytest -s -k downloads_are --timeout 900 tests/file_service
DOWNLOADS = int(os.environ.get("FAULT_DOWNLOADS", "10"))
DATA = random.Random(1).randbytes(int(os.environ.get("FAULT_BYTES", "6000000")))


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        server.put({"data.bin": DATA, "small.txt": b"small"})
        yield server


@pytest.fixture
def environment(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize("front", ["uvicorn", "lambda", "web"])
def test_downloads_are_whole_or_visibly_not(front: str, s3: S3Server) -> None:
    """Connections are cut at random places. A fifth of all requests gets SlowDown."""
    due = hashlib.sha256(DATA).digest()
    whole = failed = 0
    with FaultyProxy(s3.url, cut_within=len(DATA) * 4 // 3, slow_down=0.2).running() as proxy:
        settings = {"FILE_SOURCE": f"s3://{s3.BUCKET}"}
        with service(front, settings, s3.environment(proxy.url)) as server:
            for _ in range(DOWNLOADS):
                try:
                    answer = server.get("/files/data.bin")
                except (HTTPException, OSError):  # the connection broke
                    failed += 1
                    continue
                if answer.status != 200 or answer.length != str(len(answer.body)):
                    failed += 1
                    continue
                assert hashlib.sha256(answer.body).digest() == due, (
                    "a download that seemed whole was not"
                )
                whole += 1
    print(
        f"{front}: {whole} whole, {failed} visibly failed; "
        f"{proxy.cuts} cuts, {proxy.slowed} times SlowDown"
    )
    assert proxy.cuts >= DOWNLOADS // 4
    assert proxy.slowed >= DOWNLOADS // 10
    assert whole >= DOWNLOADS * 9 // 10  # that is what the retries are for


def test_a_store_that_only_says_slow_down_is_given_up(
    s3: S3Server, environment: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        source = S3Source(f"s3://{s3.BUCKET}")
        with pytest.raises(SourceUnavailable):
            await source.stat("data.bin")
        await source.aclose()

    with FaultyProxy(s3.url, cut_within=10**9, slow_down=1).running() as proxy:
        environment.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        asyncio.run(work())
        assert proxy.slowed > 1


def test_a_read_that_gets_nowhere_is_given_up(
    s3: S3Server, environment: pytest.MonkeyPatch
) -> None:
    """Every connection is cut before the first byte of a body."""

    async def work() -> None:
        direct = S3Source(f"s3://{s3.BUCKET}")
        file = await direct.stat("data.bin")
        await direct.aclose()
        environment.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        source = S3Source(f"s3://{s3.BUCKET}")
        with pytest.raises(SourceUnavailable):
            await anext(source.read(file, 0, file.size))
        await source.aclose()

    environment.setattr(s3_file, "_RETRY_SECONDS", 0.001)
    with FaultyProxy(s3.url, cut_within=1, slow_down=0).running() as proxy:
        asyncio.run(work())
    assert proxy.cuts > s3_file._BARREN_TRIES


ASKED = ["/files/small.txt", "/files/", "/archives/", "/files/folder/"]


@pytest.mark.parametrize(
    ("bucket", "secret", "code"),
    [
        (S3Server.BUCKET, "wrong", "SignatureDoesNotMatch"),
        ("nope", "test-secret", "NoSuchBucket"),
    ],
)
def test_a_source_that_is_refused_says_so_everywhere_and_the_log_says_why(
    s3: S3Server, bucket: str, secret: str, code: str
) -> None:
    """On Lambda the start does not wait for the store, so each request reports the error."""
    environment = s3.environment() | {"AWS_SECRET_ACCESS_KEY": secret}
    with service("lambda", {"FILE_SOURCE": f"s3://{bucket}"}, environment) as server:
        answers = [server.get(target) for target in ASKED]
        assert server.get("/healthz").status == 200
    for answer in answers:
        assert answer.status == 502
        detail = "The file source denies this service access; its log says why."
        assert answer.json()["detail"] == detail
    told = [line for line in server.output if "SourceRefused" in line]
    assert len(told) == len(ASKED)
    assert f"GetObject of s3://{bucket}/small.txt" in told[0]
    for line in told:
        assert bucket in line
        assert code in line
    assert any("ListObjectsV2" in line for line in told)


@pytest.mark.parametrize(
    ("bucket", "secret"), [(S3Server.BUCKET, "wrong"), ("nope", "test-secret")]
)
def test_elsewhere_a_source_that_is_refused_ends_the_start(
    s3: S3Server, bucket: str, secret: str
) -> None:
    environment = s3.environment() | {"AWS_SECRET_ACCESS_KEY": secret}
    settings = {"FILE_SOURCE": f"s3://{bucket}"}
    told = f"ListObjectsV2 of bucket '{bucket}'"
    with pytest.raises(RuntimeError, match=told), service("uvicorn", settings, environment):
        pytest.fail("it started")


def test_elsewhere_a_store_that_is_away_for_a_moment_does_not_end_the_start(
    s3: S3Server,
) -> None:
    with FaultyProxy(s3.url, cut_within=10**9, slow_down=1).running() as proxy:
        environment = s3.environment(proxy.url)
        with service("uvicorn", {"FILE_SOURCE": f"s3://{s3.BUCKET}"}, environment) as server:
            assert server.get("/files/").status == 503
            proxy.slow_down = 0
            assert server.get("/files/small.txt").body == b"small"


def test_a_presigned_url_is_the_file(s3: S3Server, environment: pytest.MonkeyPatch) -> None:
    from urllib.request import Request, urlopen

    async def work() -> str:
        source = S3Source(f"s3://{s3.BUCKET}")
        url = await source.sign(await source.stat("data.bin"), 60)
        await source.aclose()
        assert url is not None
        return url

    url = asyncio.run(work())
    with urlopen(Request(url, headers={"Range": "bytes=1000-1999"})) as response:
        assert (response.status, response.read()) == (206, DATA[1000:2000])


_READ_AND_END = """
import asyncio, sys
from file_service.sources.s3 import S3Source

async def main():
    source = S3Source(sys.argv[1])
    file = await source.stat("data.bin")
    async for chunk in source.read(file, 0, file.size):
        if sys.argv[2] == "abandon":
            break
    if sys.argv[2] == "close":
        await source.aclose()

asyncio.run(main())
"""


@pytest.mark.slow
def test_processes_that_used_s3_end_cleanly_50_times_in_a_row(s3: S3Server) -> None:
    """obstore's awaitables abort one of five processes when they end. In threads they do not.

    Every other process leaves in the middle of a read, and without closing the source.
    """
    command = [sys.executable, "-c", _READ_AND_END, f"s3://{s3.BUCKET}"]
    environment = {**os.environ, **s3.environment()}
    for _ in range(25):
        both = [
            subprocess.Popen([*command, how], env=environment, stderr=subprocess.PIPE)
            for how in ("close", "abandon")
        ]
        for process in both:
            _, errors = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, errors
