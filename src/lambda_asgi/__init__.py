"""An ASGI server whose transport is the Lambda Runtime API.

from lambda_asgi import LambdaASGI

handler = LambdaASGI(app)
"""

from lambda_asgi._version import __version__
from lambda_asgi.adapter import LambdaASGI

__all__ = ["LambdaASGI", "__version__"]
