"""`handler = LambdaASGI(app)`: what a function's Handler names."""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any, Literal

from lambda_asgi._application import Application
from lambda_asgi._asgi import ASGIApp
from lambda_asgi._environment import Settings
from lambda_asgi._response_mode import EXPECTED, ResponseMode
from lambda_asgi.errors import ConfigurationError


class LambdaASGI:
    """Serves `app` from AWS Lambda.

    Under the wrapper script (`AWS_LAMBDA_EXEC_WRAPPER=/var/task/bootstrap`) the runtime takes `app` from here, and
    streams. Without it, Lambda's own runtime calls `handler(event, context)`, and the answer is buffered: the same zip
    works both ways. The parameters are Mangum's, so that one import is all there is to change.

    `lifespan`: "auto" and "on" run the app's lifespan, once per execution environment; "off" does not.
    `api_gateway_base_path`: the prefix of a custom domain's base path mapping; it becomes the scope's `root_path`.
    `custom_handlers`: Mangum handler classes for events of other shapes, tried first.
    """

    def __init__(
        self,
        app: ASGIApp,
        lifespan: Literal["auto", "on", "off"] = "auto",
        api_gateway_base_path: str = "/",
        custom_handlers: Sequence[type] | None = None,
        *,
        response_mode: str = "buffered",
    ) -> None:
        if not callable(app):
            raise ConfigurationError(f"LambdaASGI takes an ASGI app, not {type(app).__name__}")
        if lifespan not in ("auto", "on", "off"):
            raise ConfigurationError(f'lifespan={lifespan!r}: use "auto", "on" or "off"')
        try:
            self.response_mode = ResponseMode.parse(response_mode)
        except ValueError:
            raise ConfigurationError(f"response_mode={response_mode!r}: set it to {EXPECTED}") from None
        self.app = app
        self.lifespan = lifespan
        self.api_gateway_base_path = api_gateway_base_path
        self.custom_handlers = tuple(custom_handlers or ())
        self._runner: asyncio.Runner | None = None

    def application(self, settings: Settings) -> Application:
        """What answers events with this app."""
        return Application(
            self.app,
            settings,
            base_path=self.api_gateway_base_path.rstrip("/"),
            custom_handlers=self.custom_handlers,
            use_lifespan=self.lifespan != "off",
            response_mode=self.response_mode,
        )

    def __call__(self, event: Any, context: Any) -> Any:
        """Answer `event` with a whole result, as Lambda's own runtime asks for it.

        The event loop and the app's lifespan live on between calls. Raises StartupFailed, and LambdaASGIError for an
        event that is no HTTP request and that the app did not handle.
        """
        if self._runner is None:
            application = self.application(Settings.read(os.environ))
            runner = asyncio.Runner()
            try:
                runner.run(application.startup())
            except BaseException:  # the next call begins anew: an app that has not started answers nothing
                runner.close()
                raise
            self._runner, self._application = runner, application
        return self._runner.run(self._respond(event, context))

    async def _respond(self, event: Any, context: Any) -> Any:
        remaining = getattr(context, "get_remaining_time_in_millis", None)  # absent from the contexts of some tests
        deadline = time.time() + remaining() / 1000 if remaining is not None else None
        return (await self._application.exchange(event, context, deadline).answer()).value
