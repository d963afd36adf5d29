import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from file_service.identity.hashes import SecretHash, hash_token
from file_service.settings import SAMPLES, ConfigurationError, Settings, load_settings
from tools.run import TEMPLATE, UnknownSetting, parameter_overrides

HASH = hash_token("x").text


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FILE_")]:
        monkeypatch.delenv(name)


def test_unset_the_samples_beside_the_package_are_served() -> None:
    settings = load_settings()
    assert settings.source == str(SAMPLES)
    assert (SAMPLES / "hello.txt").is_file()


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILE_SOURCE", "")
    monkeypatch.setenv("FILE_TOKEN", "")
    assert load_settings().source == str(SAMPLES)
    assert load_settings().token is None


def test_a_folder_is_relative_to_the_current_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FILE_SOURCE", "files")
    assert load_settings().source == "files"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (
            "FILE_SOURCE",
            "/nope",
            "FILE_SOURCE: '/nope' does not exist: set it to a folder or to s3://bucket/prefix",
        ),
        ("FILE_SOURCE", __file__, "is a file, not a folder"),
        ("FILE_SOURCE", "s3://", "names no bucket: set s3://bucket or s3://bucket/prefix"),
        ("FILE_SOURCE", "https://example.com", "is neither a folder nor s3://bucket/prefix"),
        ("FILE_STREAM_MAX_BYTES", "0", "FILE_STREAM_MAX_BYTES: Input should be greater than 0"),
        (
            "FILE_CALLER_PREFIXES",
            '{"arn:*": ".."}',
            "FILE_CALLER_PREFIXES: '..', of arn:*, is no folder",
        ),
        ("FILE_CACHE_CONTROL", "no-cache\r\nx: y", "FILE_CACHE_CONTROL: "),
    ],
)
def test_what_is_wrong_is_said_by_the_variables_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FILE_TOKN": "x"}, "FILE_TOKN: there is no such setting"),
        ({"FILE_USERS": '{"a": {"hash": "secret"}}'}, "FILE_USERS: a: hash: is no hash"),
        ({"FILE_USERS": '{"a": "secret"'}, "FILE_USERS: set it to JSON"),
        ({"FILE_SIGNING_KEYS": "secret"}, "FILE_SIGNING_KEYS: set it to JSON"),
        ({"FILE_CALLER_PREFIXES": "{"}, "FILE_CALLER_PREFIXES: set it to JSON"),
        ({"FILE_CORS_ORIGINS": "https://a.example"}, "FILE_CORS_ORIGINS: set it to JSON"),
        ({"FILE_USERS": '{"a:b": {"hash": "x"}}'}, "FILE_USERS"),
        ({"FILE_SIGNING_KEYS": '{"a": "short"}'}, "FILE_SIGNING_KEYS: a: "),
        ({"FILE_SIGNING_KEYS": '{"a.b": "' + "k" * 32 + '"}'}, "FILE_SIGNING_KEYS"),
        ({"FILE_TOKEN": hash_token("x").text}, "FILE_SIGNING_KEYS: logins need a key"),
        ({"FILE_USERS": json.dumps({"anna": {"hash": HASH}})}, "FILE_SIGNING_KEYS: logins need"),
        (
            {
                "FILE_USERS": json.dumps({"token": {"hash": HASH}}),
                "FILE_TOKEN": "x",
                "FILE_SIGNING_KEYS": json.dumps({"a": "k" * 32}),
            },
            "FILE_USERS: with FILE_TOKEN set nobody else can be 'token'",
        ),
        ({"FILE_INDEX": "a/index.html"}, "FILE_INDEX: 'a/index.html' is no name"),
        ({"FILE_FALLBACK": "../x"}, "FILE_FALLBACK: '../x' is no path of a file"),
        ({"FILE_CORS_ORIGINS": '["https://a.example/path"]'}, "FILE_CORS_ORIGINS"),
        ({"FILE_SECRETS": "files"}, "FILE_SECRETS: 'files' is no ARN"),
    ],
)
def test_no_setting_that_protects_files_is_ignored(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert said in str(caught.value)
    assert "secret" not in str(caught.value).replace("a secret of", "").replace("hash_secret", "")


OF_A_DEADLINE = {"stream_burst_bytes", "stream_bytes_per_second", "stream_margin_seconds"}
"""Of the invocation's: a Web Function has none."""


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_make_run_passes_every_setting_to_the_function(name: str) -> None:
    variable = f"FILE_{name.upper()}"
    value = "7" if name != "source" else "s3://bucket"
    (auth, kind, override) = parameter_overrides(
        {variable: value, "HOME": "/x"}, TEMPLATE.read_text()
    )
    assert (auth, kind) == ("AuthType=NONE", "Kind=EventFunction")
    parameter, _, given = override.partition("=")
    assert given == value
    # Which the template hands to the function, of either kind.
    event_function, _, web_function = TEMPLATE.read_text().partition("  FileServiceWebFunction:\n")
    assert re.search(rf"{variable}: .*!Ref {parameter}\b", event_function)
    if name not in OF_A_DEADLINE:
        assert re.search(rf"{variable}: .*!Ref {parameter}\b", web_function)


def test_make_run_refuses_a_setting_that_would_be_ignored() -> None:
    with pytest.raises(UnknownSetting, match="FILE_TOKN"):
        parameter_overrides({"FILE_TOKN": "x"}, TEMPLATE.read_text())
    assert parameter_overrides({"FILE_TOKEN": ""}, TEMPLATE.read_text()) == [
        "AuthType=NONE",
        "Kind=EventFunction",
    ]
    (_, kind) = parameter_overrides({"KIND": "WebFunction"}, TEMPLATE.read_text())
    assert kind == "Kind=WebFunction"
    (_, _, source) = parameter_overrides({"FILE_SOURCE": "here"}, TEMPLATE.read_text())
    assert source == f"FileSource={Path('here').absolute()}"


def test_the_hash_of_a_secret_is_made_by_a_command() -> None:
    def run(*arguments: str, secret: str = "") -> str:
        command = [sys.executable, "-m", "file_service.hash_secret", *arguments]
        ran = subprocess.run(command, input=secret, capture_output=True, text=True, check=True)
        return ran.stdout

    assert SecretHash.parse(run(secret="correct horse\n").strip()).matches("correct horse")
    token, hashed = (line.split()[1] for line in run("--token").splitlines())
    assert SecretHash.parse(hashed).matches(token)


def test_everything_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILE_SOURCE", "/nope")
    monkeypatch.setenv("FILE_STREAM_MAX_BYTES", "many")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert len(str(caught.value).splitlines()) == 2


def test_starting_imports_no_store_that_is_not_used() -> None:
    code = (
        "import sys, file_service.main; "
        "print([name for name in ('obstore', 'boto3') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SAMPLES.parent
    )
    assert ran.stdout.strip() == "[]"


def test_starting_does_not_import_pydantics_old_version() -> None:
    code = (
        "import sys, file_service.main; "
        "print([name for name in sys.modules if name.startswith('pydantic.v1.')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SAMPLES.parent
    )
    assert ran.stdout.strip() == "[]"
