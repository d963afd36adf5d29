"""The developer's AWS credentials, resolved once: functions get exactly these, or none.

As the AWS SDKs and `sam local` find them.
Where botocore is installed it does it all (SSO, roles, processes);
else the environment and the plain keys of the shared credentials file are read.
"""

import asyncio
import configparser
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lambda_emulator.template.cloudformation import REGION

__all__ = ["NONE", "Credentials", "credential_variables", "region_of", "resolve"]


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str
    session_token: str | None = None
    source: str = "the environment"

    def __str__(self) -> str:
        """For the terminal: whose they are, and no more of the key than tells it from others."""
        return f"{self.source}, key ...{self.access_key[-4:]}"


NONE: Final = Credentials("NOCREDENTIALS", "none", "none", "none")
"""AWS always sets the three variables, so code may rely on them.

AWS refuses calls with these values.
"""


def credential_variables(credentials: Credentials | None) -> dict[str, str]:
    """Return the variables that make SDKs use these credentials and find no others.

    They hide files and instance roles.
    """
    given = credentials or NONE
    variables = {
        "AWS_ACCESS_KEY_ID": given.access_key,
        "AWS_SECRET_ACCESS_KEY": given.secret_key,
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if given.session_token is not None:
        variables["AWS_SESSION_TOKEN"] = given.session_token
    return variables


def region_of(shell: Mapping[str, str], profile: str | None) -> str:
    """Return the region of the shell, or of the profile, or us-east-1."""
    found = shell.get("AWS_REGION") or shell.get("AWS_DEFAULT_REGION")
    if found and not profile:
        return found
    name = profile or shell.get("AWS_PROFILE") or "default"
    parser = configparser.RawConfigParser()
    with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):
        parser.read(_path(shell, "AWS_CONFIG_FILE", "config"), "utf-8")
    for section in (f"profile {name}", name):
        if parser.has_option(section, "region"):
            return parser[section]["region"]
    return found or REGION


async def resolve(
    shell: Mapping[str, str], profile: str | None = None
) -> tuple[Credentials | None, str]:
    """Find the developer's credentials.

    Args:
        shell: The environment variables.
        profile: The profile of the command line, which wins over the shell's keys.

    Returns:
        The credentials, if any, and the problem of a named profile without credentials.
    """
    if profile is None:
        found = _from_environment(shell)
        if found is not None:
            return found, ""
    named = profile or _named(shell)
    found = _from_file(shell, named or "default")
    if found is not None:
        return found, ""
    config = _path(shell, "AWS_CONFIG_FILE", "config")
    if named is None and not config.is_file():
        return None, ""
    found, problem = await asyncio.to_thread(_from_botocore, named)
    if problem and named:
        return found, f"profile {named!r}: {problem}"
    return found, ""


def _named(shell: Mapping[str, str]) -> str | None:
    return shell.get("AWS_PROFILE") or shell.get("AWS_DEFAULT_PROFILE")


def _from_environment(shell: Mapping[str, str]) -> Credentials | None:
    access = shell.get("AWS_ACCESS_KEY_ID")
    secret = shell.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        return None
    token = shell.get("AWS_SESSION_TOKEN")
    return Credentials(access, secret, token or None)


def _path(shell: Mapping[str, str], variable: str, name: str) -> Path:
    given = shell.get(variable)
    if given:
        return Path(given)
    home = Path(shell.get("HOME") or Path.home())
    return home / ".aws" / name


def _from_file(shell: Mapping[str, str], profile: str) -> Credentials | None:
    """The plain keys of a profile."""
    parser = configparser.RawConfigParser()
    try:
        parser.read(_path(shell, "AWS_SHARED_CREDENTIALS_FILE", "credentials"), "utf-8")
        section = parser[profile]
        access = section["aws_access_key_id"]
        secret = section["aws_secret_access_key"]
    except (configparser.Error, KeyError, OSError, UnicodeDecodeError):
        return None
    token = section.get("aws_session_token")
    return Credentials(access, secret, token, f"profile {profile!r}")


def _from_botocore(profile: str | None) -> tuple[Credentials | None, str]:
    """What botocore finds, or why there is nothing."""
    try:
        import botocore.session

        session = botocore.session.Session(profile=profile)
        provider = session.get_component("credential_provider")
        provider.remove("iam-role")  # an instance's own role is no developer's
        found = session.get_credentials()
        if found is None:
            return None, "it has no credentials"
        keys = found.get_frozen_credentials()
    except ImportError:
        return None, "it has no plain keys; for SSO, roles and processes: pip install botocore"
    except Exception as error:  # whatever a profile leads to: a process, a browser, the network
        return None, " ".join(str(error).split())
    access = str(keys.access_key)
    secret = str(keys.secret_key)
    return Credentials(access, secret, keys.token, f"profile {profile!r}"), ""
