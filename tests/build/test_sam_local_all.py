"""`sam local` in a container: every event of events/, and an API.

    pytest -m docker_all

It takes minutes. `make invoke` must have built the function, and the Lambda base image must be on
this machine: nothing is fetched here.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.build.conftest import BIN, TOP
from tests.end_to_end.test_sam_local import BUILT, REASON
from tests.ports import free_ports

EVENTS = sorted(path.name for path in (TOP / "events").glob("*.json"))
MACHINE = "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"
OF_THE_FILE_SYSTEM = {"etag", "last-modified", "date"}
"""Headers whose values differ between a built folder and its source."""
ETAG = re.compile(r'"etag":"[^,]*",')
"""The same in a listing, whose length depends on them. Its other members have to be equal."""

pytestmark = [
    pytest.mark.docker_all,
    pytest.mark.skipif(bool(REASON), reason=REASON),
    pytest.mark.timeout(900),  # each starts sam and a container, on a loaded machine
]


@pytest.fixture(autouse=True)
def asked_for(request: pytest.FixtureRequest) -> None:
    if "docker_all" not in request.config.getoption("-m"):
        pytest.skip("takes minutes: ask for it with -m docker_all")


def in_process(event: Any, tmp_path: Path) -> Any:
    """What the same handler returns without SAM, Docker or AWS's emulator."""
    (tmp_path / "event.json").write_text(json.dumps(event))
    code = (
        "import json, sys, types; from file_service.main import handler\n"
        "context = types.SimpleNamespace(\n"
        "    aws_request_id='1', get_remaining_time_in_millis=lambda: 30000\n"
        ")\n"
        "try: result = handler(json.load(open(sys.argv[1])), context)\n"
        "except Exception as error: result = {'errorType': type(error).__name__}\n"
        "print(json.dumps(result))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "event.json")],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def comparable(result: Any) -> Any:
    if "errorType" in result:
        return result["errorType"]
    for kind in ("headers", "multiValueHeaders"):
        fields = result.get(kind) or {}
        result[kind] = {
            name: None if name in OF_THE_FILE_SYSTEM else value for name, value in fields.items()
        }
        if "allow" in fields:  # Starlette has the methods of a route in a set
            result[kind]["allow"] = sorted(str(fields["allow"]).split(", "))
        if ETAG.search(result["body"]):
            result[kind].pop("content-length", None)
    result["body"] = ETAG.sub("", result["body"])
    return result


@pytest.mark.parametrize("name", EVENTS)
def test_every_event(name: str, tmp_path: Path) -> None:
    """In the container, too, the event reaches the app, and the result is the handler's."""
    command = [str(BIN / "sam"), "local", "invoke", "--skip-pull-image", "--template", str(BUILT)]
    command += [
        "--parameter-overrides",
        f"Architecture={MACHINE}",
        "--event",
        str(TOP / "events" / name),
    ]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
    assert done.stdout.strip(), done.stderr
    result = json.loads(done.stdout)
    event = json.loads((TOP / "events" / name).read_text())
    assert comparable(result) == comparable(in_process(event, tmp_path))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, str]) -> Iterator[str]:
    """examples/rest-api under `sam local start-api`."""
    folder = tmp_path_factory.mktemp("api") / "example"
    shutil.copytree(TOP / "examples" / "rest-api", folder)
    template = folder / "template.yaml"
    text = template.read_text().replace("Architectures: [arm64]", f"Architectures: [{MACHINE}]")
    text = text.replace(
        "    Properties:\n      CodeUri",
        "    Metadata: { BuildMethod: python-uv }\n    Properties:\n      CodeUri",
    )
    template.write_text(text)
    subprocess.run(
        [str(BIN / "sam"), "build", "--beta-features"], cwd=folder, env=tools, check=True
    )
    (port,) = free_ports(1)
    command = [str(BIN / "sam"), "local", "start-api", "--skip-pull-image", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=folder, env=tools, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            assert any("Press CTRL+C to quit" in line for line in process.stderr)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.communicate(timeout=60)


def test_an_api(api: str) -> None:
    """`sam local` always buffers. The runtime knows that, and answers with a whole result."""
    response = httpx.get(f"{api}/numbers?last=2", timeout=120)
    assert (response.status_code, response.text) == (200, "data: 1\n\ndata: 2\n\n")
    assert re.match("text/event-stream", response.headers["content-type"])


def test_bytes_become_base64_there(api: str) -> None:
    """Without binaryMediaTypes a buffered API hands its base64 on. A streamed one sends bytes.

    `sam local` also keeps the app's content-length, so that the longer base64 is cut there.
    """
    body = bytes(range(256))
    found = httpx.get(f"{api}/binary", timeout=120).content
    assert found == base64.b64encode(body)[: len(body)]
