"""A proxy that delays each request by the same time, however many there are at once.

python -m benchmarks.delaying_proxy HOST:PORT SECONDS     # prints the URL at which it listens
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from benchmarks.places import ROOT


@contextmanager
def delaying_proxy(upstream: str, seconds: float) -> Iterator[str]:
    """The URL of a proxy before the URL `upstream`, in a process of its own."""
    argv = (sys.executable, "-m", __name__, urlsplit(upstream).netloc, str(seconds))
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait: float) -> None:
    try:
        while data := await reader.read(2**18):
            await asyncio.sleep(wait)
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(host: str, port: int, seconds: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, port)
        await asyncio.gather(copy(reader, back, seconds), copy(there, writer, 0))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    host, _, port = sys.argv[1].rpartition(":")
    asyncio.run(serve(host, int(port), float(sys.argv[2])))
