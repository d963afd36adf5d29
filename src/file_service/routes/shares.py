"""POST /shares: a link that lets others read a file or folder until it expires."""

from contextlib import aclosing
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from file_service.identity.authenticator import Authenticator
from file_service.problem import Problem
from file_service.routes.dependencies import Grant, Granted, same_site

router = APIRouter()


class NewShare(BaseModel):
    """`path` is a file, or a folder if it ends with a slash. Empty is the root."""

    path: str
    seconds: Annotated[int, Field(ge=1)]


class ShareLink(BaseModel):
    """`url` is relative to the service's root. With it, anyone may read `path` until `expires`."""

    url: str
    path: str
    expires: datetime


@router.post("/shares", status_code=201, dependencies=[Depends(same_site)])
async def create_share(
    request: Request, response: Response, grant: Granted, share: NewShare
) -> ShareLink:
    """Creates a link. Nothing is stored: to end links early, remove the key that signed them."""
    authenticator: Authenticator = request.app.state.authenticator
    if grant.caller.share:
        raise Problem(403, "A share link cannot make others.")
    if not authenticator.share_keys:
        raise Problem(404, "Share links are off: FILE_SIGNING_KEYS is not set.")
    if not authenticator.may_share(grant.caller):
        raise Problem(401, "Only users can share. This service does not know who you are.")
    maximum = grant.settings.share_max_seconds
    if share.seconds > maximum:
        raise Problem(422, f"A link may last {maximum} seconds at most.", max_seconds=maximum)
    await _check_exists(request, grant, share.path)
    token, made = authenticator.share(grant.caller, share.path, share.seconds)
    grant.log.update(shared=made.path, expires=made.expires.isoformat())
    url = f"s/{token}/"
    response.headers.update({"cache-control": "no-store", "location": url})
    return ShareLink(url=url, path=share.path, expires=made.expires)


async def _check_exists(request: Request, grant: Grant, path: str) -> None:
    """Raise `NotFound` for a path that the caller cannot see."""
    checked = grant.path(request, path)
    if checked and not checked.endswith("/"):
        await grant.source.stat(checked)
        return
    pages = grant.source.list_pages(checked, limit=1)
    async with aclosing(pages):
        await anext(pages, None)
