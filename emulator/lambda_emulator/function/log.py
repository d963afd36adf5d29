"""A process's output -> lines of its log. Pure."""

from typing import Final

from lambda_emulator import limits

__all__ = ["Lines"]

_LONGEST: Final = limits.READ_AHEAD


class Lines:
    """Collects output until its line is complete."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, without their ends. An endless one comes in pieces."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines if len(self._rest) <= _LONGEST else [*lines, *self.flush()]

    def flush(self) -> list[bytes]:
        """What was written without an end of line, if anything was."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []
