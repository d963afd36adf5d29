"""Store secrets as hashes. Settings never need the secret itself."""

import base64
import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

# One of OWASP's equivalent choices for scrypt, the one with the least memory for one lane: 16 MiB
# and about 50 ms on a Lambda function of 1 GB (RFC 7914 section 2).
_COST = 2**14
_BLOCK = 8
_LANES = 1
_SALT_BYTES = 16
_HASH_BYTES = 32

_BASE64 = r"[A-Za-z0-9+/]+={0,2}"
_COSTS = "|".join(str(2**power) for power in range(10, 19))
_FORM = re.compile(
    rf"sha256\$[0-9a-f]{{64}}|scrypt\$({_COSTS})\$([1-9]|1[0-6])\$([1-9])\${_BASE64}\${_BASE64}"
)


class BadHash(ValueError):
    """A text is not a hash of a secret. The message describes the format."""


class SecretHash(NamedTuple):
    """`scrypt$COST$BLOCK$LANES$SALT$HASH` for passwords, `sha256$HASH` for random tokens.

    SALT and HASH are base64. The HASH of `sha256` is hexadecimal, as `sha256sum` prints it.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> "SecretHash":
        """Parse the text form.

        Raises:
            BadHash: It is malformed.
        """
        if not _FORM.fullmatch(text):
            raise BadHash("is no hash: set what `python -m file_service.hash_secret` prints")
        return cls(text)

    @property
    def fingerprint(self) -> str:
        """Return a short name of this secret. Different secrets have different names."""
        digest = hashlib.sha256(self.text.encode())
        return digest.hexdigest()[:16]

    def matches(self, secret: str) -> bool:
        """Return whether this is the hash of `secret`. For a password, it takes about 50 ms."""
        kind, *fields = self.text.split("$")
        if kind == "sha256":
            return hmac.compare_digest(hash_token(secret).text, self.text)
        *costs, salt, expected = fields
        cost, block, lanes = map(int, costs)
        made = _scrypt(secret, base64.b64decode(salt), cost, block, lanes)
        return hmac.compare_digest(made, base64.b64decode(expected))


def hash_token(token: str) -> SecretHash:
    """Hash a token of at least 128 random bits. Such a token needs no slow hash."""
    return SecretHash(f"sha256${hashlib.sha256(token.encode()).hexdigest()}")


def hash_password(password: str) -> SecretHash:
    """Hash a password, with a random salt."""
    salt = secrets.token_bytes(_SALT_BYTES)
    made = _scrypt(password, salt, _COST, _BLOCK, _LANES)
    salt_text = base64.b64encode(salt).decode()
    made_text = base64.b64encode(made).decode()
    return SecretHash(f"scrypt${_COST}${_BLOCK}${_LANES}${salt_text}${made_text}")


def _scrypt(secret: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    memory = 128 * cost * block * lanes + 1024 * 1024
    return hashlib.scrypt(
        secret.encode(),
        salt=salt,
        n=cost,
        r=block,
        p=lanes,
        maxmem=memory,
        dklen=_HASH_BYTES,
    )
