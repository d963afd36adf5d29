"""`make mutants`: small changes to what decides, each of which a test has to notice.

    python -m tools.mutants [--every N] [MODULE ...]

mutmut makes the changes, and this module one kind more: a call whose result nobody uses is left
out. The tests are collected once, and run once without a change, to see which functions each of
them reaches. Then each change has a fork of that process. It runs the tests that reach the changed
function, the fastest first, until one fails. docs/mutants.md has the score, and each survivor.
"""

import argparse
import contextlib
import inspect
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import libcst
import pytest
from mutmut.__main__ import copy_also_copy_files, copy_src_dir, create_mutants
from mutmut.configuration import Config
from mutmut.mutation import file_mutation, mutators, trampoline

from tools.mutated_modules import NOT, TESTS

AT_ONCE = os.cpu_count() or 1

PATIENCE = 15
"""Seconds, beside ten times what a test takes, until a test that hangs has noticed a change."""

PROGRAM = "a program"
"""What a test reaches that starts one. Which functions run there is not seen."""

reached: set[str] = set()
"""The functions that were called, as mutmut names them."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants")
    parser.add_argument("--every", type=int, default=1, help="only each N-th change of a function")
    parser.add_argument("modules", nargs="*", default=list(TESTS))
    asked = parser.parse_args()
    _widen_mutmut()
    Config.get().only_mutate = [f"src/{module.replace('.', '/')}.py" for module in asked.modules]
    with contextlib.redirect_stdout(sys.stderr):
        copy_src_dir()
        copy_also_copy_files()
        create_mutants(AT_ONCE)
    os.chdir("mutants")
    source = os.path.abspath("src")
    sys.path.insert(0, source)
    os.environ.update(PYTHONPATH=f"{source}:{_for_programs()}", MUTANT_UNDER_TEST="stats")
    trampoline.record_trampoline_hit = _reached  # type: ignore[attr-defined]
    subprocess.Popen.__init__ = _start_program  # type: ignore[assignment]
    files = sorted({file for module in asked.modules for file in TESTS[module]})
    options = ["-q", "--no-header", "--timeout=0", "-p", "no:cacheprovider", "-k", NOT]
    return int(pytest.main([*options, *files], plugins=[Trial(asked.modules, asked.every)]))


def _widen_mutmut() -> None:
    operators: Any = mutators.mutation_operators
    operators.append((libcst.Expr, _left_out))
    file_mutation.MutationVisitor = _AlsoInDataclasses  # type: ignore[misc]


def _left_out(statement: libcst.Expr) -> Iterable[libcst.Expr]:
    value = statement.value
    if isinstance(value, libcst.Await):
        value = value.expression
    if isinstance(value, libcst.Call):
        yield statement.with_changes(value=libcst.Name("None"))


def _for_programs() -> str:
    """A folder with what changed modules import of mutmut, which itself imports too much."""
    package = Path("programs", "mutmut", "mutation")
    package.mkdir(parents=True, exist_ok=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    lines = inspect.getsource(trampoline).splitlines(keepends=True)
    needed = [line for line in lines if not line.startswith("from mutmut.")]
    (package / "trampoline.py").write_text("".join(needed))
    return os.path.abspath("programs")


class _AlsoInDataclasses(file_mutation.MutationVisitor):
    """mutmut skips every class with a decorator."""

    def _skip_node_and_children(self, node: libcst.CSTNode) -> bool:
        return not isinstance(node, libcst.ClassDef) and super()._skip_node_and_children(node)


def _reached(name: str, caller: str | None = None) -> None:
    reached.add(name)


_popen: Any = subprocess.Popen.__init__


def _start_program(
    self: Any, *args: Any, env: Mapping[str, str] | None = None, **options: Any
) -> None:
    """A runtime that a test starts sees the change, too."""
    if env is not None and ("_HANDLER" in env or "lambda_asgi" in args[0]):
        reached.add(PROGRAM)
        change = os.environ["MUTANT_UNDER_TEST"].replace("stats", "none")
        env = {**env, "PYTHONPATH": os.environ["PYTHONPATH"], "MUTANT_UNDER_TEST": change}
    _popen(self, *args, env=env, **options)


class Unchanged(NamedTuple):
    """What a test does without a change."""

    seconds: float
    reached: list[str]


class Trial:
    """A plugin of pytest. It runs the collected tests for each change."""

    def __init__(self, modules: list[str], every: int) -> None:
        self._modules = modules
        self._every = every
        self._unchanged: dict[str, Unchanged] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        at_import = set(reached)
        self._unchanged = _run_unchanged(session.items)
        total: Counter[bool] = Counter()
        for module in self._modules:
            noticed: Counter[bool] = Counter()
            tests = [item for item in session.items if item.nodeid.split("::")[0] in TESTS[module]]
            for name, result in self._tried(self._names(module), tests):
                if result == "survived" and _function(name) in at_import:
                    result = _after_a_fresh_start(name, TESTS[module])
                noticed[result != "survived"] += 1
                if result != "noticed":
                    print(f"{result}: {name}", flush=True)
            print(f"{module}: {noticed[True]} of {noticed.total()}", flush=True)
            total.update(noticed)
        print(f"{total[True]} of {total.total()} noticed; mutmut show NAME prints a change")
        return True

    def _names(self, module: str) -> list[str]:
        meta = Path("src", *module.split(".")).with_suffix(".py.meta")
        names = json.loads(meta.read_text())["exit_code_by_key"]
        return [name for name in names if (int(name.rpartition("_")[2]) - 1) % self._every == 0]

    def _that_reach(self, function: str, tests: list[pytest.Item]) -> list[pytest.Item]:
        """The fastest first. Then those that start a program, where it may run, too."""
        found = []
        for place in (function, PROGRAM):
            those = [item for item in tests if place in self._unchanged[item.nodeid].reached]
            those.sort(key=lambda item: self._unchanged[item.nodeid].seconds)
            found += [item for item in those if item not in found]
        return found

    def _tried(self, names: list[str], tests: list[pytest.Item]) -> Iterator[tuple[str, str]]:
        """(name, result) of each: noticed, survived, or hangs, which is noticed too."""
        running: dict[int, str] = {}
        waiting = list(reversed(names))
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                name = waiting.pop()
                running[self._fork(name, self._that_reach(_function(name), tests))] = name
            pid, status = os.wait()
            with contextlib.suppress(ProcessLookupError):  # no program of a test is left
                os.killpg(pid, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(status)
            yield running.pop(pid), {0: "survived", -signal.SIGALRM: "hangs"}.get(code, "noticed")

    def _fork(self, name: str, tests: Sequence[pytest.Item]) -> int:
        """The process that runs `tests` with the change `name`. It exits with 0 if all pass."""
        sys.stdout.flush()
        if pid := os.fork():
            return pid
        os.setsid()
        os.environ["MUTANT_UNDER_TEST"] = name
        code = 1
        with contextlib.suppress(BaseException):
            for test in tests[:1]:
                test.config.pluginmanager.unregister(name="terminalreporter")
            for test in tests:
                signal.alarm(round(PATIENCE + 10 * self._unchanged[test.nodeid].seconds))
                if not _passes(test, None):
                    break
            else:
                code = 0
        os._exit(code)


def _function(name: str) -> str:
    return name.rpartition("__mutmut_")[0]


def _run_unchanged(items: list[pytest.Item]) -> dict[str, Unchanged]:
    """Run every test in a child process: what it starts and keeps is gone after it."""
    results = Path("unchanged.json")
    pid = os.fork()
    if not pid:
        results.write_text(json.dumps(_run_each(items)))
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        pytest.exit("a test fails without a change", 1)
    return {test: Unchanged(*found) for test, found in json.loads(results.read_text()).items()}


def _run_each(items: list[pytest.Item]) -> dict[str, Unchanged]:
    results = {}
    for item, following in zip(items, [*items[1:], None], strict=True):
        reached.clear()
        before = time.monotonic()
        if not _passes(item, following):
            print(f"fails without a change: {item.nodeid}", file=sys.stderr)
            os._exit(1)
        results[item.nodeid] = Unchanged(time.monotonic() - before, sorted(reached))
    return results


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    failed_before = item.session.testsfailed
    item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
    return item.session.testsfailed == failed_before


def _after_a_fresh_start(name: str, tests: list[str]) -> str:
    """For a function that also runs while modules are imported and tests collected."""
    change = {**os.environ, "MUTANT_UNDER_TEST": name}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-k", NOT]
    try:
        done = subprocess.run(
            [*command, *tests], env=change, capture_output=True, timeout=10 * PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return "hangs"
    return "noticed" if done.returncode else "survived"


if __name__ == "__main__":
    sys.exit(main())
