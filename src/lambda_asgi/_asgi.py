"""The types of ASGI 3.0 (https://asgi.readthedocs.io/en/latest/specs/www.html).

Scopes and messages are plain dicts: middleware adds keys to both, so a closed type would be wrong.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

RawHeaders = list[tuple[bytes, bytes]]
"""Headers in the order sent, with names in lower case, as ASGI asks."""
