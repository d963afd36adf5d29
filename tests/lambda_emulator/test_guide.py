"""The examples of docs/emulator.md: files are written, commands given, outputs compared."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lambda_emulator.support import RunningEmulator, environment
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).parents[2] / "docs" / "emulator.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections() -> dict[str, str]:
    """Those with a session at the terminal, by their title."""
    parts = re.split(r"^## (.+)$", GUIDE.read_text(), flags=re.MULTILINE)[1:]
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    return {title: text for title, text in found.items() if "```console\n$ lambda-emulator" in text}


def session(text: str) -> list[tuple[str, str]]:
    """(command, output) of each."""
    commands = re.split(r"^\$ (.+)$", text, flags=re.MULTILINE)[1:]
    return list(zip(commands[::2], commands[1::2], strict=True))


def test_each_part_of_the_guide_is_found() -> None:
    assert {
        "An app without a template",
        "Invoking a function once",
        "Options from samconfig.toml",
        "Addresses",
        "The Lambda API",
        "HTTP APIs",
        "REST APIs",
        "Layers, assets and images",
    } <= set(sections())


@pytest.mark.parametrize("title", sections())
def test_an_example_of_the_guide(title: str, tmp_path: Path) -> None:
    """A block whose first line is a comment with a name is a file of that name."""
    commands = []
    for language, block in BLOCK.findall(sections()[title]):
        first, _, rest = block.partition("\n")
        if language == "console":
            commands += session(block)
        elif first.startswith("# "):
            path = tmp_path / first.removeprefix("# ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rest)
    if commands[0][0].startswith("lambda-emulator invoke"):
        for command, output in commands:
            assert run(command.split(), tmp_path) == output.strip(), command
        return
    (start, _), *asked = commands
    shown = {int(port) for command, _ in asked for port in re.findall(r":(3\d\d\d)/", command)}
    fronts = max(shown) - 2999
    options = [re.sub(r"^3\d\d\d$", "0", word) for word in shlex.split(start)[1:]]
    with RunningEmulator(*options, command=(), cwd=tmp_path, fronts=fronts) as emulator:
        for command, output in asked:
            words = [
                re.sub(r":3(\d\d\d)/", lambda m: f":{emulator.ports[int(m[1])]}/", word)
                for word in shlex.split(command)
            ]
            if words[0] == "python":  # its program names the port of the Lambda API
                path = tmp_path / words[1]
                path.write_text(path.read_text().replace(":3001/", f":{emulator.ports[-1]}/"))
            assert run(words, tmp_path) == output.strip(), command


def run(words: list[str], folder: Path) -> str:
    """Its standard output. The interpreter and the emulator are those of the tests."""
    own = {"python": [sys.executable], "lambda-emulator": [sys.executable, "-m", "lambda_emulator"]}
    command = [part for word in words for part in own.get(word, [word])]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, cwd=folder, env=environment()
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
