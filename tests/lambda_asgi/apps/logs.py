"""An app that logs."""

import asyncio
import logging
from typing import Any

log = logging.getLogger("app")
log.setLevel(logging.INFO)


async def say(text: str) -> None:
    log.info(text)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError
    request, path = scope["aws.context"].aws_request_id, scope["path"]
    log.info("the app begins %s", request)
    try:
        if path == "/raises":
            raise KeyError(path)
        if path == "/thread":
            await asyncio.to_thread(log.info, "the app is in a thread %s", request)
        if path == "/task":
            await asyncio.create_task(say(f"the app is in a task {request}"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if path != "/plain":
            await send({"type": "http.response.body", "body": b"first", "more_body": True})
            await asyncio.sleep(0.001)
            log.info("the app goes on %s", request)
        if path == "/raises-late":
            raise KeyError(path)
        await send({"type": "http.response.body", "body": b"last"})
    finally:
        log.info("the app ends %s", request)
