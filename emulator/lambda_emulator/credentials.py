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
    """What makes the SDKs in a function use these and find no others: no file, no instance role."""
    given = credentials or NONE
    variables = {
        "AWS_ACCESS_KEY_ID": given.access_key,
        "AWS_SECRET_ACCESS_KEY": given.secret_key,
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return (
        variables
        if given.session_token is None
        else variables | {"AWS_SESSION_TOKEN": given.session_token}
    )


def region_of(shell: Mapping[str, str], profile: str | None) -> str:
    """Of the shell, or else of the profile; us-east-1 where neither says any."""
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
    """The credentials; and, where a profile was named that has none, what is wrong.

    A `profile` of the command line wins over the shell's keys.
    """
    if profile is None and (found := _from_environment(shell)) is not None:
        return found, ""
    named = profile or _named(shell)
    profile = named or "default"
    if (found := _from_file(shell, profile)) is not None:
        return found, ""
    if named is None and not _path(shell, "AWS_CONFIG_FILE", "config").is_file():
        return None, ""
    found, problem = await asyncio.to_thread(_from_botocore, named)
    return found, f"profile {profile!r}: {problem}" if problem and named else ""


def _named(shell: Mapping[str, str]) -> str | None:
    return shell.get("AWS_PROFILE") or shell.get("AWS_DEFAULT_PROFILE")


def _from_environment(shell: Mapping[str, str]) -> Credentials | None:
    access, secret = shell.get("AWS_ACCESS_KEY_ID"), shell.get("AWS_SECRET_ACCESS_KEY")
    return (
        Credentials(access, secret, shell.get("AWS_SESSION_TOKEN") or None)
        if access and secret
        else None
    )


def _path(shell: Mapping[str, str], variable: str, name: str) -> Path:
    return Path(shell.get(variable) or Path(shell.get("HOME") or Path.home()) / ".aws" / name)


def _from_file(shell: Mapping[str, str], profile: str) -> Credentials | None:
    """The plain keys of a profile."""
    parser = configparser.RawConfigParser()
    try:
        parser.read(_path(shell, "AWS_SHARED_CREDENTIALS_FILE", "credentials"), "utf-8")
        section = parser[profile]
        access, secret = section["aws_access_key_id"], section["aws_secret_access_key"]
    except (configparser.Error, KeyError, OSError, UnicodeDecodeError):
        return None
    return Credentials(access, secret, section.get("aws_session_token"), f"profile {profile!r}")


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
    source = f"profile {profile!r}"
    return Credentials(str(keys.access_key), str(keys.secret_key), keys.token, source), ""
