"""Telemetry arrives, covers the stream, and comes no more often than with Mangum.

Environments are frozen between invocations: what counts has arrived before that.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.integrations.recipes import titles
from tests.integrations.support import STREAM_SECONDS
from tests.integrations.telemetry import (
    DATADOG,
    DATADOG_DECORATOR,
    DATADOG_REDIRECT,
    NEW_RELIC,
    OTEL,
    PATHS,
    POWERTOOLS,
    SENTRY,
    XRAY,
    Package,
    Telemetry,
)
from tests.integrations.test_wrappers import RECIPES

pytestmark = pytest.mark.integrations

PACKAGES = [DATADOG_DECORATOR, DATADOG_REDIRECT, NEW_RELIC, OTEL, POWERTOOLS, SENTRY, XRAY]

ONE_TRACE = (DATADOG_DECORATOR, DATADOG_REDIRECT, OTEL)
"""The telemetry of the function and of the app belongs to the same invocation, and to no other."""

TWICE = (DATADOG_DECORATOR, DATADOG_REDIRECT)
"""These count an exception of a handler behind an HTTP event twice: as an exception and as a 502.

Mangum raises none, because it has sent nothing yet. `test_datadog_counts_an_exception_twice` shows
the same without any adapter.
"""

REQUESTS = dict.fromkeys(PATHS, "request")
WITH_ERRORS = REQUESTS | {"/early": "request error", "/late": "request error"}

IN_RUNTIME_MODE = [
    (DATADOG, REQUESTS),
    (NEW_RELIC, WITH_ERRORS),
    (OTEL, REQUESTS),
    (POWERTOOLS, dict.fromkeys(PATHS, "request log metric")),
    (SENTRY, WITH_ERRORS),
    (XRAY, REQUESTS),
]


def name(value: object) -> str:
    return value.recipe if isinstance(value, Package) else ""


def counts(telemetry: Telemetry) -> dict[str, Counter[str]]:
    return {path: Counter(seen.kind for seen in telemetry[path]) for path in PATHS}


def check_durations(telemetry: Telemetry) -> None:
    spans = [seen for seen in telemetry["/stream"] if seen.kind in ("invocation", "request")]
    assert spans
    assert all(span.seconds >= STREAM_SECONDS for span in spans), spans


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_handler_mode(package: Package, tmp_path: Path) -> None:
    ours = package.observe("handler", tmp_path)
    theirs = package.observe("mangum", tmp_path)
    expected = counts(theirs)
    for path in PATHS:
        assert expected[path], "Mangum, the control, shows nothing"
    if package in TWICE:
        expected["/late"]["error"] += 1
    assert counts(ours) == expected
    check_durations(ours)
    check_durations(theirs)
    if package in ONE_TRACE:
        traces = {path: {seen.trace for seen in ours[path] if seen.trace} for path in PATHS}
        assert all(len(its) == 1 for its in traces.values()), traces
        assert len(set.union(*traces.values())) == len(PATHS)


def test_datadog_counts_an_exception_twice(tmp_path: Path) -> None:
    seen = DATADOG_DECORATOR.observe("none", tmp_path)
    assert counts(seen)["/json"]["error"] == 2


@pytest.mark.parametrize("adapter", ["runtime", "handler"])
@pytest.mark.parametrize(("package", "expected"), IN_RUNTIME_MODE, ids=name)
def test_what_is_inside_the_app(
    package: Package, expected: dict[str, str], adapter: str, tmp_path: Path
) -> None:
    """The recipes for runtime mode: they work in handler mode as well."""
    observed = package.observe(adapter, tmp_path, mode="runtime")
    assert counts(observed) == {path: Counter(kinds.split()) for path, kinds in expected.items()}
    check_durations(observed)


def test_every_recipe_is_run() -> None:
    run = {f"{package.recipe}, handler mode" for package in PACKAGES}
    run |= {f"{package.recipe}, runtime mode" for package, _ in IN_RUNTIME_MODE}
    run |= {f"{recipe}, {mode} mode" for recipe, mode in RECIPES}
    assert sorted(titles()) == sorted(run)
