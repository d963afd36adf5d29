"""Write one JSON line for each request, after its body has ended."""

import json
import logging
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from file_service.lambda_scope import caller_arn, client_address, request_id

_log = logging.getLogger("file_service.access")


class AccessLog:
    """ASGI middleware. The line also contains what routes put into `request.state.log`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, and log it when its response has ended or failed."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        line: dict[str, Any] = {
            "method": scope["method"],
            "path": scope["path"],
            "client": client_address(scope),
            "caller": caller_arn(scope),
            "request_id": request_id(scope),
        }
        scope.setdefault("state", {})["log"] = line
        sent = 0

        async def counting_send(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                line["status"] = message["status"]
            await send(message)
            if message["type"] == "http.response.body":
                sent += len(message.get("body", b""))

        started = time.perf_counter()
        try:
            await self.app(scope, receive, counting_send)
        except BaseException as error:
            line["failed"] = type(error).__name__
            raise
        finally:
            line["sent"] = sent
            line["seconds"] = round(time.perf_counter() - started, 4)
            known = {key: value for key, value in line.items() if value is not None}
            _log.info(json.dumps(known))
