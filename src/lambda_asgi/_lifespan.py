"""ASGI lifespan: once per execution environment, not per invocation.

Spec: https://asgi.readthedocs.io/en/latest/specs/lifespan.html. An app that raises before it has answered does not
know lifespans, and is served without one.
"""

import asyncio
from typing import Any

from lambda_asgi._asgi import ASGIApp, Message
from lambda_asgi._logging import logger
from lambda_asgi.errors import StartupFailed, UnexpectedMessage


class Lifespan:
    """One lifespan of an app. `state` is what the app put into `scope["state"]`; each request gets a copy."""

    def __init__(self, app: ASGIApp) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._answer: asyncio.Future[Message | None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked = ""
        self._answered = ""

    async def startup(self) -> None:
        """Returns when the app has started, or does not know lifespans. Raises StartupFailed."""
        self._task = asyncio.create_task(self._run(), name="lifespan")
        answer = await self._ask("lifespan.startup")
        if answer is not None and answer["type"] == "lifespan.startup.failed":
            raise StartupFailed(answer.get("message") or "the app answered lifespan.startup.failed")

    @property
    def is_running(self) -> bool:
        """Whether the app has started and waits for the end: false where it knows no lifespans."""
        return self._task is not None and not self._task.done()

    async def shutdown(self) -> None:
        """Returns when the app has shut down. What goes wrong is logged: nothing can be done about it any more."""
        if self._task is None or not self.is_running:
            return
        answer = await self._ask("lifespan.shutdown")
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            logger.error("the app failed to shut down: %s", answer.get("message") or "it did not say why")
        await asyncio.wait([self._task])

    async def _ask(self, message_type: str) -> Message | None:
        """The app's answer to a message; None when it ended instead."""
        self._answer = asyncio.get_running_loop().create_future()
        self._asked = message_type
        self._messages.put_nowait({"type": message_type})
        return await self._answer

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        ended: Message | None = None
        try:
            await self._app(scope, self._messages.get, self._send)
        except SystemExit as error:  # an app that wants to exit, and not one that does not know lifespans
            ended = {"type": f"{self._asked}.failed", "message": f"the app raised {error!r}"}
        except Exception as error:
            if not self._answered:
                logger.info("the app is served without a lifespan: asked for one, it raised %r", error)
            elif not self._answered.endswith(".failed"):
                logger.error("the app's lifespan raised %r", error, exc_info=error)
        finally:  # also when the app's own task was cancelled
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(ended)

    async def _send(self, message: Message) -> None:
        if message["type"] not in (f"{self._asked}.complete", f"{self._asked}.failed"):
            raise UnexpectedMessage(f"the app answered {self._asked} with {message!r:.200}")
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message)
            self._answered = message["type"]
