"""Commands in the documentation: each names something that exists. Those of the README are run."""

import importlib.util
import re
import tomllib
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from lambda_emulator import arguments, check_code
from lambda_emulator.compare import command, smoke
from tests.lambda_emulator.support import RunningEmulator

TOP = Path(__file__).parents[2]
PAGES = [
    *(TOP / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *(TOP / "docs").glob("*.md"),
    TOP / "emulator" / "README.md",
    *(TOP / "examples").glob("*/README.md"),
    *(TOP / "sam-init").glob("**/README.md"),
]
LINE = re.compile(r"^(?: {4}|\$ )(?:\$ )?([a-z.].*)$", re.MULTILINE)
"""A command in an indented block, or behind a prompt."""
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
PARSERS: dict[str, Callable[[], ArgumentParser]] = {
    "check": arguments.parser,
    "check-code": check_code.parser,
    "compare": command.parser,
    "invoke": arguments.invoke_parser,
    "smoke": smoke.parser,
}


class Command(NamedTuple):
    where: str
    text: str


def commands(start: str) -> Iterator[Command]:
    """Those that begin with this word, of all pages and of the command line's own help."""
    texts = [(str(page.relative_to(TOP)), page.read_text()) for page in PAGES]
    for parser in (arguments.parser(), arguments.invoke_parser()):
        examples = re.sub(r"^  ", "    ", str(parser.epilog), flags=re.MULTILINE)
        texts.append((f"{parser.prog} --help", re.sub(r"(?<=\S) {2,}.*", "", examples)))
    for where, text in texts:
        text = text.replace("\\\n", " ")
        for found in [*LINE.findall(text), *INLINE.findall(text)]:
            for part in re.split(r"&&|;|\|", found):
                words = re.sub(r"^\s*(\w+=(\"[^\"]*\"|\S*)\s+)*", "", part)
                if words.split()[:1] == [start]:
                    yield Command(where, words)


def words_of(text: str) -> list[str]:
    """Without a comment, and without what the shell does."""
    return re.split(r" &| >| <", re.sub(r"\s#.*", "", text))[0].split()


def test_each_goal_of_make_exists() -> None:
    goals = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    found = list(commands("make"))
    assert len(found) > 40
    for where, text in found:
        for word in words_of(text)[1:2]:
            assert word in goals or "=" in word, f"{where}: {text}"


def test_each_marker_exists() -> None:
    config = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    markers = {marker.partition(":")[0] for marker in config["markers"]}
    found = [
        marker
        for page in [*PAGES, *(TOP / "tests").rglob("*.py")]
        for marker in re.findall(r"(?:pytest|ARGS=\"|with) -m (\w+)", page.read_text())
    ]
    assert len(found) > 5
    assert set(found) <= markers


def test_each_module_that_python_runs_exists() -> None:
    ours = ("benchmarks", "file_service", "lambda_asgi", "lambda_emulator", "tools")
    modules = {
        module
        for page in PAGES
        for module in re.findall(r"python -m ([\w.]+)", page.read_text())
        if module.startswith(ours)
    }
    assert len(modules) > 5
    for module in modules:
        assert importlib.util.find_spec(module), module


def test_the_emulators_command_line_takes_each_command() -> None:
    found = [command for command in commands("lambda-emulator") if "..." not in command.text]
    assert len(found) > 50
    for where, text in found:
        # A command behind `--` is another program's. `<Url>` stands for a value.
        own = re.sub(r" -- .*", "", re.sub(r"<\w+>", "https://host", text))
        words = words_of(own)[1:]
        if len(words) == 1 and words[0] in PARSERS:  # the text names the command
            continue
        parser = PARSERS[words.pop(0)]() if words and words[0] in PARSERS else arguments.parser()
        try:
            parser.parse_args(words)
        except SystemExit:
            pytest.fail(f"{where}: {text}")


@pytest.mark.slow
@pytest.mark.parametrize("options", [["main:app"], ["--web", "main:app"]], ids=" ".join)
def test_the_app_of_the_readme_runs_as_it_says(options: list[str], tmp_path: Path) -> None:
    page = (TOP / "README.md").read_text()
    app = re.search(r"^`main.py`:\n\n```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert app
    assert f"    lambda-emulator {' '.join(options)}\n" in page
    # The page waits half a second between the numbers; a test need not.
    (tmp_path / "main.py").write_text(app[1].replace("asyncio.sleep(0.5)", "asyncio.sleep(0)"))
    with RunningEmulator(*options, command=(), cwd=tmp_path) as emulator:
        host = f"Host: localhost:{emulator.ports[0]}"
        numbers = b"".join(b"%d\n" % number for number in range(10))
        assert emulator.get("/", host).body == numbers
