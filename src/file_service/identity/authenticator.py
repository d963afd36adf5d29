"""Authenticate requests, and create the sessions and share links that authenticate later ones."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from starlette.requests import HTTPConnection

from file_service.identity.caller import Caller, Share, folder_of
from file_service.identity.credentials import Reading, presented
from file_service.identity.share_paths import share_of
from file_service.identity.signing import Signer
from file_service.identity.users import TOKEN_USER, User, Users
from file_service.lambda_scope import caller_arn
from file_service.problem import Problem

SESSION_COOKIE = "file_service_session"


class Authenticator:
    """Decides who sent a request. Without users and prefixes, everyone may read everything.

    Args:
        users: The users who may log in.
        signer: Signs sessions and share links. None: nobody can log in or share.
        caller_prefixes: The folder of each IAM caller. None: IAM does not limit folders.
        share_keys: Whether share links may be signed with the keys of `signer`.
    """

    def __init__(
        self,
        users: Users,
        signer: Signer | None,
        caller_prefixes: Mapping[str, str] | None,
        *,
        share_keys: bool,
    ) -> None:
        self.users = users
        self.share_keys = share_keys
        self._signer = signer
        self._prefixes = caller_prefixes

    async def identify(self, connection: HTTPConnection) -> Caller:
        """Return who sent the request.

        Raises:
            Problem: A 401 or 403, if the caller may not read anything.
        """
        token = share_of(connection.scope)
        if token is not None:
            share = self._open_share(token)
            folder = share.path if share.path.endswith("/") else ""
            return Caller(folder=folder, share=share)
        user = await self._user(connection)
        if user is not None:
            return Caller(user.name, user.folder)
        arn = caller_arn(connection.scope)
        if self._prefixes is not None and (arn or not self.users):
            return Caller(arn, folder_of(arn, self._prefixes))
        if self.users:
            raise _unauthenticated(
                "This service asks who you are: send 'X-File-Token: <token>', "
                "'Authorization: Bearer <token>', or log in."
            )
        return Caller(arn)

    async def log_in(self, name: str | None, secret: str) -> User | None:
        """Return the user who has this secret, or None."""
        if name is None:
            name = TOKEN_USER
        return await self._first([(name, secret)])

    def may_share(self, caller: Caller) -> bool:
        """Return whether `caller` may create share links."""
        return self.share_keys and caller.name is not None and caller.share is None

    def session(self, user: User, seconds: int) -> str:
        """Return the value of the cookie that authenticates `user` from now on, for `seconds`."""
        assert self._signer is not None, "settings without keys have no users"
        ends = int(_now().timestamp()) + seconds
        payload = [user.name, user.hash.fingerprint, ends]
        return self._signer.sign("session", payload)

    def share(self, caller: Caller, path: str, seconds: int) -> tuple[str, Share]:
        """Create a share link.

        Args:
            caller: Who creates it.
            path: The path as the caller names it.
            seconds: How long the link lasts.

        Returns:
            The token of the link, and what it contains.
        """
        assert self._signer is not None
        expires = _now() + timedelta(seconds=seconds)
        share = Share(caller.folder + path, caller.name or "", expires)
        ends = int(expires.timestamp())
        token = self._signer.sign("share", [share.path, share.user, ends])
        return token, share

    async def _user(self, connection: HTTPConnection) -> User | None:
        """Return the user of this request. Raises a 401 if the request has a wrong secret."""
        if not self.users:
            return None
        readings = presented(connection.headers)
        if readings is None:
            return self._session_user(connection.cookies.get(SESSION_COOKIE, ""))
        user = await self._first(readings)
        if user is None:
            raise _unauthenticated("The token or password is wrong.")
        return user

    async def _first(self, readings: list[Reading]) -> User | None:
        """Return the user of the first reading with a correct secret."""
        known = [reading for reading in readings if self.users.get(reading[0])]
        if not known:
            known = readings[:1]  # It takes as long as for a known name.
        for name, secret in known:
            if self.users.remembered(name, secret):
                return self.users[name]
            # In a thread, because checking a password takes 50 ms of CPU time.
            if await asyncio.to_thread(self.users.check, name, secret):
                return self.users[name]
        return None

    def _session_user(self, cookie: str) -> User | None:
        if self._signer is None or not cookie:
            return None
        payload = self._signer.verify("session", cookie)
        if payload is None:
            return None
        name, fingerprint, ends = payload
        user = self.users.get(name)
        if user is None or user.hash.fingerprint != fingerprint:
            return None
        return user if ends > _now().timestamp() else None

    def _open_share(self, token: str) -> Share:
        """Return what the link of this token contains. Raises a 403 if it does not count."""
        payload = None
        if self._signer is not None and self.share_keys:
            payload = self._signer.verify("share", token)
        if payload is None:
            raise Problem(403, "This link is not valid.")
        path, name, ends = payload
        expires = datetime.fromtimestamp(ends, UTC)
        if expires <= _now():
            raise Problem(403, "This link has ended.")
        if not self._still_sees(name, path):
            raise Problem(403, "This link is not valid any more.")
        return Share(path, name, expires)

    def _still_sees(self, name: str, path: str) -> bool:
        """Return whether the creator of a link could create it today.

        A link ends with its creator's access.
        """
        if user := self.users.get(name):
            return path.startswith(user.folder)
        if not name.startswith("arn:"):
            return False
        try:
            folder = folder_of(name, self._prefixes or {"*": ""})
        except Problem:
            return False
        return path.startswith(folder)


def _unauthenticated(detail: str) -> Problem:
    return Problem(401, detail, headers={"www-authenticate": 'Bearer realm="file_service"'})


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
