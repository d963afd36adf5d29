"""Imported by an app whose instructions are counted: under valgrind all is 50 times slower.

So nothing of lambda_asgi may depend on a clock,
or an app that never waits would give up its turn all the time.
"""

from lambda_asgi import _cycle

_cycle.FAIR_SHARE = 3600.0
