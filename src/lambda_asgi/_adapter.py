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
    """Serves an ASGI app from AWS Lambda.

    In handler mode, Lambda's own loop calls `handler(event, context)`, and the response is streamed
    during that call. In runtime mode (`AWS_LAMBDA_EXEC_WRAPPER=/var/task/lambda_asgi/bootstrap`),
    our own process reads the app and these settings from this object.

    The positional parameters are Mangum's.

    Args:
        app: The ASGI 3 app.
        lifespan: "auto" and "on" run the app's lifespan, once for each execution environment. "off"
            does not. With "on", the start fails if the app does not support the lifespan.
        api_gateway_base_path: The base path mapping of a custom domain. It becomes the `root_path`.
        custom_handlers: Mangum handler classes for other events. They are tried first.
        text_mime_types: Additional media types, or parts of them, whose bodies are text in a
            buffered response.
        exclude_headers: Names of response headers to remove.
        response_mode: "buffered", "streaming", or a mode for each event source, such as
            "function-url=streaming,rest-api=buffered". The variable LAMBDA_ASGI_RESPONSE_MODE
            overrides it. A Function URL needs `InvokeMode: RESPONSE_STREAM` for "streaming" and
            `BUFFERED` for "buffered".
        strip_root_path: Remove the root path from the scope's `path`, for frameworks that ignore
            `root_path` (Falcon, Sanic).
        allow_http_events: Let HTTP clients POST to LAMBDA_ASGI_EVENT_PATH, where non-HTTP events
            go. Anyone who reaches the app can then forge an event.

    Raises:
        ConfigurationError: An argument, or an environment variable of the function, is invalid.
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
        # Decorators copy the name of what they wrap.
        self.__name__ = self.__qualname__ = "handler"
        if lambda_loop.is_running():
            self._made_handler()  # It starts the app at the end of the initialization.

    def application(self, settings: Settings) -> Application:
        """Return the app with its settings, ready to be started."""
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
        """Answer `event` inside Lambda's own loop.

        Args:
            event: The event, as decoded JSON.
            context: Lambda's context object.

        Returns:
            The function's result. If the response was streamed, the Runtime API already has it, and
            the result is for decorators only.

        Raises:
            StartupFailed: The app's lifespan failed.
            EventNotHandled: The app did not handle a non-HTTP event.
            Exception: What the app raised in the middle of a streamed response.
        """
        return (self._handler or self._made_handler())(event, context)

    def _made_handler(self) -> "Handler":
        from lambda_asgi._handler_mode.handler import Handler

        self._handler = Handler(lambda: self.application(Settings.read(os.environ)))
        return self._handler


def _mount_path(base_path: str) -> str:
    """Return "/shop" for "shop", "/shop" and "/shop/", and "" for "/"."""
    name = base_path.strip("/")
    return f"/{name}" if name else ""
