"""An app that returns what it knows of its invocation. As a script, it is its own bootstrap."""

import json
import os
from collections.abc import MutableMapping
from typing import Any

from lambda_asgi import run


async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    context = scope["aws.context"]
    known = {
        "request id": context.aws_request_id,
        "function": context.function_name,
        "version": context.function_version,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "tenant": context.tenant_id,
        "identity": context.identity.cognito_identity_id,
        "custom": context.client_context and context.client_context.custom,
        "seconds left": context.get_remaining_time_in_millis() // 1000,
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "event": scope["aws.event"]["rawPath"],
    }
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(known).encode()})


if __name__ == "__main__":
    run(app)
