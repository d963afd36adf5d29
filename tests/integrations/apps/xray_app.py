import os

from aws_xray_sdk.core import xray_recorder
from common import adapt, make_app


class Subsegment:
    """An ASGI app, with a subsegment around each request."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        async with xray_recorder.in_subsegment_async(scope["path"]):
            return await self.app(scope, receive, send)


if os.environ["ADAPTER"] == "runtime":
    handler = adapt(Subsegment(make_app()))
else:
    call = adapt(make_app())

    def handler(event, context):
        with xray_recorder.in_subsegment(event["rawPath"]):
            return call(event, context)
