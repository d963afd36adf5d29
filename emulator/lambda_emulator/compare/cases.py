"""The cases: requests to a probe, and what to note of the responses.

Each case is one open question about Web Functions, or one row of their contract.
It returns *facts*, which are compared, and may return *figures* (times, rates),
which are only shown.
Facts are statuses, yes or no, and names: nothing that differs between runs.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from lambda_emulator.compare.client import Observed, Target

__all__ = ["CASES", "Case", "Result"]

MEBIBYTE: Final = 1024 * 1024


class Result(NamedTuple):
    facts: Mapping[str, Any]
    figures: Mapping[str, Any] = MappingProxyType({})


class Case(NamedTuple):
    name: str
    question: str
    run: Callable[[Target], Awaitable[Result]]
    slow: bool = False
    """It waits for a timeout, or moves hundreds of megabytes."""


def ending(observed: Observed) -> str:
    """Return how a response ended for its client: "whole", "broken" or "none"."""
    if observed.failure and not observed.status:
        return "none"
    if observed.failure or not observed.complete:
        return "broken"
    return "whole"


def outcome(observed: Observed) -> dict[str, Any]:
    return {
        "status": observed.status,
        "ending": ending(observed),
        "lambda-web-error-type": observed.header("lambda-web-error-type"),
    }


def json_of(observed: Observed) -> Any:
    try:
        return json.loads(observed.body)
    except ValueError:
        return {}


# ---- the request


async def methods(target: Target) -> Result:
    facts = {}
    for method in ("TRACE", "PROPFIND", "DELETE"):
        observed = await target.ask(method, "/scope")
        facts[method] = observed.status
    return Result(facts)


async def http_1_0(target: Target) -> Result:
    observed = await target.ask("GET", "/scope", version="1.0")
    return Result({"status": observed.status})


async def host(target: Target) -> Result:
    hosts = {
        "missing": "",
        "another": "other.example",
        "with a wrong port": f"{target.host}1",
    }
    facts = {}
    for name, value in hosts.items():
        observed = await target.ask("GET", "/scope", host=value)
        facts[name] = observed.status
    return Result(facts)


async def path_and_query(target: Target) -> Result:
    observed = await target.ask("GET", "/scope?a=%20b&a=2&c")
    shown = json_of(observed)
    names = ("query", "raw_path", "root_path")
    return Result({name: shown.get(name) for name in names})


REMOVED: Final = (
    "Keep-Alive",
    "Upgrade",
    "TE",
    "Trailer",
    "Proxy-Authorization",
    "Proxy-Connection",
    "X-Real-IP",
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "lambda-web-forged",
)


async def request_headers(target: Target) -> Result:
    sent = [
        *((name, "sent") for name in REMOVED),
        ("X-Kept", "yes"),
        ("X-Named", "by Connection"),
        ("Connection", "X-Named"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-Host", "other.example"),
        ("X-Forwarded-Proto", "gopher"),
    ]
    observed = await target.ask("GET", "/scope", sent)
    headers = json_of(observed).get("headers", [])
    found = dict(headers)
    removable = (*REMOVED, "X-Named", "Connection")
    ours = {
        "host",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-amz-date",
        "x-amz-content-sha256",
        "x-amz-security-token",
        "x-kept",
        *(name.lower() for name in removable),
    }
    clients = found.get("x-forwarded-for", "").split(",")
    return Result(
        {
            "removed": sorted(name for name in removable if name.lower() not in found),
            "added": sorted(set(found) - ours),
            "x-forwarded-for has": len(clients),
            "x-forwarded-host": found.get("x-forwarded-host"),
            "x-forwarded-proto": found.get("x-forwarded-proto"),
            "names are lower-case": all(name == name.lower() for name, _ in headers),
        }
    )


async def expect(target: Target) -> Result:
    headers = [("Expect", "100-continue")]
    sizes = {"small": 1, "2 MiB": 2 * MEBIBYTE}
    facts = {}
    for name, size in sizes.items():
        observed = await target.ask("POST", "/upload", headers, body=bytes(size))
        facts[name] = [*observed.interim, observed.status]
    return Result(facts)


async def upgrade(target: Target) -> Result:
    offer = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "MDEyMzQ1Njc4OWFiY2RlZg=="),
    ]
    observed = await target.ask("GET", "/scope", offer)
    return Result({"status": observed.status})


async def uploads(target: Target) -> Result:
    facts: dict[str, Any] = {}
    for size in (1, 7, 25):
        observed = await target.ask("POST", "/upload", body=bytes(size * MEBIBYTE))
        received = json_of(observed).get("bytes")
        facts[f"{size} MiB"] = [observed.status, received]
    return Result(facts)


async def early_answer(target: Target) -> Result:
    small = await target.ask("POST", "/early", body=b"x")
    large = await target.ask("POST", "/early", body=bytes(32 * MEBIBYTE))
    return Result(
        {"small": small.status, "32 MiB": outcome(large)},
        {"32 MiB, seconds": round(large.seconds, 1)},
    )


# ---- the app's surroundings


async def scope(target: Target) -> Result:
    observed = await target.ask("GET", "/scope")
    shown = json_of(observed)
    names = ("asgi", "http_version", "scheme", "extensions", "state")
    facts = {name: shown.get(name) for name in names}
    facts["client"] = shown.get("client") or ""
    host, *_ = shown.get("server") or [""]
    facts["server"] = host
    return Result(facts)


async def runtime(target: Target) -> Result:
    observed = await target.ask("GET", "/runtime")
    shown = json_of(observed)
    variables = shown.pop("variables", [])
    facts: dict[str, Any] = {"variables": dict.fromkeys(variables, "is set")}
    figures = {}
    for name, value in shown.items():
        if name in ("python", "machine", "processors", "descriptors", "user"):
            figures[name] = value
        else:
            facts[name] = value
    return Result(facts, figures)


async def at_once(target: Target) -> Result:
    requests = [target.ask("GET", "/meet?seconds=2") for _ in range(16)]
    responses = await asyncio.gather(*requests)
    shown = [json_of(response) for response in responses]
    statuses = {response.status for response in responses}
    processes = {one.get("process") for one in shown}
    most = max(one.get("most", 0) for one in shown)
    return Result(
        {"statuses": sorted(statuses), "several in one process": most > 1},
        {"processes": len(processes), "most in one": most},
    )


# ---- the response


async def streaming(target: Target) -> Result:
    observed = await target.ask("GET", "/stream?pieces=5&seconds=0.5")
    apart = observed.chunks[-1] - observed.chunks[0] if observed.chunks else 0
    return Result(
        {
            "pieces as sent": len(observed.chunks) == 5,
            "arrives as it is sent": apart > 1.0,
            "ending": ending(observed),
        },
        {
            "first byte, ms": _ms(observed.first_byte),
            "from first to last piece, s": round(apart, 2),
        },
    )


async def response_headers(target: Target) -> Result:
    observed = await target.ask("GET", "/headers")
    names = {name.lower() for name, _ in observed.headers}
    ours = {
        "content-type",
        "content-length",
        "x-case",
        "set-cookie",
        "keep-alive",
        "proxy-authenticate",
        "x-twice",
    }
    return Result(
        {
            "added": sorted(names - ours - {"date"}),
            "removed": sorted(ours - names),
            "set-cookie": observed.values("set-cookie"),
            "x-twice": observed.values("x-twice"),
            "a forged request id": observed.header("lambda-web-request-id") == "forged",
        }
    )


async def compression(target: Target) -> Result:
    observed = await target.ask("GET", "/scope", [("Accept-Encoding", "gzip, br")])
    return Result({"content-encoding": observed.header("content-encoding")})


async def without_a_body(target: Target) -> Result:
    observed = await target.ask("HEAD", "/scope")
    facts: dict[str, Any] = {"HEAD": outcome(observed)}
    for code in (204, 304, 302, 404):
        observed = await target.ask("GET", f"/status?code={code}", patience=20)
        facts[str(code)] = outcome(observed)
    return Result(facts)


async def errors(target: Target) -> Result:
    before = await target.ask("GET", "/raise-before")
    after = await target.ask("GET", "/raise-after")
    return Result({"before the first byte": outcome(before), "after it": outcome(after)})


async def large(target: Target) -> Result:
    observed = await target.ask("GET", "/large?mebibytes=210", patience=600)
    mebibytes = observed.size / MEBIBYTE
    rate = mebibytes / observed.seconds if observed.seconds else 0
    return Result(
        {"ending": ending(observed), "all of it came": mebibytes == 210},
        {"MiB": round(mebibytes, 1), "MiB a second": round(rate, 1)},
    )


async def silence(target: Target) -> Result:
    observed = await target.ask("GET", "/silent", patience=1000)
    return Result(outcome(observed), {"seconds": round(observed.seconds, 1)})


async def endless(target: Target) -> Result:
    observed = await target.ask("GET", "/endless", patience=1000)
    return Result(outcome(observed), {"seconds": round(observed.seconds, 1)})


async def leaving(target: Target) -> Result:
    name = uuid.uuid4().hex
    await target.ask("GET", f"/leave?name={name}", leave_after=100)
    told: Any = {"told": "not yet"}
    for _ in range(40):
        observed = await target.ask("GET", f"/left?name={name}")
        told = json_of(observed)
        if told.get("told") != "not yet":
            break
        await asyncio.sleep(0.5)
    return Result({"the app was told": told.get("told")}, {"seconds": told.get("seconds")})


async def authorization(target: Target) -> Result:
    unsigned = await target.ask("GET", "/scope", signed=False)
    observed = await target.ask("GET", "/scope")
    headers = json_of(observed).get("headers", [])
    names = {name for name, _ in headers}
    return Result(
        {
            "without a signature": unsigned.status,
            "authorization reaches the app": "authorization" in names,
        }
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


CASES: Final = (
    Case("methods", "which methods reach the app?", methods),
    Case("http-1.0", "what becomes of HTTP/1.0?", http_1_0),
    Case("host", "which names does the endpoint accept?", host),
    Case("path-and-query", "are path and query verbatim?", path_and_query),
    Case("request-headers", "which headers are removed, and which are added?", request_headers),
    Case("expect", "who responds to Expect: 100-continue?", expect),
    Case("upgrade", "what becomes of a WebSocket's request?", upgrade),
    Case("uploads", "how large may a request be?", uploads),
    Case("scope", "what is in the ASGI scope?", scope),
    Case("runtime", "which server, does the lifespan run, which variables are set?", runtime),
    Case("at-once", "do requests share a process?", at_once),
    Case("streaming", "does the response stream?", streaming),
    Case("response-headers", "which headers are removed, and which are added?", response_headers),
    Case("compression", "does the platform compress?", compression),
    Case("without-a-body", "does a response without a body end?", without_a_body),
    Case("errors", "what does a client see of an app's errors?", errors),
    Case("leaving", "does the app hear that its client has left?", leaving),
    Case("authorization", "who is let in?", authorization),
    Case(
        "early-answer", "is a response read before the request was sent?", early_answer, slow=True
    ),
    Case("large", "does more than 200 MB come through?", large, slow=True),
    Case(
        "silence",
        "what does a client see at the timeout, before the first byte?",
        silence,
        slow=True,
    ),
    Case("endless", "what does a client see at the timeout, in mid-stream?", endless, slow=True),
)
