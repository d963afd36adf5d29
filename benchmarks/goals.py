"""The goals: each one figure of ours, or its ratio to a peer's figure of the same round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measure import Figures, Spread, difference, ratio
from benchmarks.peers import (
    ADAPTER,
    GO_URL,
    HONO,
    MANGUM,
    NODE,
    OURS,
    OURS_FASTAPI,
    OURS_IN_LOOP,
    OURS_SERVICE,
    RUST_AXUM,
    SOCKET,
    UVICORN,
)


@dataclass(frozen=True)
class Goal:
    """`ours` divided by `theirs`, in `figure`, is at most `limit` (or at least, where `at_least`).

    Without `theirs`, `limit` is for the figure itself, in its own unit (measure.py).
    """

    work: str
    figure: str
    ours: str
    theirs: str
    limit: float
    at_least: bool = False
    difference: bool = False
    """Microseconds of `ours` above `theirs` rather than a ratio."""
    plain_limit: float | None = None
    """The limit on a Python that was built without optimization, where it is another one."""
    optimised_only: bool = False
    """Says nothing about a Python that was built without optimization."""

    def limit_on(self, optimised: bool) -> float:
        return self.limit if optimised or self.plain_limit is None else self.plain_limit

    def met(self, value: float, optimised: bool) -> bool | None:
        """None where the goal is not about this kind of build."""
        if self.optimised_only and not optimised:
            return None
        limit = self.limit_on(optimised)
        return value >= limit if self.at_least else value <= limit


START_OF_ZIP = "the built zip"

GOALS = (
    Goal("json", "wall_us", OURS_FASTAPI, MANGUM, 0.60, plain_limit=0.85),
    Goal("json", "cpu_us", OURS_FASTAPI, MANGUM, 0.60, plain_limit=0.85),
    Goal("json", "wall_us", OURS_IN_LOOP, MANGUM, 0.90),
    Goal("json", "wall_us", OURS_FASTAPI, ADAPTER, 0.42),
    Goal("json", "cpu_us", OURS_FASTAPI, ADAPTER, 0.42),
    Goal("json", "first_byte_p50_us", OURS_FASTAPI, ADAPTER, 0.35),
    Goal("json", "wall_us", OURS_FASTAPI, HONO, 0.95),
    Goal("small", "wall_us", OURS, RUST_AXUM, 1.0),
    Goal("small", "cpu_us", OURS, RUST_AXUM, 1.1),
    Goal("small", "wall_us", OURS, GO_URL, 0.75),
    Goal("small", "wall_us", OURS, NODE, 0.40),
    Goal("small", "cpu_us", OURS, SOCKET, 60, difference=True),
    Goal("instructions", "invocation_k", OURS, "", 345, optimised_only=True),
    Goal("instructions", "invocation_k", OURS_FASTAPI, "", 600, optimised_only=True),
    Goal("instructions", "chunk_k", OURS, "", 20, optimised_only=True),
    Goal("instructions", "message_k", OURS, "", 14, optimised_only=True),
    Goal("first-20", "wall_us", OURS, NODE, 0.50),
    Goal("message", "first_byte_p50_us", OURS_FASTAPI, ADAPTER, 0.25),
    Goal("messages", "wall_us", OURS, RUST_AXUM, 0.55),
    Goal("messages", "wall_us", OURS, GO_URL, 0.75),
    Goal("messages", "wall_us", OURS, NODE, 0.75),
    Goal("messages", "wall_us", OURS_FASTAPI, ADAPTER, 0.40),
    Goal("chunks", "mb_per_s", OURS, SOCKET, 1.1, at_least=True),
    Goal("chunks", "mb_per_s", OURS, RUST_AXUM, 1.0, at_least=True),
    Goal("chunks", "mb_per_s", OURS, GO_URL, 2.5, at_least=True),
    Goal("chunks", "mb_per_s", OURS_FASTAPI, ADAPTER, 2.0, at_least=True),
    Goal("file", "mb_per_s", OURS_FASTAPI, SOCKET, 0.90, at_least=True),
    Goal("file", "mb_per_s", OURS_SERVICE, SOCKET, 0.90, at_least=True),
    Goal("file", "mb_per_s", OURS_FASTAPI, UVICORN, 5.0, at_least=True),
    Goal("file", "mb_per_s", OURS_SERVICE, UVICORN, 5.0, at_least=True),
    Goal("memory", "mib", "streamed", "", 8),
    Goal("memory", "mib", "peer that does not read", "", 8),
    Goal("start", "next_us", START_OF_ZIP, "sam build, awslambdaric + Mangum", 0.40),
    Goal("start", "next_us", START_OF_ZIP, "the same with bytecode", 0.75),
    Goal("start-peers", "next_us", OURS_FASTAPI, ADAPTER, 0.75),
    Goal("start-peers", "mib", OURS_FASTAPI, ADAPTER, 0.75),
    Goal("at-once", "wall_us", "64 at once", "1 at once", 1 / 0.9),
    Goal("at-once", "step_us", "64 at once", "", 5000),
)


def measured_for(goal: Goal, works: Mapping[str, Mapping[str, Sequence[Figures]]]) -> Spread | None:
    """What the goal is about; None where it was not measured."""
    peers = works.get(goal.work, {})
    ours, theirs = peers.get(goal.ours, ()), peers.get(goal.theirs, ())
    if goal.difference:
        return difference(ours, theirs, goal.figure)
    if goal.theirs:
        return ratio(ours, theirs, goal.figure)
    values = [figures[goal.figure] for figures in ours if goal.figure in figures]
    return Spread.of(values) if values else None
