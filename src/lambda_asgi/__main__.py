"""`python -m lambda_asgi`: what lambda_asgi/bootstrap runs in place of Lambda's own Python runtime."""

import os
import sys

from lambda_asgi._adapter import LambdaASGI
from lambda_asgi._environment import Environment
from lambda_asgi._loading import extend_path, importing_for_good, load
from lambda_asgi._runtime import serve


def load_handler(environment: Environment) -> LambdaASGI:
    """The app that `_HANDLER` names."""
    extend_path(environment.task_root)
    with importing_for_good():
        return load(environment.handler)


if __name__ == "__main__":
    sys.exit(serve(os.environ, load_handler))
