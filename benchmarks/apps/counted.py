"""Imported by an app whose instructions are counted: valgrind takes 50 times as long for everything.

So nothing of lambda_asgi may depend on a clock, or an app that never waits would give up its turn all the time.
"""

from lambda_asgi import _cycle

_cycle.FAIR_SHARE = 3600.0
