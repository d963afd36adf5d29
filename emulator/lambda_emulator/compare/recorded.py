"""Recorded cases of Function URLs, and observed responses in the form of a recording. Pure."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lambda_emulator.compare.client import Observed

__all__ = ["CASES", "NOT_ASKED", "URLS", "Case", "differences", "octets", "recording"]

Case = dict[str, Any]
"""As in replay/cases.json: name, url, request, the runtime's part, response, maybe the event."""

_FILE: Final = Path(__file__).with_name("replay") / "cases.json"
CASES: Final[tuple[Case, ...]] = tuple(json.loads(_FILE.read_text("utf-8")))
URLS: Final = ("Buffered", "Stream", "BufferedCors", "StreamCors", "BufferedPlainCors", "IAM")
"""The names of the functions in replay/template.yaml."""

NOT_ASKED: Final = frozenset({
    "none_no_grants", "none_only_url_grant", "none_only_invoke_grant", "none_mismatched_auth_condition",
    "alias_version_one", "deleted_alias_url", "iam_unsigned_denied_short_body",
    "iam_signed_limited_no_permissions", "iam_identity_url_only", "iam_resource_policy_url_only",
    "iam_identity_deny_invoke_function",
})  # fmt: skip
"""What needs other policies, an alias, or a caller with other rights."""

_HOST: Final = "urlidurlidurlidurlidurlidurlid00.lambda-url.us-east-1.on.aws"
_OWN_HEADERS: Final = frozenset({
    "x-probe-case", "x-amzn-trace-id", "x-amzn-tls-version", "x-amzn-tls-cipher-suite", "x-forwarded-proto",
    "x-forwarded-port", "x-amz-content-sha256", "x-amz-security-token", "authorization",
})  # fmt: skip
"""Of an event: what differs from request to request, and what `compare` itself sends."""


def recording(case: Case, observed: Observed) -> Case:
    """The case with the observed response in place of the recorded one, without personal data."""
    recorded = case["response"]
    stars = {name.lower() for name, value in recorded["headers"] if value == "*"}
    response: Case = {
        "status": observed.status,
        "headers": [
            [name, "*" if name.lower() in stars else value] for name, value in observed.headers
        ],
    }
    if "body" in recorded:
        response["body"] = _octets(observed.body, recorded["body"])
    if "chunks" in recorded:
        response["chunks"] = observed.sizes
    if "head_bytes" in recorded:
        response["head_bytes"] = observed.head_size
    end = _end(case, observed)
    if end or "end" in recorded:
        response["end"] = end
    found = {**case, "response": response}
    if "event" in case and case["request"]["method"] != "HEAD":
        found["event"] = _event(observed.body, case)
    return found


def differences(case: Case, other: Case) -> dict[str, tuple[Any, Any]]:
    """What of `other` is not as in `case`, by what it is: (there, in the other)."""
    found: dict[str, tuple[Any, Any]] = {}
    for what in ("status", "headers", "body", "chunks", "head_bytes", "end"):
        here, there = case["response"].get(what), other["response"].get(what)
        if what == "headers":
            found |= _header_differences(here, there)
        elif here != there:
            found[what] = (here, there)
    mine, theirs = case.get("event") or {}, other.get("event") or {}
    for key in sorted(mine.keys() | theirs.keys()):
        if mine.get(key) != theirs.get(key):
            found[f"event.{key}"] = (mine.get(key), theirs.get(key))
    return found


def _header_differences(here: list[Any], there: list[Any]) -> dict[str, tuple[Any, Any]]:
    """Names with their case, then order, then values."""
    mine, theirs = [name for name, _ in here], [name for name, _ in there]
    if mine != theirs:
        return {"header names": (mine, theirs)}
    return {
        f"header {name}": (value, other)
        for (name, value), (_, other) in zip(here, there, strict=True)
        if value != other
    }


def _end(case: Case, observed: Observed) -> str | None:
    """As recordings have it: nothing for a whole response."""
    if case["response"].get("end") == "client left":
        return "client left"
    if observed.failure.startswith("nothing more"):
        return "hangs"
    return None if observed.complete else "broken"


def octets(value: Mapping[str, str]) -> bytes:
    """A recording's bytes: {"text": ...} or {"b64": ...}."""
    return value["text"].encode() if "text" in value else base64.b64decode(value["b64"])


def _octets(data: bytes, like: Mapping[str, str]) -> dict[str, str]:
    if "text" in like:
        try:
            return {"text": data.decode()}
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(data).decode()}


def _event(body: bytes, case: Case) -> Any:
    """The event that the function has sent back, as a recording has it."""
    try:
        event = json.loads(body)["event"]
        return _without_own(event, case)
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"unreadable": body.decode("utf-8", "replace")[:200]}


def _without_own(event: Mapping[str, Any], case: Case) -> Case:
    context = event["requestContext"]
    http = {name: value for name, value in context["http"].items() if name != "sourceIp"}
    account = context["accountId"]
    kept: Case = {"accountId": "123456789012" if account.isdigit() else account, "http": http}
    if "authorizer" in context:
        kept["authorizer"] = sorted(context["authorizer"]["iam"])
    left = {
        name: value
        for name, value in event.items()
        if name not in ("version", "routeKey", "headers", "requestContext")
    }
    return {**left, "headers": _headers(event["headers"], case), "requestContext": kept}


def _headers(received: Mapping[str, str], case: Case) -> dict[str, str]:
    sent = {name.lower() for name, _ in case["request"]["headers"]}
    own = _OWN_HEADERS if "x-forwarded-for" in sent else _OWN_HEADERS | {"x-forwarded-for"}
    headers = {name: value for name, value in received.items() if name not in own}
    if "host" in headers:
        headers["host"] = _HOST
    if "x-amz-date" in headers:  # the moment of the recording
        headers["x-amz-date"] = case["event"]["headers"].get("x-amz-date")
    return headers
