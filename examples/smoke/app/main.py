"""The probe of `lambda-emulator smoke`, as an Event Function."""

from probe import app

from lambda_asgi import LambdaASGI

handler = LambdaASGI(app, response_mode="streaming")
