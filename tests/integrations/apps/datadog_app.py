import os

from common import Afterwards, adapt, make_app

if os.environ["ADAPTER"] == "runtime":
    from ddtrace import patch, tracer

    patch(fastapi=True)

    handler = adapt(Afterwards(make_app(), tracer.flush))
elif os.environ["HOOK"] == "decorator":
    from datadog_lambda.wrapper import datadog_lambda_wrapper

    handler = datadog_lambda_wrapper(adapt(make_app()))
else:  # the function's Handler is Datadog's, which calls this one
    handler = adapt(make_app())
