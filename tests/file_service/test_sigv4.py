"""Signatures: those of botocore for the same requests, and one that AWS has published."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from file_service.aws.sigv4 import Credentials, query_string, signed_headers

NOW = datetime(2013, 5, 24, 1, 2, 3, tzinfo=UTC)


def test_the_signature_that_aws_has_published() -> None:
    """List objects, from "Signature calculations for the authorization header", S3's API."""
    signed = signed_headers(
        "GET",
        "examplebucket.s3.amazonaws.com",
        "/",
        query_string({"prefix": "J", "max-keys": "2"}),
        b"",
        {},
        Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        "us-east-1",
        "s3",
        datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert signed["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )


@pytest.mark.parametrize(
    ("service", "method", "path", "query", "body", "headers", "token"),
    [
        ("s3", "GET", "/", {}, b"", {}, None),
        ("s3", "GET", "/bucket/a%20b/%C3%A9%2B", {}, b"", {}, "a/session+token=="),
        ("s3", "GET", "/", {"prefix": "a b/é+&=~", "list/type": "2", "a": ""}, b"", {}, None),
        ("s3", "HEAD", "/key", {}, b"", {"X-Amz-Mode": "  on ", "range": "bytes=0-1"}, None),
        ("secretsmanager", "POST", "/", {}, b'{"SecretId": "x"}', {"x-amz-target": "a.Get"}, "t"),
    ],
)
def test_botocore_signs_the_same(
    service: str,
    method: str,
    path: str,
    query: dict[str, str],
    body: bytes,
    headers: dict[str, str],
    token: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = signed_headers(
        method,
        "host.example:4566",
        path,
        query_string(query),
        body,
        headers,
        Credentials("AK", "secret", token),
        "eu-west-3",
        service,
        NOW,
    )
    for module in ("botocore.auth.get_current_datetime", "botocore.compat.get_current_datetime"):
        monkeypatch.setattr(module, lambda remove_tzinfo=True: NOW.replace(tzinfo=None))
    url = f"https://host.example:4566{path}" + (f"?{query_string(query)}" if query else "")
    request: Any = AWSRequest(method, url, dict(headers), body)
    request.headers["X-Amz-Content-SHA256"] = ours["x-amz-content-sha256"]
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(BotoCredentials("AK", "secret", token), service, "eu-west-3").add_auth(request)
    assert ours["authorization"] == request.headers["Authorization"]
    assert ours["x-amz-date"] == request.headers["X-Amz-Date"] == "20130524T010203Z"
    assert ours.get("x-amz-security-token") == token
