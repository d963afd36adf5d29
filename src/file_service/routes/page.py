"""GET and HEAD /: the page for people. One static file that talks to the other routes; it holds nothing private."""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from file_service.routes import get_and_head

router = APIRouter()

_PAGE = Path(__file__).parent.parent.joinpath("page.html").read_bytes()


def _source_of(tag: bytes) -> str:
    """What Content-Security-Policy calls the inline `tag` of the page: its digest, so that no other one runs."""
    (text,) = re.findall(rb"<%b>(.*?)</%b>" % (tag, tag), _PAGE, re.DOTALL)
    return f"'sha256-{b64encode(hashlib.sha256(text).digest()).decode()}'"


_POLICY = {
    "default-src": "'none'",
    "script-src": _source_of(b"script"),
    "style-src": _source_of(b"style"),
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": "; ".join(f"{directive} {sources}" for directive, sources in _POLICY.items()),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@get_and_head(router, "/", response_class=Response, responses={200: {"content": {"text/html": {}}}})
async def get_page(request: Request) -> Response:
    """The page to browse, see and download files."""
    if request.method == "HEAD":
        return Response(headers={**_HEADERS, "content-length": str(len(_PAGE))}, media_type="text/html")
    return Response(_PAGE, headers=_HEADERS, media_type="text/html")
