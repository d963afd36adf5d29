"""The users of this service: who may log in, and the folder of each."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from file_service.identity.hashes import SecretHash, hash_password

# The user of FILE_TOKEN. Nobody has to enter this name.
TOKEN_USER = "token"

_REMEMBERED = 1000  # Pairs of name and secret, about 100 bytes each


class User(NamedTuple):
    """A user, the hash of the user's secret, and the folder that the user sees."""

    name: str
    hash: SecretHash
    folder: str  # Ends with a slash. Empty is the whole source.


class Users:
    """Checks secrets. A correct password takes 50 ms once, and is then remembered."""

    def __init__(self, users: Iterable[User]) -> None:
        self._users = {user.name: user for user in users}
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._key = secrets.token_bytes(32)
        self._nobody: SecretHash | None = None

    def __bool__(self) -> bool:
        return bool(self._users)

    def __getitem__(self, name: str) -> User:
        return self._users[name]

    def get(self, name: str) -> User | None:
        """Return the user of this name, or None."""
        return self._users.get(name)

    def remembered(self, name: str, secret: str) -> bool:
        """Return whether this pair was correct before. It is free. False means unknown."""
        pair = self._pair(name, secret)
        if pair in self._right:
            self._right.move_to_end(pair)
            return True
        return False

    def check(self, name: str, secret: str) -> bool:
        """Return whether this is the user's secret. It takes as long for an unknown name."""
        user = self._users.get(name)
        if user is None:
            self._nobody = self._nobody or hash_password("")
            self._nobody.matches(secret)
            return False
        if not user.hash.matches(secret):
            return False
        self._right[self._pair(name, secret)] = None
        if len(self._right) > _REMEMBERED:
            self._right.popitem(last=False)
        return True

    def _pair(self, name: str, secret: str) -> bytes:
        pair = f"{name}\0{secret}"
        return hmac.digest(self._key, pair.encode(), hashlib.sha256)
