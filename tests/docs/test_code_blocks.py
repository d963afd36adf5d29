"""Code blocks in the documentation: each is valid in its language, and imports only what exists."""

import ast
import asyncio
import importlib
import re
import subprocess
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from lambda_asgi.testing import ExecutionEnvironment, function_url_event

TOP = Path(__file__).parents[2]
# examples.md includes files of examples/, which have tests of their own.
PAGES = [
    TOP / "README.md",
    TOP / "CONTRIBUTING.md",
    TOP / "emulator" / "README.md",
    *sorted(path for path in (TOP / "docs").glob("*.md") if path.name != "examples.md"),
]
FENCED = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
OURS = ("lambda_asgi", "file_service", "lambda_emulator")


class Block(NamedTuple):
    page: str
    line: int
    language: str
    code: str


def blocks(*languages: str) -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in FENCED.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            name = str(page.relative_to(TOP))
            found.append(Block(name, line, match[2], textwrap.dedent(match[3])))
    return [block for block in found if block.language in languages]


def name(block: Block) -> str:
    return f"{block.page}:{block.line}"


@pytest.mark.parametrize("block", blocks("python", "py"), ids=name)
def test_python_is_valid_and_imports_what_exists(block: Block) -> None:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
    tree = compile(block.code, name(block), "exec", flags)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in OURS:
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module}.{alias.name}"


class Loader(yaml.SafeLoader):
    """Reads `!Ref` and the like as None."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


@pytest.mark.parametrize("block", blocks("yaml", "yml"), ids=name)
def test_yaml_is_valid(block: Block) -> None:
    assert yaml.load(block.code, Loader) is not None


@pytest.mark.parametrize("block", blocks("sh", "bash"), ids=name)
def test_shell_is_valid(block: Block) -> None:
    checked = subprocess.run(["sh", "-n"], input=block.code, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr


def test_the_app_of_the_readme_streams() -> None:
    code = next(block.code for block in blocks("python") if block.page == "README.md")
    # The page waits half a second between the numbers; a test need not.
    code = code.replace("asyncio.sleep(0.5)", "asyncio.sleep(0)")
    module: dict[str, Any] = {}
    exec(compile(code, "main.py", "exec"), module)

    async def chunks() -> list[bytes]:
        async with ExecutionEnvironment(module["handler"]) as environment:
            response = await environment.invoke(function_url_event("/"))
        return response.chunks

    assert asyncio.run(chunks()) == [b"%d\n" % number for number in range(10)]
