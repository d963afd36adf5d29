"""From the function's Handler to an app."""

import importlib
import inspect
import site
import sys
from collections.abc import Callable
from typing import Any

from lambda_asgi.adapter import LambdaASGI
from lambda_asgi.errors import AppImportError, ConfigurationError


def extend_path(task_root: str) -> None:
    """Put the function and its layers on sys.path as the managed Python runtime does: the function first, then
    `/opt/python/lib/pythonX.Y/site-packages` and `/opt/python`, each with its .pth files."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for folder in ("/opt/python", f"/opt/python/lib/python{version}/site-packages", task_root):
        site.addsitedir(folder)
        sys.path[:] = [folder, *(path for path in sys.path if path != folder)]


def load(handler: str) -> LambdaASGI:
    """The app that `handler` names: `module.name`, or `module:name`; the module may have dots or slashes.

    It may be a LambdaASGI, a Mangum (taken apart: its app streams here), or an ASGI app. Raises AppImportError when it
    cannot be imported, ConfigurationError when it is something else.
    """
    module_name, separator, name = handler.partition(":") if ":" in handler else handler.rpartition(".")
    if not (module_name and separator and name):
        raise ConfigurationError(f"_HANDLER={handler!r}: set the function's Handler to module.name, such as main.app")
    try:
        target: Any = importlib.import_module(module_name.replace("/", "."))
    except (Exception, SystemExit) as error:
        raise AppImportError(f"the module of Handler {handler!r} cannot be imported: {error!r}") from error
    for attribute in name.split("."):
        try:
            target = getattr(target, attribute)
        except AttributeError as error:
            raise AppImportError(f"the module of Handler {handler!r} has no {name!r}") from error
    return _adapted(handler, target)


def _adapted(handler: str, target: Any) -> LambdaASGI:
    if isinstance(target, LambdaASGI):
        return target
    if type(target).__module__.partition(".")[0] == "mangum":
        base_path = target.config["api_gateway_base_path"]
        return LambdaASGI(target.app, target.lifespan, base_path, target.custom_handlers)
    if not _takes_three(target):
        raise ConfigurationError(
            f"Handler {handler!r} is no ASGI app: it cannot be called with (scope, receive, send). "
            "Name the app itself, or handler = LambdaASGI(app)"
        )
    return LambdaASGI(target)


def _takes_three(target: Callable[..., Any]) -> bool:
    try:
        inspect.signature(target).bind(None, None, None)
    except (TypeError, ValueError):
        return False
    return True
