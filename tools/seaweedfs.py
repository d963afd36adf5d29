"""SeaweedFS as an S3 server on loopback: what the tests and the benchmarks start."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

_SERVERS = ("s3.port", "master.port", "volume.port", "filer.port", "admin.port")
PORTS = (*_SERVERS, *(f"{name}.grpc" for name in _SERVERS))
"""The names of the ports that it needs."""


def chosen(free: Iterable[int]) -> dict[str, int]:
    """Return a port for each of PORTS, from `free` ones.

    SeaweedFS also makes sockets in /tmp, named after its ports, and leaves them there. One of
    another user, or of a server in another network namespace, must not be taken for its own.
    """
    unused = (port for port in free if not _sockets(port))
    return dict(zip(PORTS, unused, strict=False))


def command(
    weed: str, folder: Path, bucket: str, key: str, secret: str, ports: Mapping[str, int]
) -> list[str]:
    """Return the command. It keeps its data in `folder`, and makes one empty `bucket`."""
    rights = ["Admin", "Read", "Write", "List"]
    credentials = [{"accessKey": key, "secretKey": secret}]
    identity = {"name": "all", "actions": rights, "credentials": credentials}
    identities = folder / "s3.json"
    identities.write_text(json.dumps({"identities": [identity]}))
    return [
        weed,
        "mini",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-webdav=false",
        "-admin.ui=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        f"-bucket={bucket}",
        f"-s3.config={identities}",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]


def remove_sockets(ports: Mapping[str, int]) -> None:
    """Remove what a killed server has left in /tmp, whatever TMPDIR says."""
    for port in ports.values():
        for socket in _sockets(port):
            socket.unlink(missing_ok=True)


def _sockets(port: int) -> list[Path]:
    return list(Path("/tmp").glob(f"seaweedfs-*-{port}.sock"))
