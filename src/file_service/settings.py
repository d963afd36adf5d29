"""Settings, from environment variables. Read and checked once, when the process starts."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

SAMPLES = Path(__file__).parent.parent / "samples"


class ConfigurationError(Exception):
    """A setting is wrong. The message names the variable and says what to set."""


def _check_source(value: str) -> str:
    if value.startswith("s3://"):
        if not urlsplit(value).netloc:
            raise ValueError(f"{value!r} names no bucket: set s3://bucket or s3://bucket/prefix")
        return value
    if "://" in value:
        raise ValueError(f"{value!r} is neither a folder nor s3://bucket/prefix")
    folder = Path(value)
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise ValueError(f"{str(folder.absolute())!r} {what}: set it to a folder or to s3://bucket/prefix")
    return value


class Settings(BaseSettings):
    """Each field is the environment variable of its name in capitals with `FILE_` before it."""

    model_config = SettingsConfigDict(env_prefix="FILE_", env_ignore_empty=True, frozen=True)

    source: Annotated[
        str,
        AfterValidator(_check_source),
        Field(description="A folder (relative to the current one), or s3://bucket/prefix."),
    ] = str(SAMPLES)
    show_hidden: Annotated[bool, Field(description="Serve names that start with a dot.")] = False
    cache_control: Annotated[
        str,
        Field(description="Cache-Control of files.", pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$"),
    ] = "private, no-cache, no-transform"


def load_settings() -> Settings:
    """The settings of this process. Raises `ConfigurationError`."""
    try:
        return Settings()
    except ValidationError as error:
        problems = [
            f"FILE_{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False)
        ]
        raise ConfigurationError("\n".join(problems)) from None
