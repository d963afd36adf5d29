"""What an app knows of its invocation, under `python -m lambda_asgi` and under a bootstrap of its own."""

import asyncio
import json
import sys
from typing import Any

import pytest

from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.process import APPS, COMMAND, runtime_process
from tests.lambda_asgi.runtime_api_server import runtime_api_server

FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "shop",
    "AWS_LAMBDA_FUNCTION_VERSION": "7",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
}
HEADERS = {
    "Lambda-Runtime-Trace-Id": "Root=1-5e1b4151-43a0913a12345678;Sampled=1",
    "Lambda-Runtime-Aws-Tenant-Id": "blue",
    "Lambda-Runtime-Client-Context": json.dumps({"custom": {"from": "a test"}}),
    "Lambda-Runtime-Cognito-Identity": json.dumps({"cognitoIdentityId": "someone", "cognitoIdentityPoolId": "pool"}),
}


@pytest.mark.parametrize("command", [COMMAND, (sys.executable, str(APPS / "context.py"))], ids=["handler", "run"])
def test_what_next_says_is_in_the_context(command: tuple[str, ...]) -> None:
    async def main() -> list[dict[str, Any]]:
        async with runtime_api_server() as api, runtime_process(api, "context.app", command=command, **FUNCTION):
            answers = []
            for headers in (HEADERS, {}):
                api.invoke(function_url_event("/here"), seconds=100.5, headers=headers)
                answers.append(json.loads((await api.answer()).content))
            return answers

    with_everything, with_little = asyncio.run(main())
    assert with_everything == {
        "request id": "request-1",
        "function": "shop",
        "version": "7",
        "arn": "arn:aws:lambda:eu-west-1:123456789012:function:test",
        "memory": "512",
        "tenant": "blue",
        "identity": "someone",
        "custom": {"from": "a test"},
        "seconds left": with_everything["seconds left"],
        "trace": HEADERS["Lambda-Runtime-Trace-Id"],
        "event": "/here",
    }
    assert 0 < with_everything["seconds left"] <= 100
    nothing = {"tenant": None, "identity": None, "custom": None, "trace": None}
    assert nothing.items() <= with_little.items(), "nothing of the invocation before is left"
