"""GET and HEAD /: the page for people and its static parts. They contain nothing private.

The parts are below `page/<version>/`, and the version is the digest of all parts. So a browser may
cache a part for ever, modules find each other, and two versions of the page never mix.
"""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from file_service.http.conditional import Outcome, evaluate
from file_service.problem import Problem
from file_service.routes import get_and_head

router = APIRouter()

_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_FOLDER = Path(__file__).parent.parent / "page"
_PARTS = {
    path.name: path.read_bytes() for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES
}
_VERSION = hashlib.sha256(
    b"".join(name.encode() + content for name, content in _PARTS.items())
).hexdigest()[:16]
_PAGE = _PARTS.pop("index.html").replace(b"{assets}", f"page/{_VERSION}".encode())
_ETAG = f'"{_VERSION}"'

# A rendered document is in a frame without an origin, so it cannot request its style sheet.
_STYLE = f"'sha256-{b64encode(hashlib.sha256(_PARTS['markdown.css']).digest()).decode()}'"

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "worker-src": "'self'",
    "style-src": f"'self' {_STYLE}",
    "connect-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self'",
    "frame-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
_HEADERS = {
    "content-security-policy": "; ".join(
        f"{directive} {sources}" for directive, sources in _POLICY.items()
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@get_and_head(router, "/", response_class=Response, responses={200: {"content": {"text/html": {}}}})
async def get_page(request: Request) -> Response:
    """The page to browse, view and download files."""
    headers = {**_HEADERS, "cache-control": "no-cache", "etag": _ETAG}
    field = ",".join(request.headers.getlist("if-none-match"))
    outcome = evaluate({"if-none-match": field}, _ETAG, datetime.now(UTC))
    if outcome is Outcome.NOT_MODIFIED:
        return Response(status_code=304, headers=headers)
    return _answer(request, _PAGE, ".html", headers)


@get_and_head(router, "/page/{version}/{name}", include_in_schema=False)
async def get_part(request: Request, version: str, name: str) -> Response:
    if version != _VERSION or name not in _PARTS:
        raise Problem(
            404, "The page has changed. Reload it.", headers={"cache-control": "no-store"}
        )
    headers = {**_HEADERS, "cache-control": "public, max-age=31536000, immutable"}
    return _answer(request, _PARTS[name], Path(name).suffix, headers)


def _answer(request: Request, content: bytes, suffix: str, headers: dict[str, str]) -> Response:
    media_type = _TYPES[suffix]
    if request.method == "HEAD":
        headers["content-length"] = str(len(content))
        return Response(headers=headers, media_type=media_type)
    return Response(content, headers=headers, media_type=media_type)
