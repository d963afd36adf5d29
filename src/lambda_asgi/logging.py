"""For an app that sets up log handlers of its own: a filter that gives each record its invocation's ids.

from lambda_asgi.logging import InvocationFilter

handler.addFilter(InvocationFilter())
"""

from lambda_asgi._logging import InvocationFilter

__all__ = ["InvocationFilter"]
