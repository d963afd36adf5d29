import os

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from common import adapt, make_app
from fastapi import Request

processor = BatchProcessor(event_type=EventType.SQS)
app = make_app()


def process(record):
    if record.body == "bad":
        raise ValueError(record.body)


def failures(event, context):
    return process_partial_response(event=event, record_handler=process, processor=processor, context=context)


if os.environ["ADAPTER"] == "runtime":

    @app.post("/events")
    def events(event: dict, request: Request):  # type: ignore[type-arg]
        return failures(event, request.scope["aws.context"])

    handler = adapt(app)
else:
    call = adapt(app)

    def handler(event, context):
        return failures(event, context) if "Records" in event else call(event, context)
