"""Published test suites, run with lambda_asgi in the way and without: what differs.

    python -m tests.conformance.published.suites [NAME ...]

Sources and environments are made in .cache/conformance. Nothing of them is part of this project.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.published.differences import DIFFERENCES

ROOT = Path(__file__).parents[3]
CACHE = ROOT / ".cache" / "conformance"
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Suite:
    """A source distribution whose tests run with a plugin of ours."""

    name: str
    version: str
    plugin: str
    group: str
    """The dependency group of its pyproject.toml that its tests need."""
    extra: str = ""
    arguments: tuple[str, ...] = ()
    """Of pytest, for both runs."""


SUITES = [
    # Its end-to-end tests start containers of a cloud emulator.
    Suite("mangum", "0.22.0", "mangum_plugin", "dev", arguments=("-k", "not real_lambda")),
    # A loop of trio cannot run on Lambda: the runtime is asyncio's.
    Suite("starlette", "1.10.0", "client_plugin", "dev", "full", arguments=("-k", "not trio")),
    Suite("fastapi", "0.165.0", "client_plugin", "tests", "all", arguments=("-k", "not trio")),
]


@dataclass(frozen=True)
class Comparison:
    """Outcomes by the id of a test: those of the control run, and those with lambda_asgi."""

    suite: Suite
    control: dict[str, str]
    ours: dict[str, str]

    @property
    def different(self) -> dict[str, str]:
        """The tests that pass in the control run only, each with its outcome here."""
        return {
            test: self.ours.get(test, "missing")
            for test, outcome in self.control.items()
            if outcome == "passed" and self.ours.get(test) != "passed"
        }

    @property
    def is_explained(self) -> bool:
        """Whether the table of differences is exact."""
        return set(map(_function, self.different)) == DIFFERENCES[self.suite.name].keys()

    def __str__(self) -> str:
        counts = [
            sum(outcome == "passed" for outcome in run.values())
            for run in (self.control, self.ours)
        ]
        lines = [
            f"{self.suite.name} {self.suite.version}: "
            f"{counts[0]} of {len(self.control)} pass in the control run,"
            f" {counts[1]} of {len(self.ours)} with lambda_asgi"
        ]
        known = DIFFERENCES[self.suite.name]
        different = Counter(map(_function, self.different))
        lines += [
            f"  {test} ({count}): {known.get(test, 'NOT EXPLAINED')}"
            for test, count in different.items()
        ]
        lines += [
            f"  {test}: passes now; remove it from the table"
            for test in sorted(known.keys() - different.keys())
        ]
        return "\n".join(lines)


def _function(test: str) -> str:
    """A test's id without its parameters."""
    return test.partition("[")[0]


def compare(suite: Suite) -> Comparison:
    """Run `suite` twice. Raises CalledProcessError if its environment cannot be made."""
    source = _source(suite)
    python = _environment(suite, source)
    return Comparison(
        suite, _run(suite, source, python, []), _run(suite, source, python, ["-p", suite.plugin])
    )


def _source(suite: Suite) -> Path:
    source = CACHE / f"{suite.name}-{suite.version}"
    if not source.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        _check(
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-binary",
            ":all:",
            "-d",
            str(CACHE),
            _pin(suite),
        )
        archive = f"{source}.tar.gz"
        subprocess.run(["tar", "-xz", "-f", archive, "-C", str(CACHE)], check=True)
    return source


def _environment(suite: Suite, source: Path) -> Path:
    folder = CACHE / "environments" / f"{suite.name}-{suite.version}"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.is_file():
        _uv("venv", "-q", "--clear", "--python", sys.executable, str(folder))
        extra = f"[{suite.extra}]" if suite.extra else ""
        target = f"{source}{extra}"
        group = f"{source / 'pyproject.toml'}:{suite.group}"
        _uv("pip", "install", "-q", "--python", str(python), "--group", group, target)
        _uv("pip", "install", "-q", "--python", str(python), "--editable", str(ROOT))
        ready.touch()
    return python


def _run(suite: Suite, source: Path, python: Path, plugins: list[str]) -> dict[str, str]:
    outcomes = source / "outcomes.json"
    outcomes.unlink(missing_ok=True)
    command = [
        str(python),
        "-m",
        "pytest",
        "-q",
        "--tb=line",
        "-p",
        "no:cacheprovider",
        "-p",
        "outcomes_plugin",
        *plugins,
    ]
    environment = {**os.environ, "OUTCOMES": str(outcomes), "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        [*command, *suite.arguments, "tests"],
        cwd=source,
        env=environment,
        capture_output=True,
        text=True,
    )
    if not outcomes.is_file():
        raise RuntimeError(
            f"{' '.join(command)} wrote no outcomes:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        )
    found: dict[str, str] = json.loads(outcomes.read_text())
    return found


def _pin(suite: Suite) -> str:
    return f"{suite.name}=={suite.version}"


def _check(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True)


def _uv(*arguments: str) -> None:
    subprocess.run(["uv", *arguments], check=True, env={**os.environ, "PATH": _path()})


def _path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def main(names: list[str]) -> None:
    for suite in SUITES:
        if not names or suite.name in names:
            print(compare(suite), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
