"""Parse the name or ARN of a function, with or without a qualifier. Pure."""

import re
from typing import Final

__all__ = ["parse_name"]

_NAME: Final = re.compile(
    r"(arn:aws:lambda:[^:]+:\d+:function:|\d+:function:)?(?P<name>[^:]+)(:(?P<qualifier>[^:]+))?"
)


def parse_name(text: str) -> tuple[str, str] | None:
    """The name and the qualifier; None where it is no such text.

    >>> parse_name("arn:aws:lambda:us-east-1:123456789012:function:Api:live")
    ('Api', 'live')
    >>> parse_name("Api")
    ('Api', '$LATEST')
    """
    match = _NAME.fullmatch(text)
    return (match["name"], match["qualifier"] or "$LATEST") if match else None
