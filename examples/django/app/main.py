"""Django: numbers as server-sent events, each when it is due. In one file, instead of a project."""

import asyncio
import os
from collections.abc import AsyncIterator

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.urls import path

from lambda_asgi import LambdaASGI

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", ".on.aws"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ.get("SECRET_KEY", "only for the example"),
)


async def index(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"framework": "django"})


async def numbers(request: HttpRequest) -> StreamingHttpResponse:
    """Django would collect the whole body of a plain generator first, so this one is async."""
    last = int(request.GET.get("last", "10"))
    return StreamingHttpResponse(events(last), content_type="text/event-stream")


async def events(last: int) -> AsyncIterator[str]:
    for number in range(1, last + 1):
        yield f"data: {number}\n\n"
        await asyncio.sleep(0.2)


urlpatterns = [path("", index), path("numbers", numbers)]
# Django has no lifespan, and would fail if it were asked for one.
handler = LambdaASGI(get_asgi_application(), lifespan="off", response_mode="streaming")
