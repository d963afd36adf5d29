from aws_lambda_powertools.utilities.data_classes import LambdaFunctionUrlEvent, event_source
from common import adapt, make_app

call = adapt(make_app())


@event_source(data_class=LambdaFunctionUrlEvent)
def handler(event, context):
    assert event.request_context.http.method == "GET"
    return call(event, context)
