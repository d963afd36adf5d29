"""GET and HEAD /files/ and /files/{folder}/: the contents of a folder."""

import logging
from contextlib import aclosing, suppress
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from file_service.errors import NotFound, SourceError
from file_service.http.negotiation import preferred
from file_service.listing_formats import (
    EndOfListing,
    FailedListing,
    Listing,
    after_cursor,
    cursor_after,
    html_end,
    html_head,
    html_items,
    listed,
    ndjson,
)
from file_service.problem import problem_of
from file_service.routes import get_and_head, moved
from file_service.routes.dependencies import Granted
from file_service.routes.file_answer import answer_with_file
from file_service.sources import Chunks, Entry, FileSource, Pages
from file_service.streams import started

router = APIRouter()

JSON, NDJSON, HTML = "application/json", "application/x-ndjson", "text/html"

_log = logging.getLogger("file_service")


@get_and_head(router, "/files", include_in_schema=False, response_class=Response)
async def add_slash() -> Response:
    return moved("./files/")


@get_and_head(router, "/files/{folder:path}/", include_in_schema=False)
@get_and_head(
    router, "/files/", response_model=Listing, responses={200: {"content": {NDJSON: {}, HTML: {}}}}
)
async def list_folder(
    request: Request,
    grant: Granted,
    prefix: Annotated[
        str, Query(description="The folder, such as `photos/2026/`; the root when empty.")
    ] = "",
    cursor: Annotated[str, Query(description="Where the page before this one ended.")] = "",
    limit: Annotated[
        int, Query(ge=1, le=1000, description="Entries in a JSON page at most.")
    ] = 1000,
) -> Response:
    """A JSON page, or all entries as they are found: as NDJSON or as HTML links, chosen by Accept.

    Clients that do not ask for JSON get HTML, unless they ask for a page with `cursor` or `limit`.
    """
    folder = request.path_params.get("folder", prefix.removesuffix("/"))
    folder = f"{grant.path(request, folder)}/" if folder else ""
    after = after_cursor(cursor)
    pages = request.query_params.keys() & {"prefix", "cursor", "limit"}
    offers = [JSON, NDJSON, HTML] if pages else [HTML, JSON, NDJSON]
    accept = request.headers.get("accept", "")
    kind = preferred(accept, offers)
    headers = {
        "cache-control": "private, no-cache",
        "referrer-policy": "no-referrer",
        "vary": "accept",
        "x-content-type-options": "nosniff",
    }
    if kind == HTML and grant.settings.index and not pages:
        with suppress(NotFound):
            return await answer_with_file(request, grant, folder + grant.settings.index)
    if kind == JSON:
        page = await _page(grant.source, folder, after, limit)
        return Response(page.model_dump_json(), headers=headers, media_type=JSON)
    found = grant.source.list_pages(folder, after=after)
    if request.method == "HEAD":
        async with aclosing(found):
            await anext(found, None)  # Raises the same errors as a GET.
        return Response(headers=headers, media_type=kind)
    lines = _lines(found) if kind == NDJSON else _links(folder, found)
    return StreamingResponse(await started(lines), headers=headers, media_type=kind)


async def _page(source: FileSource, folder: str, after: str, limit: int) -> Listing:
    """Ask for one entry more than needed, to find out whether there is a next page."""
    entries: list[Entry] = []
    skipped = 0
    pages = source.list_pages(folder, after=after, limit=limit + 1)
    async with aclosing(pages):
        async for page in pages:
            entries += page.entries
            skipped += page.skipped
            if len(entries) > limit:
                break
    cursor: str | None = None
    if len(entries) > limit:
        cursor = cursor_after(entries[limit - 1])
    return Listing(
        folder=folder,
        entries=[listed(entry) for entry in entries[:limit]],
        cursor=cursor,
        skipped=skipped,
    )


async def _lines(pages: Pages) -> Chunks:
    count = skipped = 0
    try:
        async with aclosing(pages):
            async for page in pages:
                count += len(page.entries)
                skipped += page.skipped
                if page.entries:
                    yield ndjson(listed(entry) for entry in page.entries)
    except SourceError as error:
        if not count:
            raise  # Nothing was sent yet, so the error gets a status.
        _log.exception("The listing ended early")
        failure = FailedListing(detail=problem_of(error).detail)
        yield ndjson([failure])
    else:
        end = EndOfListing(entries=count, skipped=skipped)
        yield ndjson([end])


async def _links(folder: str, pages: Pages) -> Chunks:
    head = html_head(folder)
    skipped = 0
    async with aclosing(pages):
        async for page in pages:
            skipped += page.skipped
            if page.entries:
                yield head + html_items(page.entries)
                head = b""
    yield head + html_end(skipped)
