"""Get a SIGTERM from Lambda. It sends one only if an extension is registered, otherwise SIGKILL.

An internal extension without events costs an invocation nothing. It must be registered before the
first `next`, and wait for an event that never comes.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import asyncio

from lambda_asgi._logging import logger
from lambda_asgi._runtime_api.client import RuntimeAPIClient
from lambda_asgi.errors import RuntimeAPIError

NAME = "lambda-asgi"

RETRIES = 3
"""After a restored snapshot the waiting connection is dead, so the request is sent again."""


class ShutdownNotice:
    """Makes Lambda send SIGTERM before it ends the environment."""

    def __init__(self, address: str) -> None:
        self._client = RuntimeAPIClient(address)
        self._waiting: asyncio.Task[None] | None = None

    async def register(self) -> None:
        """Register the extension. If the Runtime API has no extensions, there is no notice."""
        try:
            identifier = await self._client.register_extension(NAME)
        except RuntimeAPIError as error:
            logger.debug("no notice of shutdown: %s", error)
            return
        self._waiting = asyncio.create_task(self._wait(identifier), name="shutdown notice")

    async def _wait(self, identifier: bytes) -> None:
        for _ in range(1 + RETRIES):
            try:
                await self._client.next_extension_event(identifier)
            except RuntimeAPIError as error:
                logger.debug("waiting for shutdown: %s", error)

    def reconnect(self) -> None:
        """Connect again after a snapshot was restored."""
        self._client.close()

    def close(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._client.close()
