"""A client has its whole response before telemetry is sent. The environment waits for that."""

from pathlib import Path

import pytest

from tests.integrations.support import ask, collector, function
from tests.integrations.telemetry import OTEL, SENTRY, Package

pytestmark = pytest.mark.integrations


@pytest.mark.parametrize("adapter", ["handler", "runtime"])
@pytest.mark.parametrize("package", [OTEL, SENTRY], ids=["OpenTelemetry", "Sentry"])
def test_the_environment_is_busy_until_telemetry_has_left(
    package: Package, adapter: str, tmp_path: Path
) -> None:
    with collector() as http:
        variables = package.variables(adapter, http.url)
        with function(package.name, package.recipe, adapter, tmp_path, variables) as emulator:
            http.open.clear()
            first = emulator.get("/json")
            assert (first.status, first.json()) == (200, {"message": "hello"})
            http.wait()
            assert emulator.get("/json").status == 429, "there is one environment, and it is busy"
            http.open.set()
            emulator.wait_for("report", requestId=first.header("x-amzn-requestid"))
            assert ask(emulator, "/json").status == 200
