"""`make mutants`: small changes to what decides, each of which a test has to notice.

    python -m tools.mutants [--every N] [MODULE ...]

mutmut makes the changes.
The tests of each module run in a fork for each change, in this process's memory,
so the modules are those that tests reach without starting a program.
docs/mutants.md has the last score, and each survivor.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from mutmut.__main__ import copy_also_copy_files, copy_src_dir, create_mutants

HERE = "tests/lambda_asgi"
SERVICE = "tests/file_service"
EVENTS = [
    f"{HERE}/test_{name}.py"
    for name in (
        "authority",
        "event_options",
        "event_sources",
        "event_sources_custom",
        "event_sources_golden",
        "results",
        "stages",
        "text_bodies",
    )
]
CYCLE = [
    f"{HERE}/test_{name}.py"
    for name in ("app_faults", "disconnect", "endings", "flow", "stream_safety", "timing")
]

TESTS: dict[str, list[str]] = {
    "lambda_asgi._describe": [f"{HERE}/test_describe.py", f"{HERE}/test_app_faults.py"],
    "lambda_asgi._environment": [f"{HERE}/test_environment.py"],
    "lambda_asgi._error_report": [f"{HERE}/test_protocol.py", f"{HERE}/test_app_faults.py"],
    "lambda_asgi._event_sources": EVENTS,
    "lambda_asgi._headers": [f"{HERE}/test_headers.py", f"{HERE}/test_response.py"],
    "lambda_asgi._invocation": [f"{HERE}/test_invocation.py", f"{HERE}/test_context.py"],
    "lambda_asgi._prelude": [f"{HERE}/test_prelude.py"],
    "lambda_asgi._records": [f"{HERE}/test_records.py"],
    "lambda_asgi._response": [f"{HERE}/test_response.py", f"{HERE}/test_response_model.py"],
    "lambda_asgi._runtime_api.protocol": [f"{HERE}/test_protocol.py"],
    "file_service.http.byte_ranges": [f"{SERVICE}/test_byte_ranges.py"],
    "file_service.http.conditional": [f"{SERVICE}/test_conditional.py"],
    "file_service.http.content_disposition": [f"{SERVICE}/test_names.py"],
    "file_service.http.negotiation": [f"{SERVICE}/test_names.py"],
    "file_service.paths": [f"{SERVICE}/test_names.py"],
    "lambda_asgi._cycle": CYCLE,
}
"""Packages and modules, and what tests them."""

# Tests that look at the source or at memory see the changed modules otherwise;
# the others need minutes on a busy machine.
NOT = (
    "not pure and not 200_mib and not garbage_collector and not does_not_read and not memory "
    "and not copied_often"
)
OPTIONS = ["-x", "-q", "--no-header", "--timeout=60", "-p", "no:cacheprovider", "-k", NOT]

AT_ONCE = os.cpu_count() or 1
LONGEST = 120.0
"""Seconds until tests that hang have noticed the change."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants")
    parser.add_argument("--every", type=int, default=1, help="only each N-th change of a function")
    parser.add_argument("modules", nargs="*", default=list(TESTS))
    asked = parser.parse_args()
    copy_src_dir()
    copy_also_copy_files()
    create_mutants(AT_ONCE)
    os.chdir("mutants")
    sys.path.insert(0, os.path.abspath("src"))
    os.environ["MUTANT_UNDER_TEST"] = "none"
    total: Counter[str] = Counter()
    for module in asked.modules:
        noticed = unnoticed = 0
        if not _passes_unchanged(TESTS[module]):
            print(f"{module}: its tests fail without a change", file=sys.stderr)
            return 1
        for name, survived in _tried(_names(module, asked.every), TESTS[module]):
            unnoticed += survived
            noticed += not survived
            if survived:
                print(f"survived: {name}", flush=True)
        total.update(noticed=noticed, all=noticed + unnoticed)
        print(f"{module}: {noticed} of {noticed + unnoticed}", flush=True)
    print(f"{total['noticed']} of {total['all']} noticed; mutmut show NAME prints a change")
    return 0


def _names(module: str, every: int) -> list[str]:
    place = Path("src", *module.split("."))
    files = sorted(place.glob("*.py.meta")) if place.is_dir() else [place.with_suffix(".py.meta")]
    found = [name for file in files for name in json.loads(file.read_text())["exit_code_by_key"]]
    return [name for name in found if (int(name.rpartition("_")[2]) - 1) % every == 0]


def _passes_unchanged(tests: list[str]) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(_start("none", tests), 0)[1]) == 0


def _tried(names: list[str], tests: list[str]) -> Iterator[tuple[str, bool]]:
    """(name, whether it survived) of each."""
    running: dict[int, tuple[str, float]] = {}
    waiting = list(reversed(names))
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            name = waiting.pop()
            running[_start(name, tests)] = name, time.monotonic() + LONGEST
        for pid, (name, limit) in list(running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended and time.monotonic() > limit:
                os.killpg(pid, signal.SIGKILL)
                _, status = os.waitpid(pid, 0)
            elif not ended:
                continue
            del running[pid]
            yield name, status == 0
        time.sleep(0.02)


def _start(name: str, tests: list[str]) -> int:
    """The process that runs `tests` with the change `name`."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    os.setsid()
    os.environ["MUTANT_UNDER_TEST"] = name
    code = 3
    with contextlib.suppress(BaseException), open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        code = pytest.main([*OPTIONS, *tests])
    os._exit(int(code))


if __name__ == "__main__":
    sys.exit(main())
