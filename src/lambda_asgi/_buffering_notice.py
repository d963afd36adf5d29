"""Warn once if an app streams while its responses are buffered.

Its clients get nothing before the end of a response.
"""

import time

from lambda_asgi._asgi import ASGIApp, Message, Receive, Scope, Send
from lambda_asgi._logging import logger

# Seconds between two parts of a body that show that the app streams.
DELAY = 0.1

ADVICE = (
    "but its response is buffered, and the client gets it at its end. To stream it, set both "
    'LambdaASGI(app, response_mode="streaming") and InvokeMode: RESPONSE_STREAM'
)


class BufferingNotice:
    """Watches what an app sends until there is a reason to warn.

    There is one for each app. The caller watches only buffered requests whose event source could
    stream, and none after the warning.
    """

    def __init__(self) -> None:
        self.is_said = False
        """Whether the warning is in the log."""

    def watch(self, app: ASGIApp) -> ASGIApp:
        """Return an app that passes everything on and watches the messages of one request.

        A response counts as streamed if its type is text/event-stream, or if a part of its body
        follows the first one after more than DELAY.
        """

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            first_part: float | None = None

            async def noticing_send(message: Message) -> None:
                nonlocal first_part
                await send(message)  # This raises for anything that is not a message.
                if message.get("type") == "http.response.start":
                    headers = message.get("headers", ())
                    if any(value.startswith(b"text/event-stream") for _, value in headers):
                        self._say("the app sends text/event-stream")
                elif message.get("body"):
                    now = time.monotonic()
                    if first_part is None:
                        first_part = now
                    elif now - first_part > DELAY:
                        self._say("the app sends its response bit by bit")

            await app(scope, receive, noticing_send)

        return watched

    def _say(self, what: str) -> None:
        if not self.is_said:
            self.is_said = True
            logger.warning("%s, %s", what, ADVICE)
