"""The ASGI lifespan, once for each execution environment.

Spec: https://asgi.readthedocs.io/en/latest/specs/lifespan.html. An app that raises before it has
responded does not support lifespans. It is served without one, unless a lifespan is required.
"""

import asyncio
from typing import Any

from lambda_asgi._asgi import ASGIApp, Message
from lambda_asgi._describe import described
from lambda_asgi._fork_guard import is_child, leave_child
from lambda_asgi._logging import logger
from lambda_asgi.errors import StartupFailed, UnexpectedMessage

# Seconds for the app's task to end after it has shut down, and again after its cancellation. Lambda
# leaves a runtime 300 ms.
TIME_TO_RETURN = 0.1


class Lifespan:
    """One lifespan of an app.

    `state` is what the app put into `scope["state"]`. Each request gets a copy. If the lifespan is
    `required`, an app that ends or raises before it has responded has failed to start.
    """

    def __init__(self, app: ASGIApp, *, required: bool = False) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._required = required
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._reply: asyncio.Future[Message | None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked = ""
        self._answered = ""
        self._raised: BaseException | None = None

    async def startup(self) -> None:
        """Wait until the app has started, or does not support lifespans. Raises StartupFailed."""
        self._task = asyncio.create_task(self._run(), name="lifespan")
        reply = await self._ask("lifespan.startup")
        if reply is not None:
            if reply["type"] == "lifespan.startup.failed":
                raise StartupFailed(
                    reply.get("message") or "the app answered lifespan.startup.failed"
                )
            return
        raised = self._raised
        # an app that exits does support lifespans
        if self._required or isinstance(raised, SystemExit):
            said = "ended without an answer" if raised is None else f"raised {raised!r}"
            raise StartupFailed(f"asked for its lifespan, the app {said}") from raised
        if raised is not None:
            logger.warning(
                "the app is served without a lifespan: asked for one, it raised %r", raised
            )

    @property
    def is_running(self) -> bool:
        """Whether the app has started and waits for its shutdown.

        It is False if the app does not support lifespans.
        """
        return self._task is not None and not self._task.done()

    async def shutdown(self) -> None:
        """Wait until the app has shut down. Errors are logged, because nothing else can be done."""
        if self._task is None or not self.is_running:
            return
        reply = await self._ask("lifespan.shutdown")
        if reply is not None and reply["type"] == "lifespan.shutdown.failed":
            logger.error(
                "the app failed to shut down: %s", reply.get("message") or "it did not say why"
            )
        await asyncio.wait([self._task], timeout=TIME_TO_RETURN)
        if self.is_running:  # it has responded, and still asks for messages
            self._task.cancel()
            await asyncio.wait([self._task], timeout=TIME_TO_RETURN)

    async def _ask(self, message_type: str) -> Message | None:
        """Return the app's response to a message, or None if it ended instead."""
        self._reply = asyncio.get_running_loop().create_future()
        self._asked = message_type
        self._messages.put_nowait({"type": message_type})
        return await self._reply

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self._app(scope, self._messages.get, self._send)
        except (Exception, SystemExit) as error:
            if is_child():
                leave_child(error)
            self._raised = error
            if self._answered and not self._answered.endswith(".failed"):
                logger.error("the app's lifespan raised %r", error, exc_info=error)
        finally:  # also if the app's own task was cancelled
            if self._reply is not None and not self._reply.done():
                self._reply.set_result(None)

    async def _send(self, message: Message) -> None:
        if message["type"] not in (f"{self._asked}.complete", f"{self._asked}.failed"):
            raise UnexpectedMessage(f"the app answered {self._asked} with {described(message)}")
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(message)
            self._answered = message["type"]
