"""The documents name tests and options that exist."""

import json
import re
from pathlib import Path

from lambda_emulator import check_code, limits
from lambda_emulator.arguments import invoke_parser, parser
from lambda_emulator.compare import command, smoke
from lambda_emulator.compare.recorded import CASES

_OF_OTHERS = (
    "--aws-sigv4",
    "--user",
    "--endpoint-url",
    "--guided",
    "--listen",
    "--wait-for-client",
)
"""Options of curl, the AWS CLI, sam and debugpy."""
ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


def test_every_row_of_the_comparison_names_a_test() -> None:
    source = "\n".join(path.read_text() for path in HERE.glob("test_*.py")) + json.dumps(CASES)
    text = (ROOT / "docs" / "emulator.md").read_text()
    names = re.findall(r"`(test_\w+)(?:\[(\w+)\])?`", text)
    assert len(names) >= 12
    for name, case in names:
        assert f"def {name}(" in source, name
        assert not case or f'"{case}"' in source, case


def test_every_option_in_the_documents_exists() -> None:
    parsers = (parser(), invoke_parser(), check_code.parser(), command.parser(), smoke.parser())
    options = {option for each in parsers for option in each._option_string_actions}
    for name in ("emulator.md", "fidelity.md"):
        for option in re.findall(
            r"(?<![\w-])--[a-z][a-z0-9-]+", (ROOT / "docs" / name).read_text()
        ):
            assert option in options or option in _OF_OTHERS, option


def test_the_numbers_in_the_documents_are_the_limits() -> None:
    text = (ROOT / "docs" / "fidelity.md").read_text()
    assert f"{limits.STREAMED_RESPONSE:,}" in text
    assert f"{limits.BUFFERED_RESPONSE:,}" in text
    assert f"waits {limits.EMPTY_STREAM_HANG_SECONDS:g} s" in text
    assert f"{limits.SETTLE_SECONDS * 1000:g} ms to ask" in text.replace("\n", " ")


def test_every_row_on_api_gateway_names_a_test() -> None:
    text = (ROOT / "docs" / "fidelity.md").read_text()
    for letter, name in (("T", "test_http_api.py"), ("R", "test_rest_api.py")):
        source = (HERE / name).read_text()
        named = re.findall(rf"`{letter}::(test_\w+)`", text)
        assert len(named) >= 10
        for test in named:
            assert f"def {test}(" in source, test
