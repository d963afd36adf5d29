"""Load the app that the function's Handler names."""

import gc
import importlib
import site
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lambda_asgi._adapter import LambdaASGI
from lambda_asgi._callables import FUNCTION, NO_APP, WSGI, is_mangum, is_wsgi, takes
from lambda_asgi.errors import AppImportError, ConfigurationError

# New objects between two collections. No import creates so many, unless it uses up the memory.
WHILE_IMPORTING = 10_000_000


def extend_path(task_root: str) -> None:
    """Put the function and its layers on sys.path as the managed Python runtime does.

    The function comes first, then `/opt/python/lib/pythonX.Y/site-packages` and `/opt/python`, each
    with its .pth files.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for folder in ("/opt/python", f"/opt/python/lib/python{version}/site-packages", task_root):
        site.addsitedir(folder)
        sys.path[:] = [folder, *(path for path in sys.path if path != folder)]


@contextmanager
def importing_for_good() -> Iterator[None]:
    """Keep what is imported meanwhile from the garbage collector, now and later.

    It saves 6 % of the import of FastAPI, and 7 to 30 ms of each full collection afterwards, in
    which nothing else runs. An app that configures the collector itself keeps its configuration.
    """
    threshold = gc.get_threshold()
    gc.set_threshold(WHILE_IMPORTING)
    try:
        yield
    finally:
        if gc.get_threshold()[0] == WHILE_IMPORTING:
            gc.set_threshold(*threshold)
        gc.freeze()


def load(handler: str) -> LambdaASGI:
    """Return the app that `handler` names: `module.name` or `module:name`, with dots or slashes.

    It may be a LambdaASGI, a Mangum (its app is served here) or an ASGI app.

    Raises:
        AppImportError: It cannot be imported.
        ConfigurationError: It is something else. The message says what to do.
    """
    module_name, separator, name = (
        handler.partition(":") if ":" in handler else handler.rpartition(".")
    )
    if not (module_name and separator and name):
        raise ConfigurationError(
            f"_HANDLER={handler!r}: set the function's Handler to module.name, such as main.app"
        )
    try:
        target: Any = importlib.import_module(module_name.replace("/", "."))
    except (Exception, SystemExit) as error:
        raise AppImportError(
            f"the module of Handler {handler!r} cannot be imported: {error!r}"
        ) from error
    for attribute in name.split("."):
        try:
            target = getattr(target, attribute)
        except AttributeError as error:
            raise AppImportError(f"the module of Handler {handler!r} has no {name!r}") from error
    return _adapted(handler, target)


def _adapted(handler: str, target: Any) -> LambdaASGI:
    if isinstance(target, LambdaASGI):
        return target
    if is_mangum(target):
        config = target.config
        return LambdaASGI(
            target.app,
            target.lifespan,
            config["api_gateway_base_path"],
            target.custom_handlers,
            config["text_mime_types"],
            config["exclude_headers"],
        )
    if is_wsgi(target):
        raise ConfigurationError(f"Handler {handler!r} {WSGI}")
    if not takes(target, 3):
        raise ConfigurationError(f"Handler {handler!r} {FUNCTION if takes(target, 2) else NO_APP}")
    return LambdaASGI(target)
