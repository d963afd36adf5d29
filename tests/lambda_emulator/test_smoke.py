"""`smoke`: a function in the emulator passes; each broken server fails the check for its fault."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lambda_emulator.compare.checks import CHECKS
from tests.lambda_emulator.support import KEYS, RunningEmulator, asked, environment
from tests.patience import PATIENCE

EXAMPLE = Path(__file__).parents[2] / "examples" / "smoke" / "template.yaml"
BROKEN = Path(__file__).with_name("broken")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(6 * PATIENCE)]


def smoke(url: str, *options: str) -> tuple[int, dict[str, Any], str]:
    """The exit status, the results, and what was shown."""
    return asked("smoke", url, *options)


@contextmanager
def broken(how: str) -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--app-dir",
        str(BROKEN),
        "--port",
        "0",
        "broken_probe:app",
    ]
    variables = {**os.environ, "NO_COLOR": "1", "BREAK": how}
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            ready = next(line for line in server.stderr if "running on" in line)
            found = re.search(r"http://\S+", ready)
            assert found is not None
            yield found[0]
        finally:
            server.kill()
            server.communicate(timeout=PATIENCE)


def test_a_function_passes_through_both_of_its_doors() -> None:
    with RunningEmulator(
        "--template", str(EXAMPLE), command=(), variables=KEYS, fronts=2
    ) as emulator:
        url, api = (f"http://127.0.0.1:{port}" for port in emulator.ports)
        for status, found, shown in (smoke(url, "--sigv4"), smoke(f"{api}/v1", "--quick")):
            assert status == 0, found
            assert found["passed"] is True
            assert shown.count("passed") == len(found["checks"]) >= len(CHECKS) - 1
        assert found["checks"]["error-after"]["figures"] == {"the client sees": "a clean end"}


def test_without_a_signature_nothing_passes() -> None:
    with RunningEmulator(
        "--template", str(EXAMPLE), command=(), variables=KEYS, fronts=2
    ) as emulator:
        status, found, shown = smoke(f"http://127.0.0.1:{emulator.port}", "--quick")
    assert status == 1
    assert "the status is 403" in shown
    assert "use --sigv4" in shown
    assert not [name for name, check in found["checks"].items() if check["passed"]]


@pytest.mark.parametrize(
    ("how", "check", "problem"),
    [
        ("buffers", "streaming", "something collects the response"),
        ("shuffles", "streaming", "not in order"),
        ("loses_the_body", "invoke-mode", "its URL has InvokeMode BUFFERED"),
        ("wraps_the_body", "invoke-mode", 'ask for response_mode="streaming"'),
        ("ignores_ranges", "ranges", "status 200 instead of 206"),
        ("hangs_when_empty", "empty", "nothing more within 20 s"),
        ("shows_errors", "error-before", "the error is shown to the client"),
        ("errors_are_200", "error-before", "status 200 instead of 500"),
        ("shows_errors", "error-after", "the error is in the body"),
        ("cuts", "large", "5242880 of 10485760 bytes came"),
        ("cuts", "very-large", "5242880 of 157286400 bytes came"),
        ("one_at_a_time", "at-once", "they wait for each other"),
        ("fails_at_times", "first-byte", "status 503 instead of 200"),
    ],
)
def test_a_server_that_is_broken_in_one_way_fails_its_check(
    how: str, check: str, problem: str
) -> None:
    with broken(how) as url:
        status, found, _ = smoke(url, "--check", check)
    assert status == 1
    assert problem in found["checks"][check]["problem"]


def test_every_check_fails_somewhere_above() -> None:
    marks = test_a_server_that_is_broken_in_one_way_fails_its_check.pytestmark  # type: ignore[attr-defined]
    mark = next(mark for mark in marks if mark.args)
    assert {check for _, check, _ in mark.args[1]} == {check.name for check in CHECKS}


def test_nobody_there() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "lambda_emulator",
            "smoke",
            "--url",
            "http://127.0.0.1:9",
            "--check",
            "ranges",
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    assert "no response from the URL" in done.stderr
