"""The FastAPI app in handler mode.

Lambda's own Python runtime calls the handler, and the response streams inside that call.
"""

from benchmarks.apps.frameworks import app
from lambda_asgi import LambdaASGI

handler = LambdaASGI(app, lifespan="off", response_mode="streaming")
