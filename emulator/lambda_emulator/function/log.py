"""Split a process's output into lines of its log. Pure."""

from typing import Final

from lambda_emulator import limits

__all__ = ["Lines"]

_LONGEST: Final = limits.READ_AHEAD


class Lines:
    """Collects output until a line is complete."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the complete lines, without their ends. A very long line comes in pieces."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines if len(self._rest) <= _LONGEST else [*lines, *self.flush()]

    def flush(self) -> list[bytes]:
        """Return the output after the last complete line."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []
