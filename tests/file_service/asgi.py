"""The app called in process, as Lambda's adapter or any other server would call it."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from file_service.app import create_app
from file_service.settings import Settings
from file_service.sources import FileSource
from tests.file_service.servers import Answer


@dataclass(frozen=True)
class Context:
    """Lambda's context object, as far as the service looks at it."""

    milliseconds: int
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def app_over(source: FileSource, **settings: Any) -> FastAPI:
    return create_app(Settings(**settings), source)


def call(
    app: FastAPI,
    target: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    seconds_left: float | None = None,
    event: Mapping[str, Any] | None = None,
    body: str | None = None,
) -> Answer:
    """Send one request. `seconds_left` and `event` make it one on Lambda.

    An error after the first byte is raised.
    """

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if seconds_left is not None or event is not None:
            scope["aws.event"] = event or {}
            scope["aws.context"] = Context(
                int((300 if seconds_left is None else seconds_left) * 1000)
            )
        await app(scope, receive, send)

    async def asked() -> Answer:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(served), base_url="http://test"
        ) as client:
            response = await client.request(method, target, headers=headers, content=body)
            return Answer(response.status_code, dict(response.headers), response.content)

    return asyncio.run(asked())


def log_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What the access log has so far; the level is to be set to INFO."""
    records = [record for record in caplog.records if record.name == "file_service.access"]
    assert all(record.levelno == logging.INFO for record in records)
    return [json.loads(record.getMessage()) for record in records]
