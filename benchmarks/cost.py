"""What the measured times cost at AWS's prices: the formula and the tables of docs/cost.md."""

from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.peers import (
    ADAPTER,
    GO_URL,
    MANGUM,
    OURS,
    OURS_FASTAPI,
    OURS_IN_LOOP,
    RUST_AXUM,
)
from benchmarks.recorded import Recorded


class Price(NamedTuple):
    dollars: float
    unit: str
    sku: str
    """In AWS's price list, service code AWSLambda."""


REGION = "us-east-1"
EFFECTIVE = "2025-10-01"
DURATION = Price(
    0.0000133334, "GB-second, arm64, the first 7.5 billion of a month", "72SBSFWPMDTH8S3J"
)
REQUEST = Price(0.20 / 1e6, "request, arm64", "K7BX6567RJ67A2KE")
STREAMED = Price(0.008, "GB streamed, arm64", "NCWFKF9SX4W4MNY5")
MEMORY_MB = 1769
"""One whole processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
SECOND = DURATION.dollars * MEMORY_MB / 1024
COLD = 0.01
"""AWS says that fewer than 1 % of invocations start cold."""
LARGEST_MB, FREE_MB, MB_PER_SECOND = 200, 6, 2
"""Of one streamed response: its limit, what leaves at full speed, and the rate of the rest."""
BUFFERED_MB = 4.194304
"""A response of the work `buffered`: Mangum cannot stream."""


class Million(NamedTuple):
    """A million requests, in dollars."""

    warm: float
    init: float

    @property
    def total(self) -> float:
        return self.warm + self.init + 1e6 * REQUEST.dollars


def million(wall_us: float, next_us: float, first_us: float) -> Million:
    """Microseconds of a warm invocation, or from start to `next` plus the first invocation."""
    cold = 1e6 * COLD
    return Million(
        (1e6 - cold) * wall_us / 1e6 * SECOND, cold * (next_us + first_us) / 1e6 * SECOND
    )


def gigabyte(mb_per_s: float) -> tuple[float, float]:
    """Seconds and dollars of 1000 MB, streamed in the largest responses that there are."""
    responses = 1000 / LARGEST_MB
    paced = (LARGEST_MB - FREE_MB) / MB_PER_SECOND
    seconds = responses * max(LARGEST_MB / mb_per_s, FREE_MB / mb_per_s + paced)
    streamed = responses * (LARGEST_MB - FREE_MB) / 1000 * STREAMED.dollars
    return seconds, seconds * SECOND + responses * REQUEST.dollars + streamed


def markdown(recorded: Recorded) -> list[str]:
    works = recorded["works"]
    return [*prices(), "", *requests(works), "", *streams(works)]


def prices() -> list[str]:
    return [
        "| price | for each | SKU |",
        "|---:|---|---|",
        *(
            f"| ${f'{price.dollars:.10f}'.rstrip('0')} | {price.unit} | {price.sku} |"
            for price in (DURATION, REQUEST, STREAMED)
        ),
    ]


def requests(works: Mapping[str, Recorded]) -> list[str]:
    lines = [
        "| a million small JSON answers | warm, each | to first next | duration | init | all |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for work, peer in (
        *(("json", peer) for peer in (OURS_FASTAPI, OURS_IN_LOOP, MANGUM, ADAPTER)),
        *(("small", peer) for peer in (OURS, RUST_AXUM, GO_URL)),
    ):
        warm = works.get(work, {}).get("peers", {}).get(peer)
        start = works.get("start-peers", {}).get("peers", {}).get(peer)
        if warm and start:
            wall, begun, first = warm["wall_us"][1], start["next_us"][1], start["first_us"][1]
            cost = million(wall, begun, first)
            lines.append(
                f"| {peer} | {wall:,.0f} µs | {begun / 1000:,.0f} ms "
                f"| ${cost.warm:.4f} | ${cost.init:.4f} | ${cost.total:.3f} |"
            )
    return lines


def streams(works: Mapping[str, Recorded]) -> list[str]:
    lines = [
        "| 1 GB | can make | runs for | processor time | all |",
        "|---|---:|---:|---:|---:|",
    ]
    peers = works.get("chunks", {}).get("peers", {})
    for peer in (OURS_FASTAPI, OURS_IN_LOOP, ADAPTER, OURS, RUST_AXUM, GO_URL):
        if peer in peers:
            rate = peers[peer]["mb_per_s"][1]
            seconds, dollars = gigabyte(rate)
            busy = peers[peer]["cpu_us"][1] / 1e6 * 1000 / 210
            lines.append(
                f"| {peer} | {rate:,.0f} MB/s | {seconds:,.0f} s | {busy:.2f} s | ${dollars:.4f} |"
            )
    buffered = works.get("buffered", {}).get("peers", {}).get(MANGUM)
    if buffered:
        count = 1000 / BUFFERED_MB
        seconds = count * buffered["wall_us"][1] / 1e6
        busy = count * buffered["cpu_us"][1] / 1e6
        dollars = seconds * SECOND + count * REQUEST.dollars
        lines.append(
            f"| {MANGUM}, {count:.0f} buffered responses of 4 MiB "
            f"| {1000 / seconds:,.0f} MB/s | {seconds:,.0f} s | {busy:.2f} s | ${dollars:.4f} |"
        )
    return lines
