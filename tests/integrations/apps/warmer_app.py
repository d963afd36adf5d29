from common import adapt, make_app
from lambdawarmer import warmer

call = adapt(make_app())


@warmer
def handler(event, context):
    return call(event, context)
