"""`sam local invoke` of the built function, in a container with AWS's emulator and base image.

`make invoke` builds the function, and fetches the image if it can. Nothing is built or fetched
here.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lambda_asgi._response_mode import EXPECTED

TOP = Path(__file__).parent.parent.parent
BUILT = TOP / ".aws-sam" / "local" / "template.yaml"


def reason_to_skip() -> str:
    if shutil.which("docker") is None:
        return "there is no docker"
    images = subprocess.run(
        ["docker", "images", "--format", "{{.Repository}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if images.returncode:
        return "no Docker engine is running"
    if not BUILT.exists():
        return "nothing is built: run `make invoke` first"
    if "public.ecr.aws/lambda/python" not in images.stdout:
        return "the Lambda base image is not there: run `make invoke` first"
    return ""


REASON = reason_to_skip()

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(REASON), reason=REASON)]


def invoke(
    event: dict[str, Any], tmp_path: Path, *, template: Path = BUILT, **variables: str
) -> tuple[dict[str, Any], str]:
    """The function's result, and its log."""
    (tmp_path / "event.json").write_text(json.dumps(event))
    (tmp_path / "variables.json").write_text(json.dumps({"FileServiceFunction": variables}))
    machine = subprocess.run(
        ["uname", "-m"], capture_output=True, text=True, check=True
    ).stdout.strip()
    architecture = "arm64" if machine in ("aarch64", "arm64") else "x86_64"
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("sam")), "local", "invoke", "--skip-pull-image"),
            *("--template", str(template), "--parameter-overrides", f"Architecture={architecture}"),
            *(
                "--event",
                str(tmp_path / "event.json"),
                "--env-vars",
                str(tmp_path / "variables.json"),
            ),
        ],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result, done.stderr


def golden(name: str) -> dict[str, Any]:
    event = json.loads((TOP / "events" / name).read_text())
    assert isinstance(event, dict)
    return event


HELLO = (TOP / "src" / "samples" / "hello.txt").read_text()


def test_the_file_is_in_a_normal_proxy_answer(tmp_path: Path) -> None:
    result, log = invoke(golden("function_url_get_file.json"), tmp_path)
    assert (result["statusCode"], result["isBase64Encoded"], result["body"]) == (200, False, HELLO)
    assert "complete" not in log, (
        "no line of our runtime: Lambda's has called handler(event, context)"
    )


def test_streaming_is_buffered_there(tmp_path: Path) -> None:
    """Its emulator would pass a prelude on unchanged, which is not JSON."""
    event = golden("function_url_get_file.json")
    result, _ = invoke(event, tmp_path, LAMBDA_ASGI_RESPONSE_MODE="streaming")
    assert result["statusCode"] == 200


def test_a_setting_that_is_wrong_is_said(tmp_path: Path) -> None:
    result, _ = invoke(
        golden("function_url_get_file.json"), tmp_path, LAMBDA_ASGI_RESPONSE_MODE="loud"
    )
    assert result["errorType"] == "ConfigurationError"
    assert result["errorMessage"] == "LAMBDA_ASGI_RESPONSE_MODE='loud': set it to " + EXPECTED
