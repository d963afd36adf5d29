"""`app` for any ASGI server, including a Web Function's; `handler` for Event Functions."""

import logging

import file_service.no_pydantic_v1  # noqa: F401  # before FastAPI
from file_service.app import create_app
from file_service.settings import load_settings
from file_service.sources import open_source
from lambda_asgi import LambdaASGI
from lambda_asgi.stream_safety import StreamSafety

# The access log. Lambda's log handler starts at WARNING, and uvicorn has handlers for its own
# loggers only.
logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
logging.getLogger("file_service").setLevel(logging.INFO)

settings = load_settings()
source = open_source(settings.source, show_hidden=settings.show_hidden)
service = create_app(settings, source)
app = StreamSafety(service, timeout=settings.request_seconds)
handler = LambdaASGI(service)  # lambda_asgi gives the same guarantees itself.
