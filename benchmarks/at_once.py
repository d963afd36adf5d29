"""Many invocations at once in one process, as on Managed Instances.

The peer is awslambdaric's pool of processes.
"""

from benchmarks import processors
from benchmarks.measure import Figures, measured
from benchmarks.peer import Peer, Running
from benchmarks.peers import MANGUM_HANDLER, awslambdaric, lambda_asgi
from benchmarks.runs import Plan, Results, turns

# 16 for a processor is what Managed Instances give.
# Not 64 processes: each imports the app by itself, one second long.
POOL = 16


def run(plan: Plan) -> Results:
    """`step_us`: the longest step of the event loop, processor time.

    `mib`: of all processes, shared pages divided.
    """
    count = 2048 // plan.divisor
    results: dict[str, list[Figures]] = {}
    watched = Peer(
        "lambda_asgi", lambda_asgi("benchmarks.apps.bare.watched", AWS_LAMBDA_MAX_CONCURRENCY="64")
    )
    pool = Peer("awslambdaric", awslambdaric(MANGUM_HANDLER, AWS_LAMBDA_MAX_CONCURRENCY=str(POOL)))
    fastapi = Peer(
        "FastAPI",
        lambda_asgi("benchmarks.apps.frameworks.app", AWS_LAMBDA_MAX_CONCURRENCY=str(POOL)),
    )
    # On all processors: a pool of processes is made for several.
    with (
        processors.on(processors.ALL),
        Running(watched) as bare,
        Running(fastapi) as ours,
        Running(pool) as theirs,
    ):
        bare.ready(64)
        ours.ready(POOL)
        theirs.ready(POOL)
        for running in (bare, ours, theirs):
            running.run("/small", 512, at_once=POOL)
        variants = (
            ("1 at once", bare, 1),
            ("8 at once", bare, 8),
            ("64 at once", bare, 64),
            (f"FastAPI, {POOL} at once", ours, POOL),
            (f"awslambdaric + Mangum + FastAPI, {POOL} processes", theirs, POOL),
        )
        for name, running, at_once in turns(variants, plan.pairs):
            if running is bare:
                running.run("/step")
            figures = measured(running, "/small", count, at_once=at_once)
            figures["mib"] = running.memory()
            if running is bare:
                figures["step_us"] = float(running.run("/step")[0].content())
            results.setdefault(name, []).append(figures)
    return results
