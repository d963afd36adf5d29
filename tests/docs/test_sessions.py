"""Commands of the documents that serve something, and the requests that they then send."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.docs.test_code_blocks import TOP
from tests.file_service.servers import Server, server_process
from tests.lambda_emulator.support import RunningEmulator, environment
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent


def page(name: str) -> str:
    return (TOP / name).read_text()


def block(text: str, after: str) -> str:
    """The first code block after this text."""
    found = re.search(r"^```\w+\n(.*?)^```", text.partition(after)[2], re.M | re.S)
    assert found, after
    return found[1]


def shell(command: str, folder: Path, **variables: str) -> str:
    path = f"{BIN}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", command],
        cwd=folder,
        env=environment(**variables, PATH=path),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_the_readme_says_to_try() -> None:
    """`make run` runs tools.run. Its port is free here, and the requests are the page's."""
    text = page("README.md")
    assert "    make run       # serves" in text
    file, digest = re.findall(r"^    \$ (curl -N )http://127.0.0.1:3000(/\S+)", text, re.M)
    command = [sys.executable, "-m", "tools.run", "--port", "0"]
    with server_process(command, environment(), r"Listening on (http://\S+)") as server:
        sent = shell(f"{file[0]} -s {server.url}{file[1]}", TOP)
        assert sent == (TOP / "src" / "samples" / "hello.txt").read_text()
        events = shell(f"{digest[0]} -s {server.url}{digest[1]}", TOP)
        assert re.findall("^event: (.+)", events, re.M)[-2:] == ["progress", "digest"]


def test_one_app_as_both_kinds_of_function(tmp_path: Path) -> None:
    """docs/choose.md. What `sam build` would make is a copy of the source here."""
    text = page("docs/choose.md").partition("## One app, both kinds")[2]
    for folder in (tmp_path / "src", tmp_path / ".aws-sam" / "build" / "EventFunction"):
        folder.mkdir(parents=True)
        (folder / "main.py").write_text(block(text, "`src/main.py`:"))
    (tmp_path / "template.yaml").write_text(block(text, "streaming"))
    assert "    lambda-emulator                                  # both kinds" in text
    with RunningEmulator(command=(), cwd=tmp_path, fronts=2) as emulator:
        for port in emulator.ports:
            with emulator.connect(port) as client:
                client.request("GET", "/openapi.json", f"Host: localhost:{port}")
                assert client.response().status == HTTPStatus.OK


def test_a_signed_request(tmp_path: Path) -> None:
    """docs/emulator.md: the keys of the emulator's environment sign."""
    text = page("docs/emulator.md")
    found = re.search(r"^    export (.+)\n    lambda-emulator &\n    (curl .+)\n", text, re.M)
    assert found
    keys = dict(pair.split("=") for pair in found[1].split())
    (tmp_path / "main.py").write_text("def handler(event, context): return 'signed'\n")
    (tmp_path / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Runtime: python3.13,\n"
        "  Handler: main.handler, FunctionUrlConfig: {AuthType: AWS_IAM}}}}\n"
    )
    with RunningEmulator(command=(), cwd=tmp_path, variables=keys) as emulator:
        signed = found[2].replace("http://127.0.0.1:3000", emulator.url)
        assert shell(signed, tmp_path) == "signed"
        assert "Forbidden" in shell(re.sub("--user (\\S+)", "--user a:b", signed), tmp_path)


@contextmanager
def served_as_the_page_says(folder: Path) -> Iterator[Server]:
    text = (folder / "README.md").read_text()
    assert "    uvicorn --app-dir app main:app\n" in text
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(folder / "app"), "--port", "0"]
    with server_process(
        [*command, "main:app"], environment(), r"running on (http://\S+)"
    ) as server:
        yield server


def test_a_generator_that_blocks() -> None:
    """examples/generators: the ping is answered behind the stream, or between two pieces of it."""
    folder = TOP / "examples" / "generators"
    asked = re.search(r"^    (curl .+ & curl .+)$", (folder / "README.md").read_text(), re.M)
    assert asked
    with served_as_the_page_says(folder) as server:
        command = asked[1].replace("http://127.0.0.1:8000", server.url)
        # The page waits five seconds; one is enough here.
        sent = shell(command.replace("pieces=5", "pieces=1") + "; wait", folder)
    assert sorted(sent.replace('"pong"', '"pong"\n').split("\n")) == ["", '"pong"', "a piece"]
