"""Flask through a2wsgi: numbers as server-sent events, each when it is due."""

import time
from collections.abc import Iterator

from a2wsgi import WSGIMiddleware
from flask import Flask, Response, request

from lambda_asgi import LambdaASGI

app = Flask(__name__)


@app.get("/")
def index() -> dict[str, str]:
    return {"framework": "flask"}


@app.get("/numbers")
def numbers() -> Response:
    return Response(events(request.args.get("last", 10, type=int)), mimetype="text/event-stream")


def events(last: int) -> Iterator[bytes]:
    for number in range(1, last + 1):
        yield b"data: %d\n\n" % number
        time.sleep(0.2)  # blocks one of a2wsgi's threads, not the event loop


# A WSGI app has no lifespan.
handler = LambdaASGI(WSGIMiddleware(app), lifespan="off", response_mode="streaming")
