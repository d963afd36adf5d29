import subprocess
import sys
from pathlib import Path

import pytest

from file_service.settings import SAMPLES, ConfigurationError, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FILE_SOURCE", "FILE_TOKEN", "FILE_CALLER_PREFIXES", "FILE_STREAM_MAX_BYTES"):
        monkeypatch.delenv(name, raising=False)


def test_unset_the_samples_beside_the_package_are_served() -> None:
    settings = load_settings()
    assert settings.source == str(SAMPLES)
    assert (SAMPLES / "hello.txt").is_file()


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILE_SOURCE", "")
    monkeypatch.setenv("FILE_TOKEN", "")
    assert load_settings().source == str(SAMPLES)
    assert load_settings().token is None


def test_a_folder_is_relative_to_the_current_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FILE_SOURCE", "files")
    assert load_settings().source == "files"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FILE_SOURCE", "/nope", "FILE_SOURCE: '/nope' does not exist: set it to a folder or to s3://bucket/prefix"),
        ("FILE_SOURCE", __file__, "is a file, not a folder"),
        ("FILE_SOURCE", "s3://", "names no bucket: set s3://bucket or s3://bucket/prefix"),
        ("FILE_SOURCE", "https://example.com", "is neither a folder nor s3://bucket/prefix"),
        ("FILE_STREAM_MAX_BYTES", "0", "FILE_STREAM_MAX_BYTES: Input should be greater than 0"),
        ("FILE_CALLER_PREFIXES", '{"arn:*": ".."}', "FILE_CALLER_PREFIXES: '..', of arn:*, is no folder"),
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


def test_everything_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILE_SOURCE", "/nope")
    monkeypatch.setenv("FILE_STREAM_MAX_BYTES", "many")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert len(str(caught.value).splitlines()) == 2


def test_starting_imports_no_store_that_is_not_used() -> None:
    code = "import sys, file_service.main; print([name for name in ('obstore', 'boto3') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SAMPLES.parent)
    assert ran.stdout.strip() == "[]"


def test_starting_does_not_import_pydantics_old_version() -> None:
    code = "import sys, file_service.main; print([name for name in sys.modules if name.startswith('pydantic.v1.')])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SAMPLES.parent)
    assert ran.stdout.strip() == "[]"
