"""What an app's own test suite does with `lambda_asgi.testing`, on any system.

python small_app.py FILE
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from lambda_asgi.testing import ExecutionEnvironment, function_url_event

FILE = Path(sys.argv[1]).absolute()
CONTENT = FILE.read_bytes()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/file":
        await send({"type": "http.response.pathsend", "path": str(FILE)})
        return
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b"two"})


async def main() -> None:
    async with ExecutionEnvironment(app) as environment:
        assert (await environment.invoke(function_url_event("/"))).chunks == [b"one", b"two"]
        sent = await environment.invoke(function_url_event("/file"))
        assert b"".join(sent.chunks) == CONTENT


asyncio.run(main())
