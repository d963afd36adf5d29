"""Conditional requests, RFC 9110 section 13. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

_ENTITY_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')  # section 8.8.3
# A list of entity tags. A recipient ignores empty elements (section 5.6.1.2).
_ENTITY_TAGS = re.compile(
    rf"[ \t,]*{_ENTITY_TAG.pattern}(?:[ \t]*,[ \t,]*{_ENTITY_TAG.pattern})*[ \t,]*"
)

# A date has whole seconds, and a file may change twice within one second. So a date identifies a
# version only if the version is old enough (section 8.8.2.2). Apache uses 60 seconds too.
_DATE_IS_STRONG_AFTER = timedelta(seconds=60)

# IMF-fixdate, and the two obsolete forms that every recipient must accept (section 5.6.7)
_DATE_FORMS = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")


class Outcome(Enum):
    """What the preconditions of a request mean for its response."""

    PROCEED = auto()
    NOT_MODIFIED = auto()
    PRECONDITION_FAILED = auto()


def evaluate(fields: Mapping[str, str], etag: str, modified: datetime) -> Outcome:
    """Evaluate the preconditions of a GET or HEAD, in the order of section 13.2.2.

    Args:
        fields: The header fields by lower-case name. Lines of the same name are joined by a comma.
        etag: The strong entity tag of the file.
        modified: When the file was modified, in whole seconds of UTC.
    """
    if "if-match" in fields:
        if not _matches(fields["if-match"], etag, weak=False):
            return Outcome.PRECONDITION_FAILED
    else:
        unmodified_since = http_date(fields.get("if-unmodified-since", ""))
        if unmodified_since is not None and modified > unmodified_since:
            return Outcome.PRECONDITION_FAILED

    if "if-none-match" in fields:
        if _matches(fields["if-none-match"], etag, weak=True):
            return Outcome.NOT_MODIFIED
    else:
        modified_since = http_date(fields.get("if-modified-since", ""))
        if modified_since is not None and modified <= modified_since:
            return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def revalidates(fields: Mapping[str, str]) -> bool:
    """Return whether the client has a copy, so that the response most likely has no body."""
    return "if-none-match" in fields or "if-modified-since" in fields


def if_range_holds(field: str, etag: str, modified: datetime, now: datetime) -> bool:
    """Return whether If-Range names exactly this version (section 13.1.5).

    It must be a strong entity tag, or the exact date if the date is a strong validator. A weak tag
    or a later date never matches.
    """
    if field.endswith('"'):
        return field == etag
    is_strong = now - modified > _DATE_IS_STRONG_AFTER
    return is_strong and http_date(field) == modified


def http_date(field: str) -> datetime | None:
    """Return an HTTP date in UTC, or None if it is not one (sections 13.1.3 and 13.1.4)."""
    for form in _DATE_FORMS if field else ():
        try:
            return datetime.strptime(field, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _matches(field: str, etag: str, *, weak: bool) -> bool:
    """Return whether the field is `*` or lists `etag`.

    A weak tag matches in a weak comparison only. A malformed field matches nothing.
    """
    if field.strip() == "*":
        return True
    if not _ENTITY_TAGS.fullmatch(field):
        return False
    tags = _ENTITY_TAG.findall(field)
    return any(tag == etag and (weak or not prefix) for prefix, tag in tags)
