"""AWS Signature Version 4 for requests whose body has no query parameters. Pure.

Source: "Create a signed AWS API request", IAM User Guide.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote


class Credentials(NamedTuple):
    """AWS credentials. `token` is a session token; `expires` is None if they do not expire."""

    access_key: str
    secret_key: str
    token: str | None = None
    expires: datetime | None = None  # in UTC


def query_string(query: Mapping[str, str]) -> str:
    """Return `query` sorted and encoded as the signature needs it.

    It is also a valid query to send.
    """
    pairs = []
    for name, value in sorted(query.items()):
        pairs.append(f"{quote(name, safe='')}={quote(value, safe='')}")
    return "&".join(pairs)


def signed_headers(
    method: str,
    host: str,
    path: str,
    query: str,
    body: bytes,
    headers: Mapping[str, str],
    credentials: Credentials,
    region: str,
    service: str,
    now: datetime,
) -> dict[str, str]:
    """Return `headers` and the headers that sign the request.

    Args:
        method: The HTTP method.
        host: The value of the Host header.
        path: Already percent-encoded.
        query: Already encoded, by `query_string`.
        body: The request body.
        headers: Other headers to sign.
        credentials: Whose signature it is.
        region: Where the service is.
        service: The name of the service, such as "s3".
        now: The present time in UTC.
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    signed = {name.lower(): value for name, value in headers.items()}
    signed |= {"host": host, "x-amz-date": stamp, "x-amz-content-sha256": digest}
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(signed))
    lines = [f"{name}:{signed[name].strip()}\n" for name in sorted(signed)]
    parts = [method, path, query, "".join(lines), names, digest]
    request = "\n".join(parts)

    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    hashed = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256")
    signed["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
        f"SignedHeaders={names}, Signature={signature.hex()}"
    )
    return signed
