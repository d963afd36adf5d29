"""GET /docs: the OpenAPI document as a page, without scripts and without other hosts."""

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

router = APIRouter()

_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@router.get("/docs", include_in_schema=False)
async def get_documentation(request: Request) -> Response:
    document: dict[str, Any] = request.app.openapi()
    page = "".join(_page(document))
    return Response(page, headers=_HEADERS, media_type="text/html")


def _page(document: dict[str, Any]) -> Iterator[str]:
    info = document["info"]
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])}</title>"
    yield "<meta name=viewport content='width=device-width'>"
    yield "<meta name=color-scheme content='light dark'>"
    yield f"<h1>{escape(info['title'])}</h1><p>{escape(info['summary'])}"
    yield " The same for programs: <a href=openapi.json>openapi.json</a>.</p>"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield from _operation(f"{method.upper()} {path}", operation)
    yield "</html>"


def _operation(name: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{escape(name)}</code></h2><p>{escape(operation.get('description', ''))}</p>"
    if parameters := operation.get("parameters"):
        yield "<ul>"
        for each in parameters:
            told = escape(each.get("description", ""))
            yield f"<li><code>{escape(each['name'])}</code> ({escape(each['in'])}) {told}</li>"
        yield "</ul>"
    yield f"<p>Answers: {', '.join(sorted(operation['responses']))}</p>"
