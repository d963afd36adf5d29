"""`python -m lambda_asgi`: the program of runtime mode. lambda_asgi/bootstrap starts it."""

import gc
import os
import sys

# A garbage collection would free nothing of what is imported here. Without one, the import takes 13
# of 261 million instructions less.
gc.disable()

# Our own modules are imported before the function's folder is first on the path. So a `token.py` or
# `logging.py` of the function cannot hide a module that we need. Our dependencies may be beside us,
# in the function or in a layer, so those folders come last. They are those of _loading.extend_path.
_PATH = list(sys.path)
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LAST = [
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
    os.environ.get("LAMBDA_TASK_ROOT") or "/var/task",
    f"/opt/python/lib/{_PYTHON}/site-packages",
    "/opt/python",
]
sys.path[:] = [folder for folder in _PATH if folder not in ("", os.getcwd(), *_LAST)] + _LAST

from lambda_asgi._adapter import LambdaASGI  # noqa: E402
from lambda_asgi._environment import Environment  # noqa: E402
from lambda_asgi._loading import extend_path, importing_for_good, load  # noqa: E402
from lambda_asgi._runtime import serve  # noqa: E402

gc.freeze()
gc.enable()
sys.path[:] = [*_PATH, *(folder for folder in _LAST[:1] if folder not in _PATH)]


def load_handler(environment: Environment) -> LambdaASGI:
    """Return the app that `_HANDLER` names."""
    extend_path(environment.task_root)
    with importing_for_good():
        return load(environment.handler)


if __name__ == "__main__":
    sys.exit(serve(os.environ, load_handler))
