"""For platforms that read the response only after they have sent the whole request."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ReadsWholeRequests:
    """ASGI middleware that reads the whole request body before it sends the response.

    A Web Function's endpoint sends the whole request body to the app before it reads the response.
    Without this middleware, an early response to a large upload (a 401, a 405) would block until
    the function's timeout. When the app starts its response, the middleware reads the rest of the
    body and drops it. So an app must not read the body after that.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on. The first message of its response waits for the end of its body."""
        if scope["type"] != "http" or not _has_body(scope):
            await self.app(scope, receive, send)
            return
        ended = False

        async def watched_receive() -> Message:
            nonlocal ended
            message = await receive()
            has_left = message["type"] == "http.disconnect"
            if has_left or not message.get("more_body", False):
                ended = True
            return message

        async def send_after_body(message: Message) -> None:
            while not ended:
                await watched_receive()
            await send(message)

        await self.app(scope, watched_receive, send_after_body)


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )
