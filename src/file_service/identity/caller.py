"""What is known about the sender of a request. Pure."""

from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import NamedTuple

from file_service.problem import Problem


class Share(NamedTuple):
    """What a share link contains: `path` of the source, its creator, when it expires."""

    path: str  # A file, or a folder if it ends with a slash.
    user: str
    expires: datetime  # in UTC, whole seconds


class Caller(NamedTuple):
    """The sender. `name` is a user or an IAM ARN. It is None for a visitor and for a share link."""

    name: str | None = None
    folder: str = ""  # The folder of the source that the caller sees. Empty is the root.
    share: Share | None = None


def folder_of(arn: str | None, prefixes: Mapping[str, str]) -> str:
    """Return the folder of an IAM caller.

    Args:
        arn: The caller's ARN. None: the request is not signed.
        prefixes: Folders by ARN pattern (`*`, `?`). The first match counts.

    Raises:
        Problem: A 403, if no pattern matches.
    """
    if arn is None:
        raise Problem(403, "This service asks for requests signed by IAM.")
    for pattern, prefix in prefixes.items():
        if fnmatchcase(arn, pattern):
            return prefix
    raise Problem(403, "No folder is set for this caller.")
