"""`handler = LambdaASGI(app)`: what a function's Handler names."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from lambda_asgi._application import Application
from lambda_asgi._asgi import ASGIApp
from lambda_asgi._callables import WSGI, is_wsgi
from lambda_asgi._environment import Settings
from lambda_asgi._event_sources import EventOptions
from lambda_asgi._handler_mode import lambda_loop
from lambda_asgi._response_mode import EXPECTED, ResponseMode
from lambda_asgi.errors import ConfigurationError

if TYPE_CHECKING:
    from lambda_asgi._handler_mode.handler import Handler


class LambdaASGI:
    """Serves `app` from AWS Lambda, in either mode.

    In handler mode, Lambda's own loop calls `handler(event, context)`, and a response is streamed from
    inside that call. In runtime mode (`AWS_LAMBDA_EXEC_WRAPPER=/var/task/lambda_asgi/bootstrap`), our own process
    takes `app` from here. The positional parameters are Mangum's.

    `response_mode`: "buffered", "streaming", or a mode for each event source, such as
    "function-url=streaming,rest-api=buffered". LAMBDA_ASGI_RESPONSE_MODE wins over it. A Function URL
    needs `InvokeMode: RESPONSE_STREAM` for "streaming", and `BUFFERED` for "buffered".

    `lifespan`: "auto" and "on" run the app's lifespan, once per execution environment; "off" does not. With "on", an
    app that does not answer to it has failed to start.
    `api_gateway_base_path`: the prefix of a custom domain's base path mapping; it becomes the scope's `root_path`.
    `custom_handlers`: Mangum handler classes for events of other shapes, tried first.
    `text_mime_types`: more media types, or parts of them, whose bodies are text in a buffered result.
    `exclude_headers`: names of response headers that are not passed on.
    `strip_root_path`: True for frameworks that ignore `root_path` (Falcon, Sanic): the scope's `path`
    then does not include the root path.
    `allow_http_events`: True lets HTTP requests POST to LAMBDA_ASGI_EVENT_PATH, where non-HTTP events
    go. Anyone who reaches the app can then make up an event.
    """

    def __init__(
        self,
        app: ASGIApp,
        lifespan: Literal["auto", "on", "off"] = "auto",
        api_gateway_base_path: str = "/",
        custom_handlers: Sequence[type] | None = None,
        text_mime_types: Sequence[str] | None = None,
        exclude_headers: Sequence[str] | None = None,
        *,
        response_mode: str = "buffered",
        strip_root_path: bool = False,
        allow_http_events: bool = False,
    ) -> None:
        if not callable(app):
            raise ConfigurationError(f"LambdaASGI takes an ASGI app, not {type(app).__name__}")
        if is_wsgi(app):
            raise ConfigurationError(f"{app!r:.100} {WSGI}")
        if lifespan not in ("auto", "on", "off"):
            raise ConfigurationError(f'lifespan={lifespan!r}: use "auto", "on" or "off"')
        try:
            self.response_mode = ResponseMode.parse(response_mode)
        except ValueError:
            raise ConfigurationError(
                f"response_mode={response_mode!r}: set it to {EXPECTED}"
            ) from None
        self.app = app
        self.lifespan = lifespan
        self.api_gateway_base_path = api_gateway_base_path
        self.custom_handlers = tuple(custom_handlers or ())
        self.text_mime_types = tuple(text_mime_types or ())
        self.exclude_headers = tuple(exclude_headers or ())
        self.strip_root_path = strip_root_path
        self.allow_http_events = allow_http_events
        self._handler: Handler | None = None
        # Decorators name what they wrap.
        self.__name__ = self.__qualname__ = "handler"
        if lambda_loop.is_running():
            self._made_handler()  # it starts the app at the end of the initialization

    def application(self, settings: Settings) -> Application:
        """What answers events with this app."""
        return Application(
            self.app,
            settings,
            EventOptions(
                base_path=_mount_path(self.api_gateway_base_path),
                event_path=settings.event_path,
                event_host=settings.event_host,
                allow_http_events=self.allow_http_events,
                strip_root_path=self.strip_root_path,
                custom_handlers=self.custom_handlers,
                text_types=self.text_mime_types,
                exclude_headers=frozenset(
                    name.lower().encode("latin-1") for name in self.exclude_headers
                ),
            ),
            lifespan=self.lifespan,
            response_mode=self.response_mode,
        )

    def __call__(self, event: Any, context: Any) -> Any:
        """Answer `event` from inside Lambda's own loop, which calls this. The function's result.

        When this event's response is streamed, it has already been sent to the Runtime API when
        this returns. Raises what the app raised in the middle of its response, StartupFailed, and
        EventNotHandled for an event that is no HTTP request and that the app did not handle.
        """
        return (self._handler or self._made_handler())(event, context)

    def _made_handler(self) -> "Handler":
        from lambda_asgi._handler_mode.handler import Handler

        self._handler = Handler(lambda: self.application(Settings.read(os.environ)))
        return self._handler


def _mount_path(base_path: str) -> str:
    """ "/shop" for any of "shop", "/shop" and "/shop/"; "" for "/"."""
    name = base_path.strip("/")
    return f"/{name}" if name else ""
