"""Share links in paths: `/s/{token}/files/...` is `/files/...` for anyone who has the token."""

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PREFIX = "/s/"


def share_of(scope: Mapping[str, Any]) -> str | None:
    """Return the token of the share link that this request used."""
    state = scope.get("state", {})
    token: str | None = state.get("share")
    return token


class SharePaths:
    """ASGI middleware that takes the token out of the path, before anything can log it.

    It changes the scope in place, because a server's own access log reads the same scope.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, without the token of a share link in its path."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        root = scope.get("root_path", "")
        path = scope["path"].removeprefix(root)
        if not path.startswith(_PREFIX):
            await self.app(scope, receive, send)
            return
        token, slash, rest = path.removeprefix(_PREFIX).partition("/")
        scope["path"] = f"{root}/{rest}"
        raw: bytes = scope.get("raw_path") or b""
        secret = f"{_PREFIX}{token}".encode()
        scope["raw_path"] = raw.replace(secret, b"", 1)
        scope.setdefault("state", {})["share"] = token
        if slash:
            await self.app(scope, receive, _telling_no_referrer(send))
            return
        # The slash keeps relative links of the page below the share link.
        answer = RedirectResponse(f"{token}/", 307, {"cache-control": "no-store"})
        await answer(scope, receive, send)


def _telling_no_referrer(send: Send) -> Send:
    async def with_policy(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["referrer-policy"] = "no-referrer"
        await send(message)

    return with_policy
