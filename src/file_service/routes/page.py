"""GET /: what a person sees."""

from html import escape
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from file_service.routes.dependencies import Source

router = APIRouter()


@router.get("/", response_class=HTMLResponse)
async def page(source: Source) -> HTMLResponse:
    rows = [
        f'<li><a href="files/{quote(entry.path)}">{escape(entry.path)}</a></li>'
        async for entries in source.list_pages("", recursive=True)
        for entry in entries
    ]
    return HTMLResponse(f"<!doctype html><meta charset=utf-8><title>Files</title><ul>{''.join(rows)}</ul>")
