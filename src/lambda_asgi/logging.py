"""A logging filter that adds the invocation's ids to each record, for log handlers of your own.

from lambda_asgi.logging import InvocationFilter

handler.addFilter(InvocationFilter())
"""

from lambda_asgi._logging import InvocationFilter

__all__ = ["InvocationFilter"]
