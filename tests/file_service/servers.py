"""Real servers for tests: the service under uvicorn and under the emulator, and an S3 server."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.store import S3Store

from tests.patience import PATIENCE
from tests.ports import free_ports
from tools import seaweedfs

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
CODE = os.environ.get("SERVICE_CODE", str(ROOT / "src"))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # by lower-case name
    body: bytes

    @property
    def length(self) -> str | None:
        """Content-Length, also as a Function URL passes it on from a stream."""
        return self.headers.get(
            "x-amzn-remapped-content-length", self.headers.get("content-length")
        )

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    url: str
    pid: int
    output: list[str]  # its lines so far; all of them once it has ended

    def ask(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        """One request, its target as it is: nothing is normalised."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders()
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, response.read())

    def get(self, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("GET", target, headers)


@contextlib.contextmanager
def service(
    front: str, settings: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """The service as a process of its own.

    It runs behind `uvicorn`, `lambda` (an Event Function with a Function URL) or `web` (a Web
    Function). `settings` are its FILE_ variables.

    SERVICE_CODE and SERVICE_PYTHON replace src and this interpreter: by a build, and by the Python
    that it was built for.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FILE_", "AWS_", "LAMBDA_"))
    }
    inherited |= environment or {}
    if front == "uvicorn":
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "--app-dir",
            "src",
            "--port",
            "0",
            "file_service.main:app",
        ]
        with server_process(
            command, {**inherited, **settings}, r"running on (http://\S+)"
        ) as server:
            yield server
        return
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder, "template.yaml")
        template.write_text(_template(settings) if front == "lambda" else _web_template(settings))
        command = [
            os.environ.get("SERVICE_PYTHON", sys.executable),
            "-m",
            "lambda_emulator",
            "--template",
            str(template),
            "--port",
            "0",
        ]
        with server_process(command, inherited, r"Listening on (http://\S+)") as server:
            yield server


def _template(settings: Mapping[str, str]) -> str:
    variables = {
        "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/lambda_asgi/bootstrap",
        "LAMBDA_ASGI_RESPONSE_MODE": "streaming",
        **settings,
    }
    properties = {
        "CodeUri": CODE,
        "Handler": "file_service.main.handler",
        "Runtime": "python3.13",
        "Timeout": 300,
        "MemorySize": 1024,
        "Environment": {"Variables": variables},
        "FunctionUrlConfig": {"AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM"},
    }
    function = {"Type": "AWS::Serverless::Function", "Properties": properties}
    return json.dumps(
        {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"FileServiceFunction": function}}
    )


def _web_template(settings: Mapping[str, str]) -> str:
    properties = {
        "CodeUri": CODE,
        "Runtime": "python3.13",
        "Timeout": 300,
        "AuthType": "ApplicationManaged",
        "EnvironmentVariables": {
            "AWS_LAMBDA_PYTHON_ENTRYPOINT": "file_service.main:app",
            **{name: value for name, value in settings.items() if value},
        },
    }
    function = {"Type": "AWS::Serverless::WebFunction", "Properties": properties}
    return json.dumps(
        {
            "Transform": "AWS::Serverless-2016-10-31",
            "Resources": {"FileServiceWebFunction": function},
        }
    )


@contextlib.contextmanager
def server_process(
    command: list[str],
    environment: Mapping[str, str],
    ready: str,
    stop: signal.Signals = signal.SIGINT,
) -> Iterator[Server]:
    """A server process, from the line that names its address to its end.

    If the start fails, its output is shown.
    """
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    lines: list[str] = []
    drain = threading.Thread(target=lines.extend, args=(process.stdout,))
    try:
        for line in process.stdout:
            lines.append(line)
            if found := re.search(ready, line):
                break
        else:
            raise RuntimeError(f"{command} did not start:\n{''.join(lines)}")
        drain.start()
        yield Server(found[1].rstrip("/"), process.pid, lines)
    finally:
        process.send_signal(stop)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            if drain.is_alive():
                drain.join(PATIENCE)
            process.stdout.close()
    # By itself or by the signal; not aborted on its way out.
    assert process.returncode in (0, 128 + stop, -stop), (
        f"{command} ended with {process.returncode}:\n{''.join(lines)}"
    )


@dataclass(frozen=True)
class S3Server:
    url: str

    BUCKET = "test"

    def environment(self, url: str = "") -> dict[str, str]:
        """The variables that lead the service here, or to a proxy at `url`."""
        return {
            "AWS_ENDPOINT_URL_S3": url or self.url,
            "AWS_ACCESS_KEY_ID": "test-access",
            "AWS_SECRET_ACCESS_KEY": "test-secret",
            "AWS_REGION": "us-east-1",
        }

    def put(self, files: Mapping[str, bytes]) -> None:
        """Puts objects by their keys, several at a time."""
        store = S3Store(
            self.BUCKET,
            endpoint=self.url,
            region="us-east-1",
            access_key_id="test-access",
            secret_access_key="test-secret",
            client_options={"allow_http": True},
        )
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda key: obstore.put(store, key, files[key]), files))

    def mark_folder(self, key: str) -> None:
        """Puts the empty object `key/`, as AWS's console does for a new folder."""
        import boto3  # Only one test needs it, and its import takes half a second.

        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test-access",
            aws_secret_access_key="test-secret",
        )
        with contextlib.closing(client):
            client.put_object(Bucket=self.BUCKET, Key=f"{key}/", Body=b"")


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """SeaweedFS on loopback, with one empty bucket."""
    with tempfile.TemporaryDirectory() as folder:
        ports = seaweedfs.chosen(free_ports(3 * len(seaweedfs.PORTS)))
        keys = ("test-access", "test-secret")
        weed = str(BIN / "weed")
        command = seaweedfs.command(weed, Path(folder), S3Server.BUCKET, *keys, ports)
        environment = os.environ | {"HOME": folder}
        # Killed, not asked to end: what it would save in two seconds is thrown away.
        try:
            with server_process(
                command, environment, r"S3 Endpoint:\s+(http://\S+)", signal.SIGKILL
            ) as server:
                yield S3Server(server.url)
        finally:
            seaweedfs.remove_sockets(ports)
