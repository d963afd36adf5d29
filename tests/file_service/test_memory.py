"""What a stream holds does not grow with what it sends."""

import os
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.file_service.servers import Server, service
from tests.patience import PATIENCE

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "many").mkdir()
    for number in range(10):
        with open(folder / "many" / f"{number}.bin", "wb") as file:
            file.truncate(30 * MIB)  # sparse: read like any other
    os.truncate(folder / "many" / "0.bin", 300 * MIB)
    return folder


@pytest.mark.parametrize("target", ["/files/many/0.bin", "/archives/many"])
def test_sending_hundreds_of_mebibytes_takes_few(target: str, files: Path) -> None:
    with service("uvicorn", {"FILE_SOURCE": str(files)}) as server:
        _measure(
            server, "/files/many/1.bin"
        )  # once, for what the first request imports and allocates
        grown, sent = _measure(server, target)
    assert sent >= 300 * MIB
    assert grown <= 32 * MIB


def _measure(server: Server, target: str) -> tuple[int, int]:
    """Return how far a download raises the server's peak of memory, and its number of bytes."""
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # the peak begins anew
    before = _peak(server.pid)
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    connection.request("GET", target)
    response = connection.getresponse()
    sent = 0
    while chunk := response.read(MIB):
        sent += len(chunk)
    assert str(sent) == response.getheader("content-length")
    connection.close()
    return _peak(server.pid) - before, sent


def _peak(pid: int) -> int:
    (line,) = (
        line
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    return int(line.split()[1]) * 1024
