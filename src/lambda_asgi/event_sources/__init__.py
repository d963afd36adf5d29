"""Events in, ASGI scopes out; responses in, function results out: one module per family of event sources.

Pure: no I/O, no clock, no environment. `infer` looks only at what tells the shapes apart.
"""

from typing import Any

from lambda_asgi.event_sources.non_http import NonHTTP
from lambda_asgi.event_sources.payload_v2 import FunctionURL
from lambda_asgi.event_sources.source import EventSource

__all__ = ["FUNCTION_URL", "NON_HTTP", "EventSource", "infer"]

FUNCTION_URL = FunctionURL()
NON_HTTP = NonHTTP()


def infer(event: Any, custom_handlers: tuple[type, ...] = ()) -> EventSource:
    """The source that made `event`. Never raises: what is no HTTP event, is `NON_HTTP`."""
    if not isinstance(event, dict):
        return NON_HTTP
    request_context = event.get("requestContext")
    if isinstance(request_context, dict) and isinstance(request_context.get("http"), dict):
        return FUNCTION_URL
    return NON_HTTP
