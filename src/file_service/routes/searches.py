"""GET /searches/{folder}: files and folders below a folder, by name."""

import time
from contextlib import aclosing
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from file_service.errors import SourceError
from file_service.listing_formats import FailedListing, listed, ndjson
from file_service.name_search import NameSearch
from file_service.problem import Problem, problem_of
from file_service.routes.dependencies import Granted
from file_service.sources import Chunks, FileSource
from file_service.streams import started

router = APIRouter()

NDJSON = "application/x-ndjson"

MOST_ENTRIES = 1000  # More than anyone reads
MOST_SECONDS = 60.0
_PROGRESS_SECONDS = 0.3  # Also how soon a search stops after its client has left.


class SearchProgress(BaseModel):
    """A line between the entries: how many files were searched so far."""

    type: Literal["progress"] = "progress"
    searched: int


class EndOfSearch(BaseModel):
    """The last line of a search. A search without it was cut. `more`: a limit ended the search."""

    type: Literal["end"] = "end"
    entries: int
    searched: int
    more: bool


@router.get(
    "/searches/{path:path}", response_class=Response, responses={200: {"content": {NDJSON: {}}}}
)
async def search_folder(
    request: Request,
    grant: Granted,
    path: str,
    q: Annotated[
        str,
        Query(min_length=1, max_length=200, description="Words that a name contains, all of them."),
    ],
) -> Response:
    """Entries below a folder (`/searches/` is everywhere), one on each line as they are found.

    At most 1000 entries in 60 seconds.
    """
    folder = f"{grant.path(request, path).removesuffix('/')}/" if path else ""
    if not q.strip():
        raise Problem(422, "Say what a name shall contain: 'q' is only spaces.")
    seconds = MOST_SECONDS
    if grant.seconds_left is not None:
        usable = grant.seconds_left - grant.settings.stream_margin_seconds
        seconds = min(seconds, usable)
    lines = _lines(grant.source, folder, NameSearch(folder, q), seconds)
    headers = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
    return StreamingResponse(await started(lines), headers=headers, media_type=NDJSON)


async def _lines(source: FileSource, folder: str, search: NameSearch, seconds: float) -> Chunks:
    began = said = time.monotonic()
    count = 0
    more = False
    try:
        async with aclosing(source.walk(folder)) as pages:
            async for page in pages:
                found = search.found_in(page.entries)
                found = found[: MOST_ENTRIES - count]
                count += len(found)
                now = time.monotonic()
                if found:
                    yield ndjson(listed(entry) for entry in found)
                if now - said > _PROGRESS_SECONDS:
                    said = now
                    yield ndjson([SearchProgress(searched=search.searched)])
                if more := count >= MOST_ENTRIES or now - began > seconds:
                    break
    except SourceError as error:
        if not search.searched:
            raise  # Nothing was sent yet, so the error gets a status.
        failure = FailedListing(detail=problem_of(error).detail)
        yield ndjson([failure])
    else:
        end = EndOfSearch(entries=count, searched=search.searched, more=more)
        yield ndjson([end])
