"""How much one response may carry on Lambda, known before its first byte. Pure.

A Function URL cuts a stream after 200 MiB without an error, and Lambda kills the function at its
deadline. In both cases the client sees a normal end. So a body that might not arrive is not begun.
"""

from typing import NamedTuple

MIB = 1024 * 1024

_MAX_LISTED = 100  # 20 GB of a file. The remaining ranges have the same size.


class StreamLimits(NamedTuple):
    """What Lambda can send, and how fast.

    The numbers are from AWS's page "Response streaming for Lambda functions". The margin is ours.
    """

    max_bytes: int
    burst_bytes: int  # Bytes that are sent at full speed.
    bytes_per_second: int  # Bytes per second of the rest.
    margin_seconds: float

    def sendable(self, seconds_left: float, reading_seconds: float = 0) -> int:
        """Return the largest body, in bytes, that surely arrives before the invocation's deadline.

        Args:
            seconds_left: The seconds until the deadline.
            reading_seconds: The time to open many files one after the other. If they can be opened
                in time, the burst is allowed even when little time is left: it takes almost no
                time, and the runtime ends a late response visibly.
        """
        seconds = seconds_left - self.margin_seconds - reading_seconds
        if reading_seconds and seconds < 0:
            return 0
        after_burst = int(max(0, seconds) * self.bytes_per_second)
        return min(self.max_bytes, self.burst_bytes + after_burst)


def ranges_to_ask_for(file_size: int, sendable: int) -> tuple[int, list[str]]:
    """Return Range fields that together cover the whole file, each small enough to be sent.

    Returns:
        The size of each range in bytes, and the first `_MAX_LISTED` fields.
    """
    step = max(MIB, sendable // MIB * MIB)
    starts = range(0, file_size, step)[:_MAX_LISTED]
    return step, [f"bytes={start}-{min(start + step, file_size) - 1}" for start in starts]
