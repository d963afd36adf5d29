import os

import newrelic.agent

newrelic.agent.initialize()

from common import adapt, make_app  # noqa: E402 - the agent wants to be first

if os.environ["ADAPTER"] == "runtime":
    handler = adapt(newrelic.agent.ASGIApplicationWrapper(make_app()))
else:
    from newrelic_lambda.lambda_handler import lambda_handler

    handler = lambda_handler()(adapt(make_app()))
