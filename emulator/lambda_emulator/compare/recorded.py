"""Recorded cases of Function URLs, read from replay/cases.json when this module is imported.

It also brings observed responses into the same form, and compares two such cases.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lambda_emulator.compare.client import Observed

__all__ = ["CASES", "NOT_ASKED", "URLS", "Case", "differences", "octets", "recording"]

Case = dict[str, Any]
"""One entry of replay/cases.json. Keys: name, url (one of URLS), request, runtime (what the
function does), response; event if the function returned the event that it received.
"""

_FILE: Final = Path(__file__).with_name("replay") / "cases.json"
CASES: Final[tuple[Case, ...]] = tuple(json.loads(_FILE.read_text("utf-8")))
URLS: Final = ("Buffered", "Stream", "BufferedCors", "StreamCors", "BufferedPlainCors", "IAM")
"""The functions in replay/template.yaml that cases ask. Index, which lists URLs, is not one."""

NOT_ASKED: Final = frozenset(
    {
        "none_no_grants",
        "none_only_url_grant",
        "none_only_invoke_grant",
        "none_mismatched_auth_condition",
        "alias_version_one",
        "deleted_alias_url",
        "iam_unsigned_denied_short_body",
        "iam_signed_limited_no_permissions",
        "iam_identity_url_only",
        "iam_resource_policy_url_only",
        "iam_identity_deny_invoke_function",
    }
)
"""Cases that `compare` leaves out: they need other policies, an alias, or another caller."""

_HOST: Final = "urlidurlidurlidurlidurlidurlid00.lambda-url.us-east-1.on.aws"
_OWN_HEADERS: Final = frozenset(
    {
        "x-probe-case",
        "x-amzn-trace-id",
        "x-amzn-tls-version",
        "x-amzn-tls-cipher-suite",
        "x-forwarded-proto",
        "x-forwarded-port",
        "x-amz-content-sha256",
        "x-amz-security-token",
        "authorization",
    }
)
"""Headers left out of events: they differ for each request, or only `compare` sends them."""


def recording(case: Case, observed: Observed) -> Case:
    """Return `case` with the observed response, and the event that the function returned.

    Account, host and source IP of the event are replaced or removed. `redact.py` does the rest.
    """
    recorded = case["response"]
    stars = {name.lower() for name, value in recorded["headers"] if value == "*"}
    response: Case = {
        "status": observed.status,
        "headers": [
            [name, "*" if name.lower() in stars else value] for name, value in observed.headers
        ],
    }
    if "body" in recorded:
        response["body"] = _encoded(observed.body, recorded["body"])
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
    """Return what differs, by name: (value in `case`, value in `other`)."""
    found: dict[str, tuple[Any, Any]] = {}
    for what in ("status", "headers", "body", "chunks", "head_bytes", "end"):
        mine = case["response"].get(what)
        theirs = other["response"].get(what)
        if what == "headers":
            found |= _header_differences(mine, theirs)
        elif mine != theirs:
            found[what] = (mine, theirs)
    event = case.get("event") or {}
    other_event = other.get("event") or {}
    for key in sorted(event.keys() | other_event.keys()):
        mine = event.get(key)
        theirs = other_event.get(key)
        if mine != theirs:
            found[f"event.{key}"] = (mine, theirs)
    return found


def _header_differences(mine: list[Any], theirs: list[Any]) -> dict[str, tuple[Any, Any]]:
    """Compare values only if the names are equal, in the same order and spelling (A/a)."""
    names = [name for name, _ in mine]
    other_names = [name for name, _ in theirs]
    if names != other_names:
        return {"header names": (names, other_names)}
    found = {}
    for (name, value), (_, other) in zip(mine, theirs, strict=True):
        if value != other:
            found[f"header {name}"] = (value, other)
    return found


def _end(case: Case, observed: Observed) -> str | None:
    """Return how the response ended: "client left", "hangs", "broken", or None if it is whole."""
    if case["response"].get("end") == "client left":
        return "client left"
    if observed.failure.startswith("nothing more"):
        return "hangs"
    return None if observed.complete else "broken"


def octets(value: Mapping[str, str]) -> bytes:
    """Decode bytes of a recording: {"text": ...} or {"b64": ...}."""
    if "text" in value:
        return value["text"].encode()
    return base64.b64decode(value["b64"])


def _encoded(data: bytes, like: Mapping[str, str]) -> dict[str, str]:
    if "text" in like:
        try:
            return {"text": data.decode()}
        except UnicodeDecodeError:
            pass
    text = base64.b64encode(data).decode()
    return {"b64": text}


def _event(body: bytes, case: Case) -> Any:
    """Return the event in the response body, without what differs for each request."""
    try:
        event = json.loads(body)["event"]
        return _comparable_event(event, case)
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"unreadable": body.decode("utf-8", "replace")[:200]}


def _comparable_event(event: Mapping[str, Any], case: Case) -> Case:
    context = event["requestContext"]
    http = dict(context["http"])
    http.pop("sourceIp", None)
    account = context["accountId"]
    if account.isdigit():
        account = "123456789012"
    kept: Case = {"accountId": account, "http": http}
    if "authorizer" in context:
        kept["authorizer"] = sorted(context["authorizer"]["iam"])
    result = dict(event)
    for name in ("version", "routeKey"):
        result.pop(name, None)
    result["headers"] = _headers(event["headers"], case)
    result["requestContext"] = kept
    return result


def _headers(received: Mapping[str, str], case: Case) -> dict[str, str]:
    sent = {name.lower() for name, _ in case["request"]["headers"]}
    own = _OWN_HEADERS
    if "x-forwarded-for" not in sent:
        own = own | {"x-forwarded-for"}
    headers = {name: value for name, value in received.items() if name not in own}
    if "host" in headers:
        headers["host"] = _HOST
    if "x-amz-date" in headers:  # changes each time: keep the recorded value
        headers["x-amz-date"] = case["event"]["headers"].get("x-amz-date")
    return headers
