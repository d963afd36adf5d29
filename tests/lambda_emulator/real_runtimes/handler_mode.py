"""The probe through lambda_asgi in handler mode: AWS's own loop calls it."""

from app import app  # type: ignore[import-not-found]

from lambda_asgi import LambdaASGI

handler = LambdaASGI(app, response_mode="streaming")
