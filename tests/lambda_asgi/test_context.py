"""What an app knows of its invocation, under `python -m lambda_asgi` and its own bootstrap."""

import asyncio
import copy
import ctypes
import gc
import json
import os
import sys
import weakref
from typing import Any

import pytest

from lambda_asgi._environment import FunctionIdentity
from lambda_asgi._invocation import Invocation, LambdaContext
from lambda_asgi._poller import set_trace_id
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
    "Lambda-Runtime-Cognito-Identity": json.dumps(
        {"cognitoIdentityId": "someone", "cognitoIdentityPoolId": "pool"}
    ),
}


@pytest.mark.parametrize(
    "command", [COMMAND, (sys.executable, str(APPS / "context.py"))], ids=["handler", "run"]
)
def test_what_next_says_is_in_the_context(command: tuple[str, ...]) -> None:
    async def main() -> list[dict[str, Any]]:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "context.app", command=command, **FUNCTION),
        ):
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


def test_the_trace_id_of_each_invocation_costs_no_memory() -> None:
    """glibc never frees a variable's value. X-Ray's SDK reads Python's own copy."""
    set_trace_id("Root=1-0;Parent=1;Sampled=0")
    assert (
        os.environ["_X_AMZN_TRACE_ID"]
        == os.getenv("_X_AMZN_TRACE_ID")
        == "Root=1-0;Parent=1;Sampled=0"
    )
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    assert getenv(b"_X_AMZN_TRACE_ID") is None
    set_trace_id(None)
    set_trace_id(None)
    assert "_X_AMZN_TRACE_ID" not in os.environ


def test_the_context_takes_what_agents_of_monitoring_do_with_it() -> None:
    """Monitoring agents do this with the context object of Lambda's own runtime."""
    invocation = Invocation("request-1", None, "arn", b"")
    context = LambdaContext(invocation, FunctionIdentity(name="shop"))
    other = LambdaContext(invocation, FunctionIdentity(name="shop"))
    assert vars(context)["aws_request_id"] == "request-1"
    context.span = "mine"  # type: ignore[attr-defined]
    assert {context: 1, other: 2}[context] == 1
    assert context != other
    assert copy.copy(context).aws_request_id == "request-1"
    reference = weakref.ref(context)
    del context
    gc.collect()
    assert reference() is None
