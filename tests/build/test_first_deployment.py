"""docs/first-deployment.md: every command that needs no AWS account, in the order of the page."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.build.conftest import TOP

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PAGE = (TOP / "docs" / "first-deployment.md").read_text()
CLONE = "git clone https://github.com/lambda-asgi/lambda-asgi\n"


def indented(heading: str) -> list[str]:
    """The blocks of commands, and of what they print, under this heading."""
    section = PAGE.partition(f". {heading}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", section, re.MULTILINE)
    return [re.sub("^ {4}", "", block.strip("\n"), flags=re.M) for block in blocks if block.strip()]


def test_from_nothing_to_what_would_be_deployed(tmp_path: Path, tools: dict[str, str]) -> None:
    (make,) = indented("Make a project")
    set_up, session = indented("Run it, as Lambda would")
    (test,) = indented("Test it")
    build = indented("Deploy it")[0].splitlines()[0]
    *install, run = set_up.splitlines()
    ask, _, printed = session.partition("\n")
    assert CLONE in make
    assert run == ".venv/bin/lambda-emulator"
    assert build == "sam build"

    # From this clone; and a port that is free.
    script = [
        make.replace(CLONE, f"git clone -q {TOP} lambda-asgi\n"),
        *install,
        f"exec 3< <(exec {run} --port 0)",
        "emulator=$!",
        "read -r _ _ url <&3",
        "trap 'kill $emulator' EXIT",
        ask.removeprefix("$ ").replace("curl", "curl -s").replace("http://127.0.0.1:3000", "$url"),
        test,
        build,
    ]
    done = subprocess.run(
        ["bash", "-ec", "\n".join(script)],
        cwd=tmp_path,
        env=tools,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout
    assert "4 passed" in done.stdout
    built = tmp_path / "my-app" / ".aws-sam" / "build"
    assert (built / "template.yaml").is_file()
    assert (built / "Function" / "lambda_asgi").is_dir()
