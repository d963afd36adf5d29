"""Tell the operator about names that this service cannot serve."""

import logging
from collections.abc import Sequence

_NAMED = 5  # Names in one log line

_log = logging.getLogger("file_service.sources")


def log_skipped(folder: str, names: Sequence[str]) -> None:
    """Log some of `names`, as the store has them."""
    more = "" if len(names) <= _NAMED else f" and {len(names) - _NAMED} more"
    some = ", ".join(ascii(name) for name in names[:_NAMED])
    _log.warning("Skipped below %r, because no URL can name it: %s%s", folder or "/", some, more)
