"""Tells what it was asked, behind any front; /binary answers with bytes that are no text."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lambda_asgi import LambdaASGI


async def told(request: Request) -> Response:
    answer = JSONResponse(
        {
            "method": request.method,
            "path": request.scope["path"],
            "root_path": request.scope["root_path"],
            "query": request.query_params.multi_items(),
            "cookies": request.cookies,
            "header": request.headers.get("x-one"),
            "body": (await request.body()).hex(),
            "source": request.scope["aws.event_source"],
        },
        201,
    )
    answer.set_cookie("a", "1")
    answer.set_cookie("b", "2")
    return answer


async def binary(request: Request) -> Response:
    return Response(b"\x89PNG\xff", media_type="image/png")


METHODS = ["GET", "POST"]
app = Starlette(
    routes=[Route("/binary", binary), Route("/{rest:path}", told, methods=METHODS)],
)
handler = LambdaASGI(app, lifespan="off", response_mode="streaming")
