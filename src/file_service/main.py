"""`app` for any ASGI server, `handler` for Lambda."""

import logging

from file_service.app import create_app
from file_service.settings import load_settings
from file_service.sources import open_source
from lambda_asgi import LambdaASGI

# The access log, where nobody has set logging up yet (uvicorn has its own loggers only).
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")

settings = load_settings()
app = create_app(settings, open_source(settings))
handler = LambdaASGI(app)
