"""Telemetry arrives, covers the stream, and comes no more often than with Mangum.

Environments are frozen between invocations: what counts has arrived before that.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.integrations.support import STREAM_SECONDS
from tests.integrations.telemetry import PACKAGES, PATHS, Telemetry

pytestmark = pytest.mark.integrations

ONE_TRACE = ("Datadog, decorator", "Datadog, redirect", "OpenTelemetry")
"""What the function and the app tell of an invocation belongs together, and to no other invocation."""

MORE_ERRORS = {("Datadog, decorator", "/late"): 1, ("Datadog, redirect", "/late"): 1}
"""Datadog counts an exception of a handler behind an HTTP event twice: as an exception, and as a 502. Mangum raises
none, because it has sent nothing yet. `test_datadog_counts_an_exception_twice` shows it without any adapter."""

IN_RUNTIME_MODE = {
    "Datadog": {"/json": "request", "/stream": "request", "/early": "request", "/late": "request"},
    "New Relic": {"/json": "request", "/stream": "request", "/early": "request error", "/late": "request error"},
    "OpenTelemetry": {"/json": "request", "/stream": "request", "/early": "request", "/late": "request"},
    "Powertools": dict.fromkeys(PATHS, "request log metric"),
    "Sentry": {"/json": "request", "/stream": "request", "/early": "request error", "/late": "request error"},
    "X-Ray SDK": {"/json": "request", "/stream": "request", "/early": "request", "/late": "request"},
}


def counts(telemetry: Telemetry) -> dict[str, Counter[str]]:
    return {path: Counter(seen.kind for seen in telemetry[path]) for path in PATHS}


def check_durations(telemetry: Telemetry) -> None:
    spans = [seen for seen in telemetry["/stream"] if seen.kind in ("invocation", "request")]
    assert spans
    assert all(span.seconds >= STREAM_SECONDS for span in spans), spans


@pytest.mark.parametrize("package", PACKAGES)
def test_handler_mode(package: str, tmp_path: Path) -> None:
    ours = PACKAGES[package].observe("handler", tmp_path)
    theirs = PACKAGES[package].observe("mangum", tmp_path)
    expected = counts(theirs)
    for path in PATHS:
        assert expected[path], "Mangum, the control, shows nothing"
        expected[path].update({"error": MORE_ERRORS.get((package, path), 0)})
    assert counts(ours) == expected
    check_durations(ours)
    check_durations(theirs)
    if package in ONE_TRACE:
        traces = {path: {seen.trace for seen in ours[path] if seen.trace} for path in PATHS}
        assert all(len(its) == 1 for its in traces.values()), traces
        assert len(set.union(*traces.values())) == len(PATHS)


def test_datadog_counts_an_exception_twice(tmp_path: Path) -> None:
    seen = PACKAGES["Datadog, decorator"].observe("none", tmp_path)
    assert counts(seen)["/late"]["error"] == 2


@pytest.mark.parametrize("package", IN_RUNTIME_MODE)
def test_runtime_mode(package: str, tmp_path: Path) -> None:
    observed = PACKAGES[package if package in PACKAGES else f"{package}, decorator"].observe("runtime", tmp_path)
    assert counts(observed) == {path: Counter(kinds.split()) for path, kinds in IN_RUNTIME_MODE[package].items()}
    check_durations(observed)
