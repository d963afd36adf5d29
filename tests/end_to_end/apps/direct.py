"""Three chunks that the test asks for one by one; then perhaps an error."""

import asyncio
import os
from pathlib import Path
from typing import Any

from lambda_asgi import LambdaASGI

DOORBELL = Path(os.environ.get("DOORBELL", ""))


async def app(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    for number in range(3):
        while not DOORBELL.with_suffix(f".{number}").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        chunk = b"%d\n" % number
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    if scope["path"] == "/breaks":
        raise ValueError("in mid-stream")
    await send({"type": "http.response.body"})


handler = LambdaASGI(app, lifespan="off", response_mode="streaming")
