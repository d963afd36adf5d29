"""Support for tests of Web Functions: templates, the apps they run, and a client."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.lambda_emulator.support import Client, RunningEmulator

APPS = Path(__file__).with_name("web_apps")
RAW_SERVER = (sys.executable, str(APPS / "raw_server.py"))


def write_web_template(folder: Path, **properties: Any) -> Path:
    """A template (JSON is YAML) of one Web Function."""
    function = {
        "Runtime": "python3.14",
        "CodeUri": str(APPS),
        "AuthType": "ApplicationManaged",
        **properties,
    }
    resource = {"Type": "AWS::Serverless::WebFunction", "Properties": function}
    path = folder / "template.yaml"
    path.write_text(json.dumps({"Resources": {"Probe": resource}}))
    return path


class WebClient(Client):
    """Names host and port, as browsers and curl do: an endpoint answers to nothing else."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._host = f"Host: localhost:{port}"

    def request(self, method: str, target: str, *headers: str, body: bytes = b"") -> None:
        named = any(line.lower().startswith("host:") for line in headers)
        super().request(method, target, *headers if named else (self._host, *headers), body=body)


class WebEmulator(RunningEmulator):
    def connect(self, port: int | None = None) -> WebClient:
        return WebClient(port or self.port)
