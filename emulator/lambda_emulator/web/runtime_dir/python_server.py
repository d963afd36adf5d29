"""The server of a Python Web Function. AWS does not document its own; here it is uvicorn.

The emulator starts it with the revision's environment. It serves the app that
AWS_LAMBDA_PYTHON_ENTRYPOINT names (`module:callable`, by default `main:app`) at
AWS_LAMBDA_HTTP_ENDPOINT. A prefix `asgi:` or `wsgi:` names the interface of the callable.

https://docs.aws.amazon.com/lambda/latest/dg/web-functions-python.html
"""

import functools
import importlib
import inspect
import os
import sys
from typing import Any

DEFAULT = "main:app"


def main() -> None:
    try:
        import uvicorn  # before the app's folder is on the path: the server uses its own packages
        from a2wsgi import WSGIMiddleware
    except ImportError as error:
        sys.exit(
            f"lambda-emulator: a Python Web Function needs {error.name}: pip install "
            '"lambda-emulator[web]"'
        )
    sys.path.insert(0, os.environ.get("LAMBDA_TASK_ROOT", os.getcwd()))
    interface, app = load(os.environ.get("AWS_LAMBDA_PYTHON_ENTRYPOINT") or DEFAULT)
    host, _, port = os.environ["AWS_LAMBDA_HTTP_ENDPOINT"].rpartition(":")
    config = uvicorn.Config(
        app if interface == "asgi" else WSGIMiddleware(app, workers=64),
        host=host,
        port=int(port),
        interface="asgi3",
        lifespan="auto" if interface == "asgi" else "off",
        proxy_headers=False,  # the app reads the client's address from X-Forwarded-For
        server_header=False,
        access_log=False,
        log_level="warning",
    )
    uvicorn.Server(config).run()


def load(entry_point: str) -> tuple[str, Any]:
    """Return "asgi" or "wsgi", and the callable."""
    interface, app_path = "", entry_point
    if entry_point.startswith(("asgi:", "wsgi:")) and entry_point.count(":") == 2:
        interface, _, app_path = entry_point.partition(":")
    module_name, colon, name = app_path.partition(":")
    if not (module_name and colon and name):
        sys.exit(f"AWS_LAMBDA_PYTHON_ENTRYPOINT is {entry_point!r}; it has to be module:callable")
    module = importlib.import_module(module_name)
    try:
        app = functools.reduce(getattr, name.split("."), module)
    except AttributeError:
        sys.exit(
            f"{module_name} has no {name!r}: AWS_LAMBDA_PYTHON_ENTRYPOINT has to be module:callable"
        )
    if not callable(app):
        sys.exit(f"{app_path} is not callable")
    return interface or ("asgi" if is_asgi(app) else "wsgi"), app


def is_asgi(app: Any) -> bool:
    """Whether the app is a coroutine function, or an object whose `__call__` is one. All else is
    WSGI.
    """
    while isinstance(app, functools.partial):
        app = app.func
    call = getattr(app, "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call)


if __name__ == "__main__":
    main()
