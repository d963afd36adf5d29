"""How much a process grows while it streams 200 MiB.

One peer reads the stream and one does not.
"""

import time

from benchmarks.measure import Figures
from benchmarks.runs import Plan, Results, started
from benchmarks.runtime_api import Answer


def run(plan: Plan) -> Results:
    streamed: list[Figures] = []
    stalled: list[Figures] = []
    with started("lambda_asgi", {}) as running:
        running.run("/chunks/10")
        for _ in range(plan.pairs):
            before = running.resident()
            running.forget_peak()
            running.run("/chunks/3199")
            streamed.append({"mib": running.peak() - before})

            before = running.resident()
            running.forget_peak()
            waited: list[float] = []

            def stall(answer: Answer, waited: list[float] = waited) -> None:
                if answer.received > 1024 * 1024 and not waited:
                    time.sleep(0.5)
                    waited.append(running.peak())

            running.server.stall = stall
            running.run("/chunks/3199")
            running.server.stall = None
            stalled.append({"mib": max(waited) - before})
    return {"streamed": streamed, "peer that does not read": stalled}
