"""Check AWS Signature Version 4 on a request, and sign a request.

Source: AWS General Reference, "create-signed-request". It is written independently, so that
botocore's signer in the tests is another implementation.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

from lambda_emulator.credentials import Credentials
from lambda_emulator.http.message import Header, Request

__all__ = ["SignatureError", "sign", "verify"]

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_MAX_SKEW_SECONDS: Final = 300
_MAX_EXPIRES_SECONDS: Final = 7 * 86400


class SignatureError(Exception):
    """The request is not signed correctly.

    The message says what is wrong, for the terminal only.
    """


@dataclass(frozen=True, slots=True)
class _Signature:
    """What a request says about its signature. `scope` is DATE/REGION/SERVICE/aws4_request."""

    access_key: str
    scope: str
    signed_headers: str
    signature: str
    timestamp: str
    lifetime: int
    token: str | None
    query: list[tuple[str, str]]
    """The pairs of the query that are signed, still escaped."""
    unsigned_payload: bool
    """Without x-amz-content-sha256, is the body left out?"""


def verify(
    request: Request,
    body: bytes,
    credentials: Credentials,
    *,
    region: str,
    service: str,
    now: float,
) -> None:
    """Check that these credentials sign the request, in its header or in its query.

    A signature in the header is valid for five minutes before and after its date. One in the query
    is valid from five minutes before its date until the end that it names.

    Args:
        now: In epoch seconds.

    Raises:
        SignatureError: The signature is missing, wrong or too old.
    """
    authorization = request.header("authorization")
    signature = (
        _from_query(request) if authorization is None else _from_header(request, authorization)
    )
    _check_claims(signature, credentials, region, service, now)
    payloads = _payloads(request, body, signature)
    if not any(
        hmac.compare_digest(
            _sign(request, signature, payload, credentials.secret_key), signature.signature
        )
        for payload in payloads
    ):
        raise SignatureError(
            "the signature does not match (the secret key, or something signed was changed on the "
            "way)"
        )


def sign(
    method: str,
    target: str,
    headers: Sequence[Header],
    body: bytes,
    credentials: Credentials,
    *,
    region: str,
    service: str,
    now: float,
) -> list[Header]:
    """Return the headers that sign a request.

    Args:
        method: The request's method.
        target: Its path and query.
        headers: Its headers, which include Host.
        body: Its body.
        credentials: The keys to sign with.
        region: The region in the signature.
        service: The service in the signature.
        now: The time, in epoch seconds.
    """
    timestamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    added = [("x-amz-date", timestamp), ("x-amz-content-sha256", hashlib.sha256(body).hexdigest())]
    if credentials.session_token is not None:
        added.append(("x-amz-security-token", credentials.session_token))
    request = Request(method, target, "1.1", [*headers, *added], keep_alive=True)
    scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
    names = ";".join(sorted(["host", *(name for name, _ in added)]))
    wanted = _Signature(
        credentials.access_key,
        scope,
        names,
        "",
        timestamp,
        0,
        credentials.session_token,
        _pairs(request),
        False,
    )
    signature = _sign(request, wanted, added[1][1], credentials.secret_key)
    claims = (
        f"Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return [*added, ("Authorization", f"AWS4-HMAC-SHA256 {claims}")]


def _from_header(request: Request, authorization: str) -> _Signature:
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    if match is None:
        raise SignatureError("the Authorization header is no AWS4-HMAC-SHA256 signature")
    access_key, _, scope = match["credential"].partition("/")
    return _Signature(
        access_key,
        scope,
        match["headers"],
        match["signature"],
        request.header("x-amz-date") or "",
        _MAX_SKEW_SECONDS,
        request.header("x-amz-security-token"),
        _pairs(request),
        unsigned_payload=False,
    )


def _from_query(request: Request) -> _Signature:
    pairs = _pairs(request)
    given = {unquote(name): unquote(value) for name, value in pairs}
    if given.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
        raise SignatureError(
            "the request is not signed (AuthType AWS_IAM); sign it for service 'lambda', or use "
            "curl --aws-sigv4"
        )
    expires = given.get("X-Amz-Expires", "")
    if not (
        expires.isascii() and expires.isdigit() and 1 <= int(expires[:9]) <= _MAX_EXPIRES_SECONDS
    ):
        raise SignatureError(
            f"X-Amz-Expires is {expires!r}, not a number of seconds from 1 to "
            f"{_MAX_EXPIRES_SECONDS}"
        )
    access_key, _, scope = given.get("X-Amz-Credential", "").partition("/")
    return _Signature(
        access_key,
        scope,
        given.get("X-Amz-SignedHeaders", ""),
        given.get("X-Amz-Signature", ""),
        given.get("X-Amz-Date", ""),
        int(expires),
        given.get("X-Amz-Security-Token"),
        [pair for pair in pairs if unquote(pair[0]) != "X-Amz-Signature"],
        unsigned_payload=True,
    )


def _check_claims(
    signature: _Signature, credentials: Credentials, region: str, service: str, now: float
) -> None:
    """Check everything but the signature itself."""
    age = now - _time(signature.timestamp)
    problems = {
        f"access key {signature.access_key!r} is not the one of the emulator's environment": (
            signature.access_key != credentials.access_key
        ),
        "the session token is not the one of the emulator's environment": (
            signature.token != credentials.session_token
        ),
        f"the signature of {signature.timestamp} is not valid now": not -_MAX_SKEW_SECONDS
        <= age
        <= signature.lifetime,
        f"the signature is for {signature.scope!r}; expected region {region}, service {service}": (
            signature.scope != f"{signature.timestamp[:8]}/{region}/{service}/aws4_request"
        ),
        "the host header must be signed": "host" not in signature.signed_headers.split(";"),
    }
    for problem, found in problems.items():
        if found:
            raise SignatureError(problem)


def _payloads(request: Request, body: bytes, signature: _Signature) -> list[str]:
    """Return the forms in which the body may have been signed."""
    declared, actual = request.header("x-amz-content-sha256"), hashlib.sha256(body).hexdigest()
    if declared not in (None, "UNSIGNED-PAYLOAD", actual):
        raise SignatureError("x-amz-content-sha256 is not the digest of the body")
    if declared is not None:
        return [declared]
    return ["UNSIGNED-PAYLOAD", actual] if signature.unsigned_payload and not body else [actual]


def _pairs(request: Request) -> list[tuple[str, str]]:
    query = request.target.partition("?")[2]
    return [
        (name, value)
        for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)
    ]


def _sign(request: Request, signature: _Signature, payload: str, secret_key: str) -> str:
    canonical = "\n".join(
        [
            request.method,
            quote(request.target.partition("?")[0], safe="/-_.~"),
            _canonical_query(signature.query),
            *_canonical_headers(request, signature.signed_headers.split(";")),
            "",
            signature.signed_headers,
            payload,
        ]
    )
    return _signature(canonical, secret_key, signature.timestamp, signature.scope)


def _time(timestamp: str) -> float:
    try:
        return datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise SignatureError("x-amz-date is missing, or not of the form 20260131T235959Z") from None


def _canonical_query(pairs: list[tuple[str, str]]) -> str:
    encoded = sorted(
        (quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~"))
        for name, value in pairs
    )
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
