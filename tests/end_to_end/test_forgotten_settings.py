"""What a client sees if `response_mode` and the URL's invoke mode do not match.

docs/your-own-app.md describes it.
"""

import json
import sys
from pathlib import Path

import pytest

from tests.lambda_emulator.support import RunningEmulator, write_template

APPS = Path(__file__).parents[1] / "lambda_asgi" / "apps"


@pytest.mark.parametrize("command", ["awslambdaric", "lambda_asgi"])
@pytest.mark.parametrize(
    ("response_mode", "invoke_mode", "body"),
    [
        ("streaming", "RESPONSE_STREAM", b"1"),
        ("streaming", "BUFFERED", b""),
        ("buffered", "RESPONSE_STREAM", None),
        ("buffered", "BUFFERED", b"1"),
    ],
)
def test_what_the_client_gets(
    command: str, response_mode: str, invoke_mode: str, body: bytes | None, tmp_path: Path
) -> None:
    template = write_template(
        tmp_path,
        CodeUri=str(APPS),
        Handler="in_loop.handler",
        Environment={"Variables": {"LAMBDA_ASGI_RESPONSE_MODE": response_mode}},
        FunctionUrlConfig={"AuthType": "NONE", "InvokeMode": invoke_mode},
    )
    process = (sys.executable, "-m", command, "in_loop.handler")
    with RunningEmulator("--template", str(template), command=process) as emulator:
        response = emulator.get("/starts")
        assert response.status == 200
        if body is not None:
            assert response.body == body
        else:
            assert response.body.startswith(b'{"statusCode"')
            assert json.loads(response.body)["statusCode"] == 200
