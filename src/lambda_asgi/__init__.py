"""An ASGI server whose transport is the Lambda Runtime API.

    from lambda_asgi import LambdaASGI

    handler = LambdaASGI(app)

`lambda_asgi.testing` invokes an app in tests. `lambda_asgi.run(app)` serves an app from a program
of your own, such as a container image's.
"""

from typing import TYPE_CHECKING

from lambda_asgi._adapter import LambdaASGI
from lambda_asgi._version import __version__

if TYPE_CHECKING:
    from lambda_asgi._runtime import run

__all__ = ["LambdaASGI", "__version__", "run"]


def __getattr__(name: str) -> object:
    """Import `run` when it is used. Handler mode does not need our event loop."""
    if name != "run":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lambda_asgi._runtime import run

    return run
