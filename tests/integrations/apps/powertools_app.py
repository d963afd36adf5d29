import os

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from common import Afterwards, adapt, make_app

logger, tracer, metrics = Logger(), Tracer(), Metrics(namespace="Test")


async def app(scope, receive, send):
    """Logs, counts and traces each request."""
    if scope["type"] == "http":
        logger.info("asked for", extra={"path": scope["path"]})
        metrics.add_metric(name="Requests", unit=MetricUnit.Count, value=1)
    await served(scope, receive, send)


served = make_app()

if os.environ["ADAPTER"] == "runtime":

    async def traced(scope, receive, send):
        if scope["type"] != "http":
            return await app(scope, receive, send)
        async with tracer.provider.in_subsegment_async(name="## app"):
            return await app(scope, receive, send)

    handler = adapt(Afterwards(traced, metrics.flush_metrics))
else:
    call = adapt(app)

    @logger.inject_lambda_context
    @metrics.log_metrics
    @tracer.capture_lambda_handler
    def handler(event, context):
        return call(event, context)
