"""How much one response may carry on Lambda, known before its first byte. Pure.

A Function URL cuts a stream after 200 MiB without a word, and the function is killed at its deadline; either way the
client sees a normal end. So a body that might not arrive is never begun.
"""

from dataclasses import dataclass

MIB = 1024 * 1024

_MAX_LISTED = 100  # 20 GB of a file; the rest goes on in the same steps


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """The numbers of AWS's page "Response streaming for Lambda functions", and a margin for the time."""

    max_bytes: int
    burst_bytes: int  # leave at full speed
    bytes_per_second: int  # of what comes after them
    margin_seconds: float

    def sendable(self, seconds_left: float, reading_seconds: float = 0) -> int:
        """The largest body that surely arrives in the time that the invocation has left.

        `reading_seconds`: what it takes to open many files one after the other. Where they fit,
        a burst is let through even when time is short: it takes no time worth counting, and the
        runtime ends a response visibly at its deadline.
        """
        seconds = seconds_left - self.margin_seconds - reading_seconds
        if reading_seconds and seconds < 0:
            return 0
        return min(self.max_bytes, self.burst_bytes + int(max(0, seconds) * self.bytes_per_second))


def ranges_to_ask_for(file_size: int, sendable: int) -> tuple[int, list[str]]:
    """The whole file in Range fields that each fit: the bytes of each, and the first `_MAX_LISTED` of them."""
    step = max(MIB, sendable // MIB * MIB)
    starts = range(0, file_size, step)[:_MAX_LISTED]
    return step, [f"bytes={start}-{min(start + step, file_size) - 1}" for start in starts]
