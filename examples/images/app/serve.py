"""The entry point of an image without Lambda's runtime: lambda_asgi uses the Runtime API itself."""

from main import app

import lambda_asgi

lambda_asgi.run(app)
