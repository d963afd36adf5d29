"""What the file service takes for many files: `python -m benchmarks.file_service`.

It starts the service under uvicorn, over a folder and over a real S3 server (SeaweedFS), and prints
for each piece of work: the time to the first byte and in all, the processor time of the service,
and by how much its memory grew. Beside the archive of small files stands Info-ZIP's `zip -0`.
"""

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.delaying_proxy import delaying_proxy
from tests.file_service.servers import Server, s3_server, service

SMALL_FILES = 20_000
KEYS = 10_000
OBJECTS = 1_000
NDJSON = {"Accept": "application/x-ndjson"}


@contextmanager
def measured(server: Server, work: str) -> Iterator[list[float]]:
    """What is put into the list first is the time to the first byte."""
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # the peak begins anew
    memory, processor, started = _peak(server.pid), _processor(server.pid), time.perf_counter()
    marks: list[float] = []
    yield marks
    seconds = time.perf_counter() - started
    first = f"first byte {marks[0] - started:6.3f} s, " if marks else ""
    grown = (_peak(server.pid) - memory) / 2**20
    used = _processor(server.pid) - processor
    print(
        f"{work:45} {first}total {seconds:6.2f} s, CPU {used:6.2f} s, memory +{grown:.0f} MiB",
        flush=True,
    )


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return (
        int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
        * 1024
    )


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def download(server: Server, target: str, marks: list[float], headers: Mapping[str, str]) -> int:
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=600)
    connection.request("GET", target, headers=dict(headers))
    response = connection.getresponse()
    assert response.status == 200, response.read()
    size = len(response.read(1))
    marks.append(time.perf_counter())
    while chunk := response.read(2**20):
        size += len(chunk)
    connection.close()
    return size


def page_through(server: Server, folder: str, limit: int) -> int:
    found, cursor = 0, ""
    while True:
        page = server.get(f"/files/{folder}?limit={limit}&cursor={cursor}").json()
        found += len(page["entries"])
        if page["cursor"] is None:
            return found
        cursor = page["cursor"]


def local_files(folder: Path) -> None:
    many = folder / "many"
    many.mkdir()
    for number in range(SMALL_FILES):
        (many / f"file-{number:06}.txt").write_bytes(b"%d\n" % number * 20)
    time.sleep(3)  # the folder has not changed just now
    with service("uvicorn", {"FILE_SOURCE": str(folder)}) as server:
        server.get("/files/")
        server.get("/archives/?format=tar")  # once, for what the first one allocates
        for limit in (500, 1000):
            with measured(server, f"{SMALL_FILES} files, pages of {limit}"):
                assert page_through(server, "many/", limit) == SMALL_FILES
        with measured(server, f"{SMALL_FILES} files, streamed") as marks:
            download(server, "/files/many/", marks, NDJSON)
        with measured(server, f"{SMALL_FILES} files, index page") as marks:
            download(server, "/files/many/", marks, {})
        with measured(server, f"{SMALL_FILES} files, zip") as marks:
            download(server, "/archives/many", marks, {})
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["zip", "-0qr", folder / "stored.zip", "many"], cwd=folder, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{'the same by zip -0':45} CPU {used:6.2f} s")


def s3_files() -> None:
    with s3_server() as s3:
        s3.put({f"keys/{number:06}": b"" for number in range(KEYS)})
        s3.put({f"objects/{number:06}": b"%d" % number * 4000 for number in range(OBJECTS)})
        settings = {"FILE_SOURCE": f"s3://{s3.BUCKET}"}
        with service("uvicorn", settings, s3.environment()) as server:
            server.get("/files/")
            with measured(server, f"{KEYS} keys, pages of 1000"):
                assert page_through(server, "keys/", 1000) == KEYS
            with measured(server, f"{KEYS} keys, streamed") as marks:
                download(server, "/files/keys/", marks, NDJSON)
        with (
            delaying_proxy(s3.url, 0.025) as url,
            service("uvicorn", settings, s3.environment(url)) as server,
        ):
            server.get("/files/")
            with measured(server, f"{OBJECTS} objects, zip, 25 ms each") as marks:
                download(server, "/archives/objects", marks, {})


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        local_files(Path(made))
    s3_files()
