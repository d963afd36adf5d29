"""What is known about who sent a request. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from file_service.problem import Problem


@dataclass(frozen=True, slots=True)
class Share:
    """What a share link says: `path` of the source, made by `user`, until `expires`."""

    path: str  # of one file, or with a slash at its end of a folder
    user: str
    expires: datetime  # in UTC, whole seconds


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` is a user or an IAM ARN; None is a visitor, or whoever has a share link."""

    name: str | None = None
    folder: str = ""  # all of the source that they see; empty is the root
    share: Share | None = None


def folder_of(arn: str | None, prefixes: Mapping[str, str]) -> str:
    """The folder of an IAM caller. `prefixes`: patterns of ARNs (`*`, `?`); the first match counts.

    Raises a 403 when none does.
    """
    for pattern, prefix in prefixes.items():
        if arn is not None and fnmatchcase(arn, pattern):
            return prefix
    raise Problem(
        403,
        "No folder is set for this caller."
        if arn
        else "This service asks for requests signed by IAM.",
    )
