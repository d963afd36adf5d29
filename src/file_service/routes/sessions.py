"""POST /login and /logout, GET /session: log a browser in and out."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, SecretStr
from starlette.requests import Request
from starlette.responses import Response

from file_service.identity.authenticator import SESSION_COOKIE, Authenticator
from file_service.identity.caller import Caller
from file_service.identity.share_paths import share_of
from file_service.problem import Problem
from file_service.routes.dependencies import same_site
from file_service.settings import Settings

router = APIRouter()

_NO_STORE = {"cache-control": "no-store"}


class Login(BaseModel):
    """`user` is omitted if the service has one token and no user names."""

    user: Annotated[str, Field(max_length=200)] | None = None
    secret: Annotated[SecretStr, Field(max_length=1000)]


class SharedBy(BaseModel):
    """The share link that this request used: its path, and when it expires."""

    path: str
    expires: datetime


class Session(BaseModel):
    """What this browser may do. `login`: there are users who can log in here."""

    user: str | None
    may_read: bool
    may_share: bool
    login: bool
    share: SharedBy | None
    share_max_seconds: int


@router.post("/login", status_code=204, dependencies=[Depends(same_site)], response_class=Response)
async def log_in(request: Request, login: Login) -> Response:
    """Sets the cookie for later requests of this browser. Scripts cannot read it."""
    authenticator: Authenticator = request.app.state.authenticator
    settings: Settings = request.app.state.settings
    if share_of(request.scope) is not None:
        raise Problem(403, "There is no login behind a share link.")
    if not authenticator.users:
        raise Problem(404, "This service has no users.")
    secret = login.secret.get_secret_value()
    user = await authenticator.log_in(login.user, secret)
    if user is None:
        raise Problem(401, "The name or the secret is wrong.")
    request.state.log["caller"] = user.name
    response = Response(status_code=204, headers=_NO_STORE)
    response.set_cookie(
        value=authenticator.session(user, settings.session_seconds),
        max_age=settings.session_seconds,
        **_cookie(request),
    )
    return response


@router.post("/logout", status_code=204, dependencies=[Depends(same_site)], response_class=Response)
async def log_out(request: Request) -> Response:
    """Removes the cookie."""
    response = Response(status_code=204, headers=_NO_STORE)
    response.delete_cookie(**_cookie(request))
    return response


@router.get("/session", response_model=Session)
async def get_session(request: Request, response: Response) -> Session:
    """Who this browser is to the service, also if it is not logged in."""
    authenticator: Authenticator = request.app.state.authenticator
    settings: Settings = request.app.state.settings
    response.headers.update(_NO_STORE)
    try:
        caller = await authenticator.identify(request)
        may_read = True
    except Problem:
        if share_of(request.scope) is not None:
            raise
        caller, may_read = Caller(), False
    link = caller.share
    shared: SharedBy | None = None
    if link is not None:
        shared = SharedBy(path=link.path, expires=link.expires)
    return Session(
        user=caller.name,
        may_read=may_read,
        may_share=may_read and authenticator.may_share(caller),
        login=bool(authenticator.users) and link is None,
        share=shared,
        share_max_seconds=settings.share_max_seconds,
    )


def _cookie(request: Request) -> dict[str, Any]:
    # Without Secure only where there is no https, as on a laptop: browsers would drop the
    # cookie there.
    return {
        "key": SESSION_COOKIE,
        "path": "/",
        "secure": request.url.scheme == "https",
        "httponly": True,
        "samesite": "strict",
    }
