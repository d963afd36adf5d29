"""What a streaming function has to do, asked of the probe at a URL.

Each check asks by itself and says what is wrong, in words that help; figures are only shown.
The emulator passes them all, and a server that is broken in one of these ways fails that check
(tests/lambda_emulator/test_smoke.py).
"""

import asyncio
import json
import statistics
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from lambda_emulator.compare.client import Observed, Target

__all__ = ["CHECKS", "Check", "Outcome"]

MEBIBYTE: Final = 1024 * 1024
LEAKS: Final = (b"asked to", b"Traceback", b"errorMessage")
"""What the probe raises, and what Lambda makes of it: none of it is for a client."""


class Outcome(NamedTuple):
    problem: str = ""
    """Empty: passed."""
    figures: Mapping[str, Any] = MappingProxyType({})


class Check(NamedTuple):
    name: str
    question: str
    run: Callable[[Target], Awaitable[Outcome]]
    slow: bool = False
    """It moves 150 MiB, at 2 MiB/s on AWS."""


def first_of(*problems: tuple[object, str]) -> str:
    """The words of the first problem that is one."""
    return next((words for is_problem, words in problems if is_problem), "")


def unless_whole(observed: Observed, status: int) -> str:
    """What is wrong with a response that should be whole."""
    return first_of(
        (observed.failure, f"{observed.failure}; status {observed.status}, {observed.size} bytes"),
        (observed.status != status, f"status {observed.status} instead of {status}"),
        (not observed.complete, f"broke off after {observed.size} bytes"),
    )


async def invoke_mode(target: Target) -> Outcome:
    """The two mistakes that look like success: their status is 200."""
    observed = await target.ask("GET", "/scope")
    try:
        shown = json.loads(observed.body)
    except ValueError:
        shown = None
    wrapped = isinstance(shown, dict) and {"statusCode", "body"} <= shown.keys()
    return Outcome(
        first_of(
            (
                observed.status == 200 and not observed.size,
                "status and headers are there and the body is lost: the "
                "function streams, and its URL has InvokeMode BUFFERED (a REST API: no "
                "ResponseTransferMode "
                "RESPONSE_STREAM)",
            ),
            (
                wrapped,
                "the body is a JSON object with statusCode and body: "
                "the URL streams, and the function answers "
                'buffered; ask for response_mode="streaming"',
            ),
            (unless_whole(observed, 200), unless_whole(observed, 200)),
            (not isinstance(shown, dict) or "asgi" not in shown, "no probe at this address"),
        )
    )


async def streaming(target: Target) -> Outcome:
    observed = await target.ask("GET", "/stream?pieces=5&seconds=0.5")
    apart = observed.chunks[-1] - observed.chunks[0] if observed.chunks else 0.0
    return Outcome(
        first_of(
            (unless_whole(observed, 200), unless_whole(observed, 200)),
            (
                observed.body != b"0\n1\n2\n3\n4\n",
                f"the pieces are not in order: {observed.body[:40]!r}",
            ),
            (
                apart < 1.0,
                f"five pieces, made within 2 s, came within {apart:.2f} s: something collects the "
                "response",
            ),
        ),
        {"first byte, ms": milliseconds(observed), "first to last piece, s": round(apart, 2)},
    )


async def ranges(target: Target) -> Outcome:
    observed = await target.ask("GET", "/range", [("Range", "bytes=10-19")])
    expected = "bytes 10-19/1000"
    return Outcome(
        first_of(
            (unless_whole(observed, 206), unless_whole(observed, 206)),
            (
                observed.body != bytes(range(10, 20)),
                f"{observed.size} bytes, and not the ten that were asked for",
            ),
            (observed.header("content-range") != expected, f"Content-Range is not {expected!r}"),
        )
    )


async def empty(target: Target) -> Outcome:
    """Without a first byte a stream may hang until the function's timeout."""
    head = await target.ask("HEAD", "/scope", patience=20)
    problem = unless_whole(head, 200)
    if problem:
        return Outcome(f"HEAD: {problem}")
    for code in (204, 304, 302, 404):
        observed = await target.ask("GET", f"/status?code={code}", patience=20)
        problem = first_of(
            (unless_whole(observed, code), unless_whole(observed, code)),
            (observed.body.strip(), f"a body nobody sent: {observed.body[:40]!r}"),
        )
        if problem:
            return Outcome(f"{code}: {problem}")
    return Outcome()


async def error_before(target: Target) -> Outcome:
    observed = await target.ask("GET", "/raise-before")
    leaked = any(text in observed.body for text in LEAKS)
    return Outcome(
        first_of(
            (unless_whole(observed, 500), unless_whole(observed, 500)),
            (leaked, f"the error is shown to the client: {observed.body[:80]!r}"),
        )
    )


async def error_after(target: Target) -> Outcome:
    """A front may end the stream cleanly or break it off.

    Exactly the bytes that were sent must have arrived.
    """
    observed = await target.ask("GET", "/raise-after")
    return Outcome(
        first_of(
            (
                observed.status != 200,
                f"status {observed.status} {observed.failure}, after 200 was sent",
            ),
            (
                any(text in observed.body for text in LEAKS),
                f"the error is in the body: {observed.body[:80]!r}",
            ),
            (
                observed.body != b"some\n",
                f"what was sent before the error is not there: {observed.body[:40]!r}",
            ),
        ),
        {"the client sees": "a clean end" if observed.complete else "a broken connection"},
    )


async def _large(target: Target, mebibytes: int) -> Outcome:
    observed = await target.ask("GET", f"/large?mebibytes={mebibytes}", patience=600)
    wanted = mebibytes * MEBIBYTE
    return Outcome(
        first_of(
            (
                observed.status == 200 and observed.size != wanted,
                f"{observed.size} of {wanted} bytes came",
            ),
            (unless_whole(observed, 200), unless_whole(observed, 200)),
        ),
        {
            "seconds": round(observed.seconds, 1),
            "MiB/s": round(observed.size / MEBIBYTE / observed.seconds, 1),
        },
    )


async def large(target: Target) -> Outcome:
    return await _large(target, 10)


async def very_large(target: Target) -> Outcome:
    return await _large(target, 150)


async def at_once(target: Target) -> Outcome:
    """Eight that each take two seconds: one after another they would take sixteen."""
    requests = [target.ask("GET", "/meet?seconds=2") for _ in range(8)]
    responses = await asyncio.gather(*requests)
    slowest = max(response.seconds for response in responses)
    refused = sorted({response.status for response in responses if response.status != 200})
    return Outcome(
        first_of(
            (refused, f"of eight requests at once some got {refused}"),
            (
                slowest > 14,
                f"the last of eight requests at once took {slowest:.1f} s: they wait for each "
                "other",
            ),
        ),
        {"slowest, s": round(slowest, 1)},
    )


async def first_byte(target: Target) -> Outcome:
    """The first one may be cold; so may the eight at once before it, each in a new environment."""
    observed = [await target.ask("GET", "/scope") for _ in range(11)]
    problem = next(filter(None, (unless_whole(one, 200) for one in observed)), "")
    times = [one.first_byte * 1000 for one in observed if one.first_byte is not None]
    if len(times) < len(observed):
        return Outcome(problem or "no first byte")
    return Outcome(
        problem,
        {"first, ms": round(times[0], 1), "warm, ms": round(statistics.median(times[1:]), 1)},
    )


def milliseconds(observed: Observed) -> float | None:
    return None if observed.first_byte is None else round(observed.first_byte * 1000, 1)


CHECKS: Final = (
    Check(
        "first-byte",
        "how long does the first byte take, cold (if this one is) and warm?",
        first_byte,
    ),
    Check("invoke-mode", "do the function and its URL mean the same mode?", invoke_mode),
    Check("streaming", "do the pieces arrive in order, and when they are sent?", streaming),
    Check("ranges", "is a range a 206 with exactly those bytes?", ranges),
    Check("empty", "do responses without a body end?", empty),
    Check("error-before", "is an error before the first byte a 500 without details?", error_before),
    Check("error-after", "is an error after the first byte kept out of the body?", error_after),
    Check("large", "does a response of 10 MiB come whole?", large),
    Check("at-once", "are requests at once served at once?", at_once),
    Check("very-large", "does a response of 150 MiB come whole?", very_large, slow=True),
)
