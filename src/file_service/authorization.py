"""Who may see what. Read-only by design: no route changes anything."""

import hmac
from collections.abc import Mapping
from fnmatch import fnmatchcase
from urllib.parse import unquote

from starlette.requests import HTTPConnection

from file_service.problem import Problem

# A page cannot put a header on an <img> or a download link: the page at `/` stores the token it was given here.
TOKEN_COOKIE = "file_service_token"


def check_token(connection: HTTPConnection, token: str | None) -> None:
    """Lets a request pass that carries `token` as a bearer token (RFC 6750) or in the page's cookie. None: all pass."""
    if token is None:
        return
    scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
    presented = credentials.strip() if scheme.lower() == "bearer" else unquote(connection.cookies.get(TOKEN_COOKIE, ""))
    if not hmac.compare_digest(presented.encode(), token.encode()):
        raise Problem(
            401,
            "This service asks for a token: send 'Authorization: Bearer <token>'.",
            headers={"www-authenticate": 'Bearer realm="file_service"'},
        )


def folder_of(caller: str | None, prefixes: Mapping[str, str] | None) -> str:
    """The folder that is all of the source to this caller: the root, unless callers have prefixes.

    `prefixes`: patterns of IAM ARNs (`*` and `?`), the first that matches counts. Raises a 403 when none does.
    """
    if prefixes is None:
        return ""
    for pattern, prefix in prefixes.items():
        if caller is not None and fnmatchcase(caller, pattern):
            return prefix
    raise Problem(
        403, "No folder is set for this caller." if caller else "This service asks for requests signed by IAM."
    )
