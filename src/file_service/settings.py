"""Settings from environment variables, read and checked once, when the process starts."""

import hmac
import json
import os
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from file_service.identity.hashes import BadHash, SecretHash, hash_token
from file_service.identity.users import TOKEN_USER, User
from file_service.limits import MIB, StreamLimits
from file_service.paths import is_served

DAY = 24 * 60 * 60

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
        raise ValueError(
            f"{str(folder.absolute())!r} {what}: set it to a folder or to s3://bucket/prefix"
        )
    return value


def _check_prefixes(value: dict[str, str]) -> dict[str, str]:
    return {pattern: _check_folder(prefix, f", of {pattern},") for pattern, prefix in value.items()}


def _check_folder(value: str, whose: str = "") -> str:
    folder = f"{value.strip('/')}/"
    if not is_served(folder, show_hidden=True):
        raise ValueError(f"{value!r}{whose} is no folder: set a path such as 'team/anna/'")
    return folder


def _check_path(value: str | None) -> str | None:
    if value is None:
        return None
    if value.endswith("/") or not is_served(value, show_hidden=True):
        raise ValueError(f"{value!r} is no path of a file: set one such as 'app/index.html'")
    return value


def _check_name(value: str | None) -> str | None:
    if value is not None and "/" in value:
        raise ValueError(f"{value!r} is no name: set one such as 'index.html'")
    return _check_path(value)


class UserSettings(BaseModel):
    """One user.

    `hash` is the hash of the user's secret. `folder` is all that the user sees; empty is
    everything.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hash: Annotated[str, AfterValidator(lambda value: SecretHash.parse(value).text)]
    folder: Annotated[str, AfterValidator(lambda value: value and _check_folder(value))] = ""


# The settings that FILE_SECRETS may contain
_SECRET = {"token", "users", "signing_keys"}


def _parse_json(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("set it to JSON") from None


# A variable holds JSON text. What FILE_SECRETS names is JSON as a whole, so its values are parsed.
_JSON = BeforeValidator(_parse_json)


class Settings(BaseModel):
    """Each field is an environment variable: `FILE_` and the field's name in capitals."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    source: Annotated[
        str,
        AfterValidator(_check_source),
        Field(description="A folder (relative to the current one), or s3://bucket/prefix."),
    ] = str(SAMPLES)
    show_hidden: Annotated[bool, Field(description="Serve names that start with a dot.")] = False
    cache_control: Annotated[
        str,
        # no-transform: a proxy that compresses (CloudFront) would break ranges and strong ETags.
        Field(
            description="Cache-Control of files.",
            pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$",
        ),
    ] = "private, no-cache, no-transform"

    token: Annotated[
        SecretStr | None,
        Field(description="A token that requests for files have to carry, or its hash."),
    ] = None
    users: Annotated[
        dict[Annotated[str, Field(pattern=r"^[^:\x00-\x1f\x7f]{1,100}$")], UserSettings],
        _JSON,
        Field(description='Who may log in: {"anna": {"hash": "scrypt$...", "folder": "anna/"}}.'),
    ] = {}
    signing_keys: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")],
            Annotated[SecretStr, Field(min_length=32)],
        ],
        _JSON,
        Field(
            description="Secrets of 32 characters or more by key id, as JSON. "
            "The first signs sessions and share links, all are accepted."
        ),
    ] = {}
    secrets: Annotated[
        str | None,
        Field(
            description="The ARN of a secret in Secrets Manager, or of a parameter in SSM, that "
            "holds token, users and signing_keys as JSON."
        ),
    ] = None
    caller_prefixes: Annotated[
        dict[str, str] | None,
        AfterValidator(lambda value: value if value is None else _check_prefixes(value)),
        _JSON,
        Field(
            description="A folder for each IAM caller, as JSON: "
            '{"arn:aws:iam::123456789012:user/anna": "anna/"}.'
        ),
    ] = None
    session_seconds: Annotated[PositiveInt, Field(description="How long a login lasts.")] = 7 * DAY
    share_max_seconds: Annotated[
        PositiveInt, Field(description="How long a share link may last at most.")
    ] = 7 * DAY

    cors_origins: Annotated[
        list[Annotated[str, Field(pattern=r"^(\*|https?://[^/*]+)$")]],
        _JSON,
        Field(description='Sites whose scripts may read files: ["https://app.example"].'),
    ] = []
    index: Annotated[
        str | None,
        AfterValidator(_check_name),
        Field(description="A name such as index.html, which then stands for its folder."),
    ] = None
    fallback: Annotated[
        str | None,
        AfterValidator(_check_path),
        Field(description="A file that browsers get instead of a missing one."),
    ] = None

    redirect_seconds: Annotated[
        PositiveInt,
        Field(description="How long a presigned URL is valid. S3 serves what Lambda cannot."),
    ] = 900
    stream_max_bytes: Annotated[
        PositiveInt,
        # 16 KiB for the prelude, counted twice as recorded.
        Field(
            description="The largest body to stream. The default applies to Event Functions only, "
            "a value that you set everywhere. 4500000 suits InvokeMode BUFFERED."
        ),
    ] = 200 * MIB - 32 * 1024
    stream_burst_bytes: Annotated[
        PositiveInt, Field(description="What Lambda sends at full speed.")
    ] = 6 * MIB
    stream_bytes_per_second: Annotated[
        PositiveInt, Field(description="How fast Lambda sends the rest.")
    ] = 2 * MIB
    request_seconds: Annotated[
        PositiveInt | None,
        Field(
            description="The platform's time limit for one request, if the platform does not tell "
            "it: a Web Function's Timeout. A body that is incomplete by then ends visibly."
        ),
    ] = None
    stream_margin_seconds: Annotated[
        float, Field(ge=0, description="Time to spare before the function's deadline.")
    ] = 2.0

    @model_validator(mode="after")
    def _keys_for_users(self) -> "Settings":
        needs_keys = self.users or self._token_hash
        if needs_keys and not self.signing_keys and not self.secrets:
            raise ValueError(
                "FILE_SIGNING_KEYS: logins need a key to be signed with: set a secret of 32 "
                'characters or more, as {"2026-11": "..."}'
            )
        if TOKEN_USER in self.users and self.token:
            raise ValueError(f"FILE_USERS: with FILE_TOKEN set nobody else can be {TOKEN_USER!r}")
        return self

    @property
    def _token_hash(self) -> SecretHash | None:
        """Return FILE_TOKEN if it is a hash; None if it is the token itself."""
        text = self.token.get_secret_value() if self.token else ""
        try:
            return SecretHash.parse(text)
        except BadHash:
            return None

    @property
    def known_users(self) -> list[User]:
        """Return the users of FILE_USERS, and the user of FILE_TOKEN."""
        users = []
        for name, user in self.users.items():
            secret = SecretHash.parse(user.hash)
            users.append(User(name, secret, user.folder))
        if self.token:
            token = self._token_hash or hash_token(self.token.get_secret_value())
            users.append(User(TOKEN_USER, token, ""))
        return users

    @property
    def keys(self) -> dict[str, bytes]:
        """Return the keys that sign sessions and share links, by key id.

        Without FILE_SIGNING_KEYS, a plain FILE_TOKEN signs its own sessions.
        """
        if self.signing_keys:
            keys = self.signing_keys.items()
            return {key_id: key.get_secret_value().encode() for key_id, key in keys}
        if self.token:
            token = self.token.get_secret_value().encode()
            return {"token": hmac.digest(token, b"file_service sessions", "sha256")}
        return {}

    @property
    def max_bytes_anywhere(self) -> int | None:
        """Return the largest body where no platform limit is known, as on a Web Function."""
        return self.stream_max_bytes if "stream_max_bytes" in self.model_fields_set else None

    @property
    def serves_site(self) -> bool:
        """Return whether the files are a web site, whose pages run their own scripts."""
        return self.index is not None or self.fallback is not None

    @property
    def stream_limits(self) -> StreamLimits:
        """Return the limits for bodies on Lambda."""
        return StreamLimits(
            max_bytes=self.stream_max_bytes,
            burst_bytes=self.stream_burst_bytes,
            bytes_per_second=self.stream_bytes_per_second,
            margin_seconds=self.stream_margin_seconds,
        )


def load_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        ConfigurationError: A setting is wrong, or a `FILE_` variable is unknown.
    """
    known = {f"FILE_{name.upper()}" for name in Settings.model_fields}
    given = {name for name in os.environ if name.startswith("FILE_")}
    unknown = sorted(given - known)
    if unknown:  # A misspelt variable that protects files would leave them open.
        raise ConfigurationError("\n".join(f"{name}: there is no such setting" for name in unknown))
    # An empty variable counts as unset: a template sets one for a parameter without a value.
    values: dict[str, Any] = {
        name: text
        for name in Settings.model_fields
        if (text := os.environ.get(f"FILE_{name.upper()}"))
    }
    try:
        settings = Settings(**values)
        if settings.secrets:
            settings = Settings(**values, **_stored(settings))
        return settings
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise ConfigurationError("\n".join(map(_told, problems))) from None


def _stored(settings: Settings) -> dict[str, Any]:
    """Return the settings in the secret that FILE_SECRETS names: JSON, with names in lower case."""
    # Imported here, so that a start without it stays short.
    from file_service.aws.stored_secret import SecretUnavailable, stored_secret

    assert settings.secrets is not None
    try:
        stored = json.loads(stored_secret(settings.secrets))
    except SecretUnavailable as error:
        raise ConfigurationError(f"FILE_SECRETS: {error}") from None
    except ValueError:
        raise ConfigurationError("FILE_SECRETS: what is stored there is no JSON") from None
    if not isinstance(stored, dict) or not stored or stored.keys() - _SECRET:
        raise ConfigurationError(f"FILE_SECRETS: what is stored may be {sorted(_SECRET)}, as JSON")
    if twice := sorted(name for name in stored if name in settings.model_fields_set):
        raise ConfigurationError(f"FILE_SECRETS: {', '.join(twice)} is set by a variable too")
    return stored


def _told(problem: ErrorDetails) -> str:
    """Return one line about one setting. It does not repeat the value, which may be a secret."""
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message  # It names the settings that do not fit together.
    name, *inner = map(str, problem["loc"])
    return f"FILE_{name.upper()}: {': '.join([*inner, message])}"
