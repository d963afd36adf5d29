"""The file service over many files: pages of a folder, and an archive of objects in a slow S3."""

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from benchmarks import processors, s3
from benchmarks.delaying_proxy import delaying_proxy
from benchmarks.measure import MICRO, Figures, measured
from benchmarks.peer import Running
from benchmarks.peers import OURS_S3, OURS_SERVICE
from benchmarks.runs import Plan, Results, present, started
from benchmarks.runtime_api import PeerFailed

FILES = 20_000
PAGE = 1000
OBJECTS = 1000
OBJECT_SIZE = 4000
DELAY = 0.025
"""Seconds by which each request reaches S3 late."""


def run_pages(plan: Plan) -> Results:
    """A round is all pages, one after the other. Raises PeerFailed."""
    with many_files() as environment, started(OURS_SERVICE, environment) as running:
        page_through(running)
        return {OURS_SERVICE: [page_through(running) for _ in range(plan.pairs)]}


@contextmanager
def many_files() -> Iterator[Mapping[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        for number in range(FILES):
            Path(folder, f"file-{number:06}.txt").write_bytes(b"%d\n" % number)
        os.utime(folder, (0, 0))  # it has not changed just now, which the service would look at
        yield {"FILE_SOURCE": folder}


def page_through(running: Running) -> Figures:
    found, cursor, wall, cpu = 0, "", 0.0, running.cpu()
    while cursor is not None:
        [answer] = running.run(f"/files/?limit={PAGE}&cursor={quote(cursor)}")
        wall += answer.ended - answer.sent
        page = json.loads(answer.content())
        found, cursor = found + len(page["entries"]), page["cursor"]
    if found != FILES:
        raise PeerFailed(f"{FILES} files were listed as {found}")
    return {"wall_us": wall * MICRO, "cpu_us": (running.cpu() - cpu) * MICRO}


def run_archive(plan: Plan) -> Results:
    """Nothing without an S3 server. Raises PeerFailed."""
    path = "/archives/many"
    if not present([OURS_S3], plan.say):
        return {}
    with (
        processors.on(processors.ALL),
        s3.server() as environment,
        delaying_proxy(environment["AWS_ENDPOINT_URL_S3"], DELAY) as url,
        started(OURS_S3, {**environment, "AWS_ENDPOINT_URL_S3": url}) as running,
    ):
        s3.put(environment, {f"many/{number:06}": content(number) for number in range(OBJECTS)})
        [answer] = running.run(path)
        with zipfile.ZipFile(io.BytesIO(answer.content())) as archive:
            for name in archive.namelist():
                if archive.read(name) != content(int(Path(name).name)):
                    raise PeerFailed(f"{path}: {name} is not the object of that name")
            if len(archive.namelist()) != OBJECTS:
                raise PeerFailed(f"{path}: {len(archive.namelist())} of {OBJECTS} objects")
        return {OURS_S3: [measured(running, path, 1) for _ in range(plan.pairs)]}


def content(number: int) -> bytes:
    return b"%06d\n" % number * (OBJECT_SIZE // 7)
