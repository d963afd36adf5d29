"""`compare` for Function URLs: the emulator with itself, and with a server with three faults."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambda_emulator.compare.client import Observed, Target
from lambda_emulator.compare.function_urls import find_urls
from lambda_emulator.compare.recorded import CASES, NOT_ASKED, URLS, differences, recording
from lambda_emulator.template.reader import load
from tests.lambda_emulator.support import KEYS, RunningEmulator, environment
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(10 * PATIENCE)]
PROBE = Path(__file__).parents[2] / "emulator" / "lambda_emulator" / "compare" / "replay"


@contextlib.contextmanager
def probe() -> Iterator[dict[str, str]]:
    """The URLs of the probe, served by the emulator."""
    options = ("--template", str(PROBE / "template.yaml"))
    fronts = len(URLS) + 1
    with RunningEmulator(*options, command=(), variables=KEYS, fronts=fronts) as emulator:
        names = [re.search(r"\((\w+)\)", line) for line in emulator.lines]
        yield {
            name[1]: f"http://127.0.0.1:{port}"
            for name, port in zip(names, emulator.ports, strict=True)
            if name is not None
        }


def compare(urls: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    named = [word for name in URLS for word in ("--url", f"{name}={urls[name]}")]
    return subprocess.run(
        [sys.executable, "-m", "lambda_emulator", "compare", *named, "--sigv4", *options],
        env=environment(**KEYS, COLUMNS="400"),
        capture_output=True,
        text=True,
        timeout=9 * PATIENCE,
    )


def test_the_emulator_does_not_differ_from_itself_nor_from_aws(tmp_path: Path) -> None:
    """And what it would record is what is recorded."""
    record = tmp_path / "new.json"
    with probe() as urls:
        done = compare(urls, "--record", str(record))
    assert done.returncode == 0, done.stdout
    assert "Nothing differs from the recordings, and nothing from the emulator." in done.stdout
    assert f"{len(CASES) - len(NOT_ASKED)} cases, 0 differ." in done.stdout
    assert json.loads(record.read_text()) == list(CASES)


FAULTS = {
    "buffered_number": (b"HTTP/1.1 200 OK", b"HTTP/1.1 201 Created"),
    "buffered_null": (b"x-amzn-RequestId:", b"X-Amzn-RequestId:"),
    "buffered_json": (b'"number":7', b'"number":8'),
}


class Faulty:
    """A server that passes on to another, and changes three of its responses."""

    def __init__(self, url: str) -> None:
        self._port = int(url.rpartition(":")[2])
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        self._started.wait(PATIENCE)
        return f"http://127.0.0.1:{self.port}"

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(server.wait_closed())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, ahead = await asyncio.open_connection("127.0.0.1", self._port)
        head = await reader.readuntil(b"\r\n\r\n")
        named = re.search(rb"x-probe-case: (\w+)", head)
        old, new = FAULTS.get(named[1].decode() if named else "", (b"", b""))
        ahead.write(head)
        rest = asyncio.create_task(self._pass_on(reader, ahead))
        while data := await behind.read(65536):
            writer.write(data.replace(old, new) if old else data)
        rest.cancel()
        for each in (writer, ahead):
            each.close()
            with contextlib.suppress(OSError):
                await each.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)


def test_three_faults_are_found_and_nothing_else(tmp_path: Path) -> None:
    cases = (*FAULTS, "buffered_string", "mapping_json", "buffered_explicit_head")
    record = tmp_path / "new.json"
    with probe() as urls, Faulty(urls["Buffered"]) as faulty:
        options = [word for name in cases for word in ("--case", name)]
        done = compare({**urls, "Buffered": faulty}, *options, "--record", str(record))
    assert done.returncode == 1, done.stderr
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in done.stdout.splitlines()
        if line.startswith("│")
    ]
    names = "['Date', 'Content-Type', 'Content-Length', 'Connection', '{}', 'X-Amzn-Trace-Id']"
    ours, theirs = names.format("x-amzn-RequestId"), names.format("X-Amzn-RequestId")
    found = {(row[0], row[1]): row[2:] for row in rows}
    body = '{{\'text\': \'{{"hello":"owned","nested":{{"number":{}}}}}\'}}'.format
    assert found == {
        ("buffered_number", "status"): ["200", "201", "200"],
        ("buffered_number", "head_bytes"): ["296", "301", "296"],
        ("buffered_null", "header names"): [ours, theirs, ours],
        ("buffered_json", "body"): [body(7), body(8), body(7)],
    }
    assert "6 cases, 3 differ." in done.stdout
    recorded = {case["name"]: case for case in json.loads(record.read_text())}
    assert recorded["buffered_number"]["response"]["status"] == 201
    assert len(recorded) == len(CASES)


def test_what_is_personal_is_not_recorded() -> None:
    case = next(case for case in CASES if case["name"] == "mapping_json")
    event = {
        "version": "2.0",
        "routeKey": "$default",
        **case["event"],
        "headers": {
            **case["event"]["headers"],
            "host": "abc.lambda-url.eu-west-1.on.aws",
            "x-forwarded-for": "203.0.113.7",
            "x-amzn-trace-id": "Root=1",
            "x-probe-case": "mapping_json",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "requestId": "r",
            "time": "now",
            "http": {**case["event"]["requestContext"]["http"], "sourceIp": "203.0.113.7"},
        },
    }
    observed = Observed(
        status=200,
        headers=[(name, "personal") for name, _ in case["response"]["headers"]],
        body=json.dumps({"event": event}).encode(),
        complete=True,
    )
    found = recording(case, observed)
    assert found["event"] == case["event"]
    assert "203.0.113" not in json.dumps(found)
    assert set(differences(case, found)) == {"header Content-Type", "header Connection"}


def test_urls_that_are_missing() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "lambda_emulator",
            "compare",
            "--url",
            "Buffered=http://127.0.0.1:9",
        ],
        env={**os.environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    assert "--url lacks BufferedCors, BufferedPlainCors, IAM, Stream, StreamCors" in done.stderr


def test_the_index_tells_where_the_others_are(tmp_path: Path) -> None:
    """On AWS its template says so; here the command line does."""
    urls = {name: f"https://{name.lower()}.lambda-url.eu-west-1.on.aws/" for name in URLS}
    (tmp_path / "env.json").write_text(json.dumps({"Index": {"URLS": json.dumps(urls)}}))
    template = str(PROBE / "template.yaml")
    options = ("--template", template, "--function", "Index", "--env-vars")
    with RunningEmulator(*options, str(tmp_path / "env.json"), command=()) as emulator:
        assert asyncio.run(find_urls(Target(emulator.url))) == urls
    assert asyncio.run(find_urls(Target("http://127.0.0.1:9"))) is None


def test_the_template_has_the_functions() -> None:
    assert set(load(PROBE / "template.yaml").functions) == {*URLS, "Index"}
