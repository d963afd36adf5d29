"""samconfig.toml: what `sam local` is told there counts here, and the start says what was read."""

from pathlib import Path
from typing import Any

import pytest

from lambda_emulator.samconfig import INVOKE, SERVE, read
from lambda_emulator.template.document import TemplateError
from tests.lambda_emulator.support import RunningEmulator, write_template

CONFIG = """\
version = 0.1

[default.global.parameters]
stack_name = "stack"
region = "eu-central-1"

[default.local_start_api.parameters]
env_vars = "env.json"
warm_containers = "EAGER"

[other.local_start_api.parameters]
region = "ap-south-1"
"""


@pytest.mark.parametrize(
    ("options", "region"),
    [
        ([], "eu-central-1"),
        (["--region", "us-west-2"], "us-west-2"),
        (["--config-env", "other"], "ap-south-1"),
    ],
)
def test_options_of_samconfig(tmp_path: Path, options: list[str], region: str) -> None:
    write_template(tmp_path)
    (tmp_path / "samconfig.toml").write_text(CONFIG)
    (tmp_path / "env.json").write_text(
        '{"Probe": {"PROBE_ONE": "1"}, "Parameters": {"PROBE_TWO": true}}'
    )
    with RunningEmulator(*options, cwd=tmp_path) as emulator:
        seen = emulator.get("/echo").json()["environment"]
        told = [one["message"] for one in emulator.drain() if one["event"] == "note"]
    assert seen["AWS_REGION"] == region
    if "--config-env" in options:
        assert told == ["samconfig.toml [other.local_start_api.parameters]: region"]
        return
    assert (seen["PROBE_ONE"], seen["PROBE_TWO"]) == ("1", "true")
    assert told == [
        "samconfig.toml [default.global.parameters]: region",
        (
            "samconfig.toml [default.local_start_api.parameters]: "
            "env_vars, warm_containers is not used"
        ),
    ]


def test_without_one(tmp_path: Path) -> None:
    assert read(tmp_path, SERVE, file=None, environment=None).defaults == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"A=1 B=2"', ["A=1 B=2"]),
        ('["A=1", "B=2"]', ["A=1", "B=2"]),
        ('{A = "1", B = 2}', ["A=1", "B=2"]),
    ],
)
def test_parameter_overrides(tmp_path: Path, value: str, expected: Any) -> None:
    text = f"[default.local_invoke.parameters]\nparameter_overrides = {value}\nno_event = true\n"
    (tmp_path / "samconfig.toml").write_text(text)
    found = read(tmp_path, INVOKE, file=None, environment=None)
    assert found.defaults == {"parameter_overrides": expected, "no_event": True}
    assert read(tmp_path, SERVE, file=None, environment=None).defaults == {}


@pytest.mark.parametrize("names", [("template", "template_file"), ("template_file", "template")])
def test_the_later_of_two_names_of_an_option_counts(tmp_path: Path, names: tuple[str, str]) -> None:
    first, second = names
    (tmp_path / "samconfig.toml").write_text(
        f'[default.local_start_api.parameters]\n{first} = "first.yaml"\n{second} = "second.yaml"\n'
    )
    config = read(tmp_path, SERVE, file=None, environment=None)
    assert config.defaults == {"template": "second.yaml"}


def test_yaml(tmp_path: Path) -> None:
    text = "default:\n  global:\n    parameters:\n      profile: dev\n"
    (tmp_path / "samconfig.yaml").write_text(text)
    assert read(tmp_path, SERVE, file=None, environment=None).defaults == {"profile": "dev"}


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        ("[default", None, "samconfig.toml: "),
        ("[default.global]\nparameters = 1", None, "default.global.parameters is not a table"),
        ("[default.global.parameters]\nregion = [1]", None, "region is .1.; it takes one word"),
        ("[dev.global.parameters]\n", "prod", "no environment 'prod'; there is: dev"),
        (None, "prod", "there is no samconfig.toml here"),
    ],
)
def test_what_is_wrong(
    tmp_path: Path, text: str | None, environment: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "samconfig.toml").write_text(text)
    with pytest.raises(TemplateError, match=message):
        read(tmp_path, SERVE, file=None, environment=environment)
