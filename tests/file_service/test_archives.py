"""A folder as one zip: read back by other readers, of a size known before."""

import asyncio
import io
import shutil
import subprocess
import zipfile
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import file_service.zip_archive
from file_service.errors import BrokenBody, FileChanged
from file_service.sources import File
from file_service.zip_archive import archive, archive_size
from tests.file_service.asgi import app_over, call
from tests.file_service.memory_source import MemorySource

FILES = {
    "trip/notes.txt": b"alpha" * 1000,
    "trip/empty": b"",
    "trip/2026/\u2603 na\u00efve.txt": b"snow",
    "trip/2026/large.bin": bytes(range(256)) * 8192,
    "trip/.hidden": b"no",
    "other.txt": b"not of this folder",
}


def test_the_zip_of_a_folder_is_its_tree(tmp_path: Path) -> None:
    answer = call(app_over(MemorySource(FILES)), "/archives/trip")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["accept-ranges"] == "none"
    assert answer.headers["content-disposition"] == 'attachment; filename="trip.zip"'
    assert answer.length == str(len(answer.body))
    with zipfile.ZipFile(io.BytesIO(answer.body)) as zipped:
        assert zipped.testzip() is None
        served = {path.removeprefix("trip/"): data for path, data in FILES.items() if path.startswith("trip/")}
        del served[".hidden"]
        assert {name: zipped.read(name) for name in zipped.namelist()} == served
        assert {info.date_time for info in zipped.infolist()} == {(2026, 11, 23, 5, 0, 0)}
        assert {info.compress_type for info in zipped.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.skipif(not shutil.which("unzip"), reason="needs Debian's unzip")
def test_unzip_takes_it_and_sets_the_time_whatever_the_time_zone(tmp_path: Path) -> None:
    path = tmp_path / "trip.zip"
    path.write_bytes(call(app_over(MemorySource(FILES)), "/archives/trip/").body)
    ran = subprocess.run(["unzip", "-t", path], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "No errors detected" in ran.stdout
    environment = {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8"}
    subprocess.run(["unzip", "-q", path, "-d", tmp_path / "out"], check=True, env=environment)
    snow = tmp_path / "out" / "2026" / "\u2603 na\u00efve.txt"
    assert snow.read_bytes() == b"snow"
    assert snow.stat().st_mtime == datetime(2026, 11, 23, 5, 0, tzinfo=UTC).timestamp()


def test_the_whole_source_and_an_empty_one() -> None:
    whole = call(app_over(MemorySource(FILES)), "/archives/")
    assert whole.headers["content-disposition"] == 'attachment; filename="files.zip"'
    assert len(zipfile.ZipFile(io.BytesIO(whole.body)).namelist()) == 5
    empty = call(app_over(MemorySource({})), "/archives/")
    assert (empty.status, empty.length, zipfile.ZipFile(io.BytesIO(empty.body)).namelist()) == (200, "22", [])


def test_head_tells_the_size() -> None:
    app = app_over(MemorySource(FILES))
    get, head = call(app, "/archives/trip"), call(app, "/archives/trip", method="HEAD")
    assert head.body == b""
    assert dict(head.headers) == dict(get.headers)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/archives/nope", 404),
        ("/archives/other.txt", 404),
        ("/archives/%2e%2e/x", 404),
        ("/archives/a%2fb", 400),
        ("/archives/.git", 404),
    ],
)
def test_what_is_no_folder(target: str, status: int) -> None:
    assert call(app_over(MemorySource(FILES)), target).status == status


def test_a_file_that_changes_meanwhile_breaks_the_zip_visibly() -> None:
    class Changing(MemorySource):
        async def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
            async for chunk in super().read(file, start, stop):
                if file.path == "trip/notes.txt":  # the last
                    raise FileChanged(file.path)
                yield chunk

    with pytest.raises(BrokenBody):  # uvicorn cuts the connection, the Lambda path sends its trailers
        call(app_over(Changing(FILES)), "/archives/trip")


def zipped(source: MemorySource) -> bytes:
    async def work() -> bytes:
        files = [await source.stat(path) for path in source.files]
        return b"".join([block async for block in archive(source, files, "")])

    return asyncio.run(work())


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1)


@given(st.dictionaries(names, st.binary(max_size=40), max_size=6), st.integers(0, 100), st.integers(0, 6))
def test_the_size_is_known_before_also_where_zip64_begins(
    files: dict[str, bytes], size_limit: int, count_limit: int
) -> None:
    """zip64 begins at 2 GiB and at 65,536 files; the arithmetic is the same where it begins at less."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (zipfile, file_service.zip_archive):
            patch.setattr(module, "ZIP64_LIMIT", size_limit)
            patch.setattr(module, "ZIP_FILECOUNT_LIMIT", count_limit)
        made = zipped(MemorySource(files))
        assert archive_size((name, len(data)) for name, data in files.items()) == len(made)
        with zipfile.ZipFile(io.BytesIO(made)) as reader:
            assert {name: reader.read(name) for name in reader.namelist()} == files


def test_ten_thousand_files() -> None:
    files = {f"{number:05}.txt": b"%d" % number for number in range(10_000)}
    made = zipped(MemorySource(files))
    assert len(made) == archive_size((name, len(data)) for name, data in files.items())
    with zipfile.ZipFile(io.BytesIO(made)) as reader:
        assert reader.testzip() is None
        assert len(reader.namelist()) == 10_000
