"""A file that changes while it is sent: no front lets that pass for a whole body."""

import os
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.file_service.servers import service
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
SIZE = 150 * MIB  # more than all buffers on the way hold


@pytest.mark.parametrize("front", ["uvicorn", "lambda", "web"])
def test_a_file_rewritten_while_it_is_sent_ends_short(front: str, tmp_path: Path) -> None:
    path = tmp_path / "changing.bin"
    with open(path, "wb") as file:
        file.truncate(SIZE)
    with service(front, {"FILE_SOURCE": str(tmp_path)}) as server:
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
        connection.request("GET", "/files/changing.bin")
        response = connection.getresponse()
        promised = response.getheader("x-amzn-remapped-content-length") or response.getheader(
            "content-length"
        )
        assert promised == str(SIZE)
        received = len(response.read(MIB))
        with open(path, "r+b") as file:  # in place: the same file, other bytes
            file.seek(SIZE - 10)
            file.write(b"new bytes")
        os.utime(path, (1, 1))
        try:
            while chunk := response.read(MIB):
                received += len(chunk)
        except (IncompleteRead, ConnectionError):
            assert front != "lambda"  # a Function URL ends what is broken like what is whole
        connection.close()
    assert received < SIZE


def test_a_file_replaced_while_it_is_sent_is_sent_to_its_end(tmp_path: Path) -> None:
    """Replacing a file is the better way to change it: readers of the old one keep it."""
    path = tmp_path / "replaced.bin"
    with open(path, "wb") as file:
        file.truncate(SIZE)
    with service("uvicorn", {"FILE_SOURCE": str(tmp_path)}) as server:
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
        connection.request("GET", "/files/replaced.bin")
        response = connection.getresponse()
        received = len(response.read(MIB))
        (tmp_path / "new").write_bytes(b"new")
        os.replace(tmp_path / "new", path)
        while chunk := response.read(MIB):
            assert not any(chunk[:: 64 * 1024])
            received += len(chunk)
        connection.close()
        assert received == SIZE
        assert server.get("/files/replaced.bin").body == b"new"
