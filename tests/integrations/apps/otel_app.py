import os

from common import Afterwards, adapt, make_app
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)

app = OpenTelemetryMiddleware(make_app(), exclude_spans=["receive", "send"])
if os.environ["ADAPTER"] == "runtime":
    handler = adapt(Afterwards(app, provider.force_flush))
else:
    from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor

    handler = adapt(app)
    AwsLambdaInstrumentor().instrument()  # wraps `handler`, and flushes when it returns
