"""Settings, from environment variables. Read and checked once, when the process starts."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from file_service.limits import MIB, StreamLimits
from file_service.paths import is_served

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


def _check_prefixes(value: dict[str, str]) -> dict[str, str]:
    folders = {pattern: f"{prefix.strip('/')}/" for pattern, prefix in value.items()}
    for pattern, folder in folders.items():
        if not is_served(folder, show_hidden=True):
            raise ValueError(f"{value[pattern]!r}, of {pattern}, is no folder: set a path such as 'team/anna/'")
    return folders


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
        # A proxy that compresses (CloudFront) would break ranges and strong ETags: no-transform.
        Field(description="Cache-Control of files.", pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$"),
    ] = "private, no-cache, no-transform"

    token: Annotated[SecretStr | None, Field(description="Bearer token that every request for files has to carry.")] = (
        None
    )
    caller_prefixes: Annotated[
        dict[str, str] | None,
        AfterValidator(lambda value: value if value is None else _check_prefixes(value)),
        Field(description='A folder for each IAM caller, as JSON: {"arn:aws:iam::123456789012:user/anna": "anna/"}.'),
    ] = None

    redirect_seconds: Annotated[
        PositiveInt, Field(description="How long a presigned URL can be used, where S3 serves what Lambda cannot.")
    ] = 900
    stream_max_bytes: Annotated[
        PositiveInt,
        # 16 KiB for the prelude, and as much again: the recorded cut counts both.
        Field(description="The largest body streamed on Lambda. 4500000 suits InvokeMode BUFFERED."),
    ] = 200 * MIB - 32 * 1024
    stream_burst_bytes: Annotated[PositiveInt, Field(description="What Lambda sends at full speed.")] = 6 * MIB
    stream_bytes_per_second: Annotated[PositiveInt, Field(description="How fast it sends the rest.")] = 2 * MIB
    stream_margin_seconds: Annotated[
        float, Field(ge=0, description="Time to spare before the function's deadline.")
    ] = 2.0

    @property
    def stream_limits(self) -> StreamLimits:
        return StreamLimits(
            max_bytes=self.stream_max_bytes,
            burst_bytes=self.stream_burst_bytes,
            bytes_per_second=self.stream_bytes_per_second,
            margin_seconds=self.stream_margin_seconds,
        )


def load_settings() -> Settings:
    """The settings of this process. Raises `ConfigurationError`."""
    try:
        return Settings()
    except ValidationError as error:
        problems = [
            f"FILE_{str(problem['loc'][0]).upper()}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False)
        ]
        raise ConfigurationError("\n".join(problems)) from None
