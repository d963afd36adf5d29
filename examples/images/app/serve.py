"""The entry point of an image that has no runtime of Lambda's: lambda_asgi speaks to the Runtime API itself."""

from main import app

import lambda_asgi

lambda_asgi.run(app)
