"""The runtime under AWS's own Runtime Interface Emulator, the binary of aws-sam-cli.

It validates what a runtime posts, but does not stream: the client gets a streamed response in one
piece, with its prelude. https://github.com/aws/aws-lambda-runtime-interface-emulator
"""

import base64
import http.client
import json
import os
import platform
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lambda_asgi import _prelude as prelude
from lambda_asgi.testing import function_url_event
from tests.patience import PATIENCE
from tests.ports import free_ports

ROOT = Path(__file__).parents[2]
APPS = Path(__file__).with_name("apps")
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def binary() -> Path:
    found = Path(sysconfig.get_path("purelib")) / "samcli" / "local" / "rapid"
    return found / f"aws-lambda-rie-{ARCHITECTURES.get(platform.machine(), platform.machine())}"


needs_rie = pytestmark = pytest.mark.skipif(
    platform.system() != "Linux" or not binary().exists(),
    reason=(
        "aws-sam-cli has no Runtime Interface Emulator for "
        f"{platform.system()} on {platform.machine()}"
    ),
)


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def split(self) -> tuple[prelude.Prelude, bytes]:
        found = prelude.split(self.body)
        assert found is not None
        return found


class Emulator:
    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.port = port
        self.output: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.output.extend(self.process.stdout)

    def invoke(self, event: Any, **headers: str) -> Answer:
        """Return the emulator's answer. Ask again while it or its workers are not ready yet."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for _ in range(1500):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            try:
                connection.request(
                    "POST", "/2015-03-31/functions/function/invocations", json.dumps(event), named
                )
            except ConnectionRefusedError:
                assert self.process.poll() is None, "".join(self.output)
                time.sleep(0.02)
                continue
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
            connection.close()
            if answer.headers["Error-Type"] == "Runtime.Unavailable":
                time.sleep(0.02)
                continue
            return answer
        raise AssertionError("".join(self.output))

    def get(self, path: str, **headers: str) -> Answer:
        return self.invoke(function_url_event(path), **headers)

    def end(self) -> str:
        """Its whole output."""
        self.process.terminate()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return "".join(self.output)


@contextmanager
def started(command: list[str], port: int, environment: dict[str, str]) -> Iterator[Emulator]:
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=APPS,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    emulator = Emulator(process, port)
    try:
        yield emulator
    finally:
        emulator.end()


@contextmanager
def rie(
    handler: str = "emulated.app",
    *,
    command: Sequence[str] = (sys.executable, "-m", "lambda_asgi"),
    **variables: str,
) -> Iterator[Emulator]:
    port, runtime_api_port = free_ports(2)
    environment = {
        "PATH": os.environ["PATH"],
        "LAMBDA_TASK_ROOT": str(APPS),
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "20",
        "LAMBDA_ASGI_RESPONSE_MODE": "streaming",
        **variables,
    }
    started_with = [
        str(binary()),
        *("--runtime-api-address", f"127.0.0.1:{runtime_api_port}"),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *command,
        handler,
    ]
    with started(started_with, port, environment) as emulator:
        yield emulator


# On demand.


def test_streamed_answers() -> None:
    """One after another from one process; bodies empty, in pieces, and of any bytes."""
    binary_body = bytes(range(256)) * 40
    with rie() as emulator:
        assert emulator.get("/count").split == (
            (200, {"content-type": "text/plain"}, ["a=b"]),
            b"1",
        )
        assert emulator.get("/chunks").split[1] == b"".join(
            b"%d," % number for number in range(1000)
        )
        assert emulator.get("/empty").split == ((204, {}, []), b"")
        echo = emulator.invoke(function_url_event("/echo", method="POST", body=binary_body))
        assert echo.split == (
            (200, {"content-type": "application/octet-stream"}, ["a=b"]),
            binary_body,
        )
        assert emulator.get("/no-such-path").split[0].status == 404
        assert emulator.get("/count").split[1] == b"6"
        output = emulator.end()
    assert "PANIC" not in output
    assert "lifespan shutdown" in output, (
        "SIGTERM came, because the runtime has registered an extension"
    )


def test_what_the_caller_says_reaches_the_context() -> None:
    client_context = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
    with rie() as emulator:
        answer = emulator.get("/who", X_Amz_Tenant_Id="blue", X_Amz_Client_Context=client_context)
        who, _, remaining = answer.split[1].decode().rpartition(" ")
        assert who == "blue {'a': 'b'}"
        assert 10_000 < int(remaining) <= 20_000


def test_under_sam_local_answers_are_buffered() -> None:
    with rie(AWS_SAM_LOCAL="true", LAMBDA_ASGI_RESPONSE_MODE="streaming") as emulator:
        answer = json.loads(emulator.get("/count").body)
        assert (answer["statusCode"], answer["body"], answer["isBase64Encoded"]) == (
            200,
            "1",
            False,
        )
        assert answer["cookies"] == ["a=b"]
        answer = json.loads(
            emulator.invoke(function_url_event("/echo", method="POST", body=b"\xff\0")).body
        )
        assert (base64.b64decode(answer["body"]), answer["isBase64Encoded"]) == (b"\xff\0", True)
        answer = json.loads(emulator.get("/large").body)
        assert answer["statusCode"] == 413


def test_errors_of_the_app() -> None:
    with rie() as emulator:
        answer = emulator.get("/raise")
        assert (answer.split[0].status, answer.split[1]) == (500, b"Internal Server Error")
        # The emulator reads the trailers and drops them; with trailers over 4096 bytes, it panics.
        assert emulator.get("/break").split[1] == b"first"
        answer = emulator.invoke({"Records": []})
        assert json.loads(answer.body)["errorType"] == "EventNotHandled"
        assert emulator.get("/count").split[1] == b"4"
        output = emulator.end()
    assert "PANIC" not in output
    assert "ValueError: before the first byte" in output
    assert "ValueError: after the first byte" in output


def test_an_answer_that_is_too_large_costs_one_invocation() -> None:
    """The emulator takes 6 MiB of a stream as well."""
    with rie() as emulator:
        assert (
            json.loads(emulator.get("/large").body)["errorType"] == "Function.ResponseSizeTooLarge"
        )
        assert emulator.get("/count").split[1] == b"2"
        output = emulator.end()
    assert "the answer was refused: the Runtime API answered 413" in output


@pytest.mark.parametrize(
    ("handler", "name", "said"),
    [
        ("emulated.missing", "AppImportError", "has no 'missing'"),
        ("no_such_module.app", "AppImportError", "No module named 'no_such_module'"),
        ("emulated.fails_to_start", "StartupFailed", "no database"),
    ],
)
def test_init_errors(handler: str, name: str, said: str) -> None:
    with rie(handler) as emulator:
        answer = emulator.get("/count")
        assert answer.status == 502
        document = json.loads(answer.body)
        assert document["errorType"] == name
        assert said in document["errorMessage"]
        output = emulator.end()
    assert "the function cannot start" in output


def test_the_deadline_comes_before_the_timeout() -> None:
    """The start of the process counts, so there is time for a slow one."""
    with rie(AWS_LAMBDA_FUNCTION_TIMEOUT="8", LAMBDA_ASGI_DEADLINE_MARGIN_MS="4000") as emulator:
        answer = emulator.get("/hang")
        assert (answer.split[0].status, answer.split[1]) == (
            504,
            b"the app has not ended, and the function's timeout is near",
        )
        assert emulator.get("/count").split[1] == b"2", "the process lives on"


def test_an_app_that_blocks_the_event_loop_times_out() -> None:
    """The runtime cannot stop it. The platform does."""
    with rie(AWS_LAMBDA_FUNCTION_TIMEOUT="3") as emulator:
        timed_out = b"Task timed out after 3.00 seconds"
        assert timed_out in emulator.get("/block").body
        # A new process has the same time for start and answer. A slow machine needs several tries.
        answers = (emulator.get("/count") for _ in range(100))
        answer = next(answer for answer in answers if timed_out not in answer.body)
        assert answer.split[1] == b"1"


# Managed Instances: several invocations at once. The emulator then starts /var/task/bootstrap as
# another user, so it gets a /var of its own, with this Python in it.

SCRIPT = """
set -e
mount -t tmpfs tmpfs /var
mkdir /var/task /var/lang /var/tmp
mount --bind "$PYTHON_HOME" /var/lang
cp "$APPS"/*.py /var/task
mkdir /var/packages
cp -r "$SOURCE/lambda_asgi" "$PACKAGES/httptools" /var/packages
printf '#!/bin/sh\\n%s\\nexec /var/lang/bin/%s -m lambda_asgi\\n' "$EXPORTS" "$PYTHON" \\
  > /var/task/bootstrap
chmod -R a+rX /var/task /var/packages
chmod a+x /var/task/bootstrap
exec "$@"
"""


def can_unshare() -> bool:
    if platform.system() != "Linux":
        return False
    # root here may still not mount
    script = "mount -t tmpfs tmpfs /var && setpriv --reuid 1 --regid 1 --clear-groups true"
    trial = ["unshare", "-m", "sh", "-c", script]
    try:
        return subprocess.run(trial, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@contextmanager
def managed_instance(concurrency: int) -> Iterator[Emulator]:
    port, runtime_api_port = free_ports(2)
    exports = "\n".join(
        [
            "export PYTHONPATH=/var/packages",
            "export LAMBDA_ASGI_RESPONSE_MODE=streaming",
            "export _HANDLER=emulated.app",
        ]
    )
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHON_HOME": sys.base_prefix,
        "PYTHON": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "PACKAGES": sysconfig.get_path("platlib"),
        "SOURCE": str(ROOT / "src"),
        "APPS": str(APPS),
        "EXPORTS": exports,
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "20",
        "AWS_LAMBDA_MAX_CONCURRENCY": str(concurrency),
    }
    command = [
        *("unshare", "-m", "sh", "-c", SCRIPT, "sh", str(binary())),
        *("--runtime-api-address", f"127.0.0.1:{runtime_api_port}"),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
    ]
    with started(command, port, environment) as emulator:
        yield emulator


@pytest.mark.skipif(not can_unshare(), reason="a /var of one's own needs root and unshare")
def test_managed_instances() -> None:
    with managed_instance(2) as emulator:
        answer = emulator.get("/count")
        assert answer.split == ((200, {"content-type": "text/plain"}, ["a=b"]), b"1")
        assert (
            answer.headers["Content-Type"] == "application/vnd.awslambda.http-integration-response"
        )
        assert answer.headers["Lambda-Runtime-Function-Response-Mode"] == "streaming"

        # Two at once, in one process: each waits for the other.
        answers: list[Answer] = []
        threads = [
            threading.Thread(target=lambda: answers.append(emulator.get("/meet"))) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({answer.split[1] for answer in answers}) == 1

        # In this mode the emulator shows the error trailers: announced, in order, and not too long.
        broken = emulator.get("/break")
        assert broken.headers["Error-Type"] == "Runtime.UserException"
        error = json.loads(broken.body)
        assert error["errorType"] == "ValueError"
        assert error["errorMessage"].startswith("after the first byte xxx")
        assert error["stackTrace"]

        assert emulator.get("/raise").split[0].status == 500
        assert emulator.get("/count").split[1] == b"6"
