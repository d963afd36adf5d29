"""Event loops whose clocks a test can put forward."""

import asyncio
import selectors
import weakref


class WatchedSelector(selectors.DefaultSelector):
    """Tells other threads whether its loop has anything to do."""

    waits = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.waits = timeout is None or timeout > 0
        try:
            return super().select(timeout)
        finally:
            self.waits = False


class ForwardLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be put forward."""

    ahead = 0.0
    patience: asyncio.Timeout | None = None

    def __init__(self) -> None:
        self.selector = WatchedSelector()
        super().__init__(self.selector)
        _loops.add(self)

    def time(self) -> float:
        return super().time() + self.ahead

    def go_ahead(self, seconds: float) -> None:
        self.ahead += seconds
        if self.patience is not None:  # `play`'s own patience is of real seconds
            self.patience.reschedule((self.patience.when() or 0.0) + seconds)


_loops: "weakref.WeakSet[ForwardLoop]" = weakref.WeakSet()


def pass_time(seconds: float) -> None:
    """Let all timers believe that so much time has passed.

    This works in a scenario of `play`, or on a ForwardLoop. Then a deadline comes when the test
    says so, and not while a slow machine is still busy.
    """
    mine = asyncio.get_running_loop()
    assert isinstance(mine, ForwardLoop)
    mine.go_ahead(seconds)
    for loop in list(_loops):
        if loop is not mine and not loop.is_closed():
            loop.call_soon_threadsafe(_after_turns, TURNS, loop, seconds)


def others_wait() -> bool:
    """Return whether the event loops of all other threads have nothing to do."""
    mine = asyncio.get_running_loop()
    return all(
        loop.selector.waits for loop in list(_loops) if loop is not mine and loop.is_running()
    )


# A loop in another thread may be about to set its timers. These many turns later it has set them.
TURNS = 10


def _after_turns(turns: int, loop: ForwardLoop, seconds: float) -> None:
    if turns:
        loop.call_soon(_after_turns, turns - 1, loop, seconds)
    else:
        loop.go_ahead(seconds)
