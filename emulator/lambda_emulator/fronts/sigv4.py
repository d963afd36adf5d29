"""Checks AWS Signature Version 4 on a request, by the specification (AWS General Reference, "create-signed-request").

Written on its own, so that botocore's signer in the tests is an independent other side.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

from lambda_emulator.http.message import Request

__all__ = ["Credentials", "SignatureError", "verify"]

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_MAX_SKEW_SECONDS: Final = 300
_EMPTY: Final = hashlib.sha256(b"").hexdigest()


class SignatureError(Exception):
    """The request is not signed as it must be; the message says what is wrong, for the terminal only."""


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str
    session_token: str | None = None


def verify(request: Request, body: bytes, credentials: Credentials, *, region: str, service: str, now: float) -> None:
    """Raises SignatureError unless the request is signed with these credentials, in the header or in its query.

    `now` is in epoch seconds; a signature is good for five minutes either way, or as long as its query says.
    """
    path, _, query = request.target.partition("?")
    pairs = [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)]
    presigned = {unquote(name): unquote(value) for name, value in pairs if name.startswith(("X-Amz-", "x-amz-"))}
    authorization = request.header("authorization")
    if authorization is not None:
        match = _AUTHORIZATION.fullmatch(authorization.strip())
        if match is None:
            raise SignatureError("the Authorization header is no AWS4-HMAC-SHA256 signature")
        scope, signed_headers, signature = match["credential"], match["headers"], match["signature"]
        timestamp, lifetime = request.header("x-amz-date") or "", _MAX_SKEW_SECONDS
        token = request.header("x-amz-security-token")
    elif presigned.get("X-Amz-Algorithm") == "AWS4-HMAC-SHA256":
        scope, signed_headers = presigned.get("X-Amz-Credential", ""), presigned.get("X-Amz-SignedHeaders", "")
        signature, timestamp = presigned.get("X-Amz-Signature", ""), presigned.get("X-Amz-Date", "")
        lifetime = int(presigned.get("X-Amz-Expires", "0") or 0)
        token = presigned.get("X-Amz-Security-Token")
        pairs = [pair for pair in pairs if unquote(pair[0]) != "X-Amz-Signature"]
    else:
        raise SignatureError(
            "the request is not signed (AuthType AWS_IAM); sign it for service 'lambda', or use curl --aws-sigv4"
        )

    access_key, _, rest = scope.partition("/")
    signed_at = _time(timestamp)
    if access_key != credentials.access_key:
        raise SignatureError(f"access key {access_key!r} is not the one of the emulator's environment")
    if token != credentials.session_token:
        raise SignatureError("the session token is not the one of the emulator's environment")
    if not -_MAX_SKEW_SECONDS <= now - signed_at <= max(lifetime, _MAX_SKEW_SECONDS):
        raise SignatureError(f"the signature of {timestamp} is not valid now")
    if rest != f"{timestamp[:8]}/{region}/{service}/aws4_request":
        raise SignatureError(f"the signature is for {rest!r}; expected region {region}, service {service}")
    names = signed_headers.split(";")
    if "host" not in names:
        raise SignatureError("the host header must be signed")

    declared = request.header("x-amz-content-sha256")
    actual = hashlib.sha256(body).hexdigest()
    if declared is None:
        payload = actual if body or authorization is not None else "UNSIGNED-PAYLOAD"
    else:
        payload = declared
        if declared not in ("UNSIGNED-PAYLOAD", actual):
            raise SignatureError("x-amz-content-sha256 is not the digest of the body")
    for candidate in dict.fromkeys((payload, _EMPTY if not body else payload)):
        canonical = "\n".join([
            request.method, quote(path, safe="/-_.~"), _canonical_query(pairs), *_canonical_headers(request, names),
            "", signed_headers, candidate,
        ])  # fmt: skip
        expected = _signature(canonical, credentials.secret_key, timestamp, rest)
        if hmac.compare_digest(expected, signature):
            return
    raise SignatureError("the signature does not match (the secret key, or something signed was changed on the way)")


def _time(timestamp: str) -> float:
    try:
        return datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise SignatureError("x-amz-date is missing, or not of the form 20260131T235959Z") from None


def _canonical_query(pairs: list[tuple[str, str]]) -> str:
    encoded = sorted((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _canonical_headers(request: Request, names: list[str]) -> list[str]:
    lines: Mapping[str, list[str]] = {name: [] for name in names}
    for name, value in request.headers:
        if name.lower() in lines:
            lines[name.lower()].append(re.sub(r" +", " ", value.strip()))
    return [f"{name}:{','.join(values)}" for name, values in lines.items()]


def _signature(canonical: str, secret_key: str, timestamp: str, scope: str) -> str:
    digest = hashlib.sha256(canonical.encode("utf-8")).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}"
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
