"""`python -m lambda_asgi`: what src/bootstrap runs in place of Lambda's own Python runtime."""

import os
import sys

from lambda_asgi.environment import Environment
from lambda_asgi.errors import ConfigurationError
from lambda_asgi.loading import extend_path, load
from lambda_asgi.runtime import serve


def main() -> int:
    """The process's exit code."""
    try:
        environment = Environment.read(os.environ)
    except ConfigurationError as error:
        print(f"lambda_asgi: {error}", file=sys.stderr)
        return 1
    extend_path(environment.task_root)
    return serve(environment, lambda: load(environment.handler))


if __name__ == "__main__":
    sys.exit(main())
