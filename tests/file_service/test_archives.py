"""A folder as one zip: read back by other readers, of a size known before."""

import asyncio
import io
import os
import shutil
import struct
import subprocess
import tarfile
import zipfile
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from file_service import packing
from file_service.errors import BrokenBody, FileChanged
from file_service.packing import read_ahead, zip_writer
from file_service.packing.formats import FORMATS, FormatName
from file_service.sources import File
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
        served = {
            path.removeprefix("trip/"): data
            for path, data in FILES.items()
            if path.startswith("trip/")
        }
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
    assert (empty.status, empty.length, zipfile.ZipFile(io.BytesIO(empty.body)).namelist()) == (
        200,
        "22",
        [],
    )


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

    with pytest.raises(
        BrokenBody
    ):  # uvicorn cuts the connection, the Lambda path sends its trailers
        call(app_over(Changing(FILES)), "/archives/trip")


def pack(name: FormatName, source: MemorySource) -> tuple[bytes, int]:
    """The archive, and the size that was known before."""

    async def work() -> tuple[bytes, int]:
        files = [await source.stat(path) for path in source.files]
        size = FORMATS[name].size()
        for file in files:
            size.add(file.path, file)
        return b"".join(
            [block async for block in FORMATS[name].pack(source, files, "")]
        ), size.total

    return asyncio.run(work())


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1)
file_sets = st.dictionaries(names, st.binary(max_size=40), max_size=6)


@given(file_sets, st.integers(0, 100), st.integers(0, 6), st.integers(0, 40))
def test_the_size_of_a_zip_is_known_before_also_where_zip64_begins(
    files: dict[str, bytes], size_limit: int, count_limit: int, held: int
) -> None:
    """zip64 begins at 4 GiB and at 65,536 files. With smaller limits, the arithmetic is the same.

    Files up to `held` bytes are written as a whole.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zip_writer, "SIZE_LIMIT", size_limit)
        patch.setattr(zip_writer, "COUNT_LIMIT", count_limit)
        for module in (zip_writer, read_ahead):
            patch.setattr(module, "HELD_BYTES", held if held < size_limit else size_limit)
        made, size = pack("zip", MemorySource(files))
        assert size == len(made)
        with zipfile.ZipFile(io.BytesIO(made)) as reader:
            assert reader.testzip() is None
            assert {name: reader.read(name) for name in reader.namelist()} == files


@given(file_sets)
def test_the_size_of_a_tar_is_known_before(files: dict[str, bytes]) -> None:
    made, size = pack("tar", MemorySource(files))
    assert size == len(made)
    with tarfile.open(fileobj=io.BytesIO(made)) as reader:
        assert {each.name: _content(reader, each) for each in reader} == files


def _content(reader: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = reader.extractfile(member)
    assert file is not None
    return file.read()


def test_a_tar_keeps_long_and_odd_names_and_large_files(tmp_path: Path) -> None:
    files = {f"{'long/' * 60}\u2603.txt": b"deep", "large": bytes(3 * packing.HELD_BYTES)}
    answer = call(app_over(MemorySource(files)), "/archives/?format=tar")
    assert answer.headers["content-type"] == "application/x-tar"
    assert answer.headers["content-disposition"] == 'attachment; filename="files.tar"'
    assert answer.length == str(len(answer.body))
    path = tmp_path / "files.tar"
    path.write_bytes(answer.body)
    subprocess.run(["tar", "-xf", path, "-C", tmp_path], check=True)
    assert {name: (tmp_path / name).read_bytes() for name in files} == files
    modified = datetime(2026, 11, 23, 5, 0, tzinfo=UTC).timestamp()
    assert (tmp_path / "large").stat().st_mtime == modified


def test_a_compressed_tar_is_a_file_and_no_encoding(tmp_path: Path) -> None:
    answer = call(app_over(MemorySource(FILES)), "/archives/trip?format=tar.gz")
    assert answer.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in answer.headers
    assert answer.length is None  # nobody knows it before
    path = tmp_path / "trip.tar.gz"
    path.write_bytes(answer.body)
    subprocess.run(["tar", "-xzf", path, "-C", tmp_path], check=True)
    assert (tmp_path / "2026" / "large.bin").read_bytes() == FILES["trip/2026/large.bin"]
    assert call(app_over(MemorySource(FILES)), "/archives/trip?format=rar").status == 422


@pytest.mark.parametrize("sizes", [[], [0], [1], [511, 512, 513], [10_240 - 3 * 512], [9000, 70]])
def test_a_tar_is_byte_for_byte_that_of_the_standard_library(sizes: list[int]) -> None:
    files = {f"{number}.bin": os.urandom(size) for number, size in enumerate(sizes)}
    expected = io.BytesIO()
    with tarfile.open(fileobj=expected, mode="w", format=tarfile.PAX_FORMAT) as writer:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mtime = int(datetime(2026, 11, 23, 5, 0, tzinfo=UTC).timestamp())
            writer.addfile(info, io.BytesIO(data))
    made, size = pack("tar", MemorySource(files))
    assert made == expected.getvalue()
    assert size == len(made)


def test_a_large_file_of_a_zip_has_its_checksum_and_size_behind_it() -> None:
    """APPNOTE.TXT 4.3.9 and 4.4.4: both are zero in the local header, and the bit 3 says so."""
    data = os.urandom(packing.HELD_BYTES + 1)
    made, _ = pack("zip", MemorySource({"a": data}))
    header = struct.unpack_from("<4s5H3L2H", made)
    assert header[0] == b"PK\x03\x04"
    assert header[2] == 0x08
    assert header[6:9] == (0, 0, 0)
    behind = made[made.index(data) + len(data) :]
    assert behind[:16] == struct.pack("<4s3L", b"PK\x07\x08", crc32(data), len(data), len(data))


@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2106, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["a", "\u2603"]),
    st.booleans(),
)
def test_each_field_of_a_zip_is_what_the_standard_library_reads(
    modified: datetime, name: str, whole: bool
) -> None:
    writer = zip_writer.ZipWriter()
    file = File(name, 4, modified, '"x"')
    if whole:
        made = b"".join(writer.whole(name, file, b"data"))
    else:
        made = writer.begin(name, file) + b"data"
        writer.data(b"data")
        made += writer.end()
    made += b"".join(writer.finish())
    (info,) = zipfile.ZipFile(io.BytesIO(made)).infolist()
    assert info.date_time == (*modified.timetuple()[:5], modified.second // 2 * 2)
    assert info.flag_bits == (0 if name.isascii() else 0x800) | (0 if whole else 0x08)
    assert (info.filename, info.file_size, info.CRC) == (name, 4, crc32(b"data"))
    assert (info.create_system, info.create_version, info.extract_version) == (3, 20, 20)
    assert (info.volume, info.internal_attr, info.external_attr) == (0, 0, 0o100644 << 16)


def test_the_end_of_a_large_zip_has_the_fields_of_zip64() -> None:
    """APPNOTE.TXT 4.3.14 to 4.3.16; the plain fields are all ones where they are too small."""
    writer = zip_writer.ZipWriter()
    large = File("a", 2**32 + 5, datetime(2026, 11, 23, tzinfo=UTC), '"x"')
    header = writer.begin("a", large)
    at = len(header) + large.size + len(writer.end())
    end = b"".join(writer.finish())
    directory = end.index(b"PK\x06\x06")
    record = struct.unpack_from("<4sQ2H2L4Q", end, directory)
    assert record[1:] == (44, 3 << 8 | 45, 45, 0, 0, 1, 1, directory, at)
    locator = struct.unpack_from("<4sLQL", end, directory + 56)
    assert locator == (b"PK\x06\x07", 0, at + directory, 1)
    plain = struct.unpack_from("<4s4H2LH", end, directory + 76)
    assert plain == (b"PK\x05\x06", 0, 0, 1, 1, directory, 0xFFFFFFFF, 0)


def test_a_long_directory_of_a_zip_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = zip_writer.ZipWriter()
    file = File("a", 0, datetime(2026, 11, 23, tzinfo=UTC), '"x"')
    for _ in range(4):
        writer.whole("a", file, b"")
    (whole,) = writer.finish()
    monkeypatch.setattr(zip_writer, "_PIECE_BYTES", 2 * (len(whole) - 22) // 4)
    pieces = list(writer.finish())
    assert [len(piece) for piece in pieces] == [(len(whole) - 22) // 2] * 2 + [22]
    assert b"".join(pieces) == whole


@pytest.mark.parametrize(
    ("files", "at", "directory", "due"),
    [
        (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, False),
        (0x10000, 0, 0, True),
        (0, 0x100000000, 0, True),
        (0, 0, 0x100000000, True),
    ],
)
def test_zip64_begins_where_a_field_is_too_small(
    files: int, at: int, directory: int, due: bool
) -> None:
    plain = at + directory + 22  # APPNOTE.TXT 4.3.16
    assert zip_writer.ZipSize(files, at, directory).total == plain + (56 + 20 if due else 0)


@pytest.mark.parametrize("name", FORMATS)
def test_no_archive_is_larger_than_was_said(name: FormatName) -> None:
    files = {f"{number}": os.urandom(number * 997) for number in range(60)}
    made, size = pack(name, MemorySource(files))
    assert len(made) <= FORMATS[name].largest(size)


def test_ten_thousand_files() -> None:
    files = {f"{number:05}.txt": b"%d" % number for number in range(10_000)}
    made, size = pack("zip", MemorySource(files))
    assert len(made) == size
    with zipfile.ZipFile(io.BytesIO(made)) as reader:
        assert reader.testzip() is None
        assert len(reader.namelist()) == 10_000


@pytest.mark.slow
def test_more_files_than_a_plain_zip_can_count() -> None:
    files = {f"{number}": b"" for number in range(66_000)}
    made, size = pack("zip", MemorySource(files))
    assert len(made) == size
    assert len(zipfile.ZipFile(io.BytesIO(made)).namelist()) == 66_000


def test_an_archive_that_takes_too_long_to_read_is_refused() -> None:
    """Each object of S3 costs a request: many small ones take longer than their bytes."""
    source = MemorySource({f"{number}": b"x" for number in range(1000)})
    source.files_per_second = 100
    app = app_over(source, stream_margin_seconds=1)
    assert call(app, "/archives/", seconds_left=30).status == 200
    refused = call(app, "/archives/", seconds_left=8)
    assert refused.status == 413
    assert refused.json()["files"] == 1000


def test_files_are_read_ahead_within_a_bound() -> None:
    class Counting(MemorySource):
        now = most = 0

        async def read_whole(self, files: Sequence[File]) -> Sequence[bytes]:
            size = sum(file.size for file in files)
            self.now += size
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.001)
            data = await super().read_whole(files)
            self.now -= size
            return data

    source = Counting({f"{number:03}": bytes(300_000) for number in range(200)})
    made, size = pack("zip", source)
    assert len(made) == size
    assert 4 * packing.HELD_BYTES < source.most <= 8 * packing.HELD_BYTES


def test_an_archive_that_is_left_leaves_nothing_behind() -> None:
    async def work() -> int:
        source = MemorySource({f"{number:03}": bytes(900_000) for number in range(50)})
        files = [await source.stat(path) for path in source.files]
        blocks = FORMATS["zip"].pack(source, files, "")
        await anext(blocks)
        await blocks.aclose()
        return len(asyncio.all_tasks())

    assert asyncio.run(work()) == 1
