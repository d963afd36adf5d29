"""What `lambda-emulator main:app` serves: an ASGI app or a handler, without a template."""

import ast
import re
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from lambda_emulator.options import Options
from lambda_emulator.template.config import FunctionConfig, FunctionURL
from lambda_emulator.template.document import TemplateError

__all__ = ["local_app"]

_TIMEOUT: Final = 30
"""Seconds. Lambda's default of 3 would cut the streams that people try first."""
_ADAPTERS: Final = ("LambdaASGI", "Mangum")
"""What makes a handler of an ASGI app."""
_RESPONSE_MODES: Final = {"RESPONSE_STREAM": "streaming", "BUFFERED": "buffered"}
_PACKAGES: Final = {
    "lambda-asgi": "lambda_asgi",
    "handler-mode": "lambda_asgi",
    "awslambdaric": "awslambdaric",
}
_HANDLER_MODE: Final = """\
from importlib import import_module
from operator import attrgetter

from lambda_asgi import LambdaASGI

handler = LambdaASGI(attrgetter({name!r})(import_module({module!r})))
"""


def local_app(options: Options) -> FunctionConfig:
    """Return the function that `options.app` names.

    Raises:
        TemplateError: The message says what to install or to write.
    """
    module, name = re.split(r"[:.](?=\w+$)", options.app or "", maxsplit=1)
    module = module.replace(":", ".").replace("/", ".")
    folder = (options.app_dir or Path()).absolute()
    source = _source(folder, module)
    invoke_mode = options.invoke_mode or "RESPONSE_STREAM"
    found = FunctionConfig(
        logical_id=folder.name or "app",
        name=folder.name or "app",
        code=folder,
        handler=f"{module}.{name}",
        runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        timeout=_TIMEOUT,
        environment={"LAMBDA_ASGI_RESPONSE_MODE": _RESPONSE_MODES[invoke_mode]},
        url=FunctionURL("NONE", invoke_mode),
        region=options.region,
    )
    if options.command:
        return found
    default = "awslambdaric" if _is_handler(source, name) else "lambda-asgi"
    runtime = options.runtime or default
    _check_packages(runtime, options)
    if runtime == "lambda-asgi":
        wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": str(_bootstrap())}
        return replace(found, environment={**found.environment, **wrapper})
    if runtime == "handler-mode":
        layer_module = _HANDLER_MODE.format(module=module, name=name)
        return replace(found, handler="lambda_emulator_handler.handler", layer_module=layer_module)
    return found


def _source(folder: Path, module: str) -> Path:
    """Return the file of a module."""
    path = folder.joinpath(*module.split("."))
    for candidate in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    raise TemplateError(
        f"there is no {path.name}.py in {path.parent}; name another app "
        "(lambda-emulator MODULE:APP), or its folder (--app-dir FOLDER)"
    )


def _check_packages(runtime: str, options: Options) -> None:
    needed = [_PACKAGES[runtime]]
    if runtime == "handler-mode":
        needed.append("awslambdaric")
    for name in needed:
        if find_spec(name) is None:
            advice = f"pip install {name.replace('_', '-')}"
            raise TemplateError(f"{options.app} needs {name}, which is not installed: {advice}")


def _bootstrap() -> Path:
    spec = find_spec("lambda_asgi")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("bootstrap")


def _is_handler(source: Path, name: str) -> bool:
    """Return whether it is a function of two parameters, or what an adapter returns.

    The source is read, and nothing is imported.
    """
    try:
        tree = ast.parse(source.read_bytes())
    except (SyntaxError, ValueError):
        return False  # the runtime reports it, with the line
    return any(_makes_handler(node, name) for node in tree.body)


def _makes_handler(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name == name and len(node.args.posonlyargs + node.args.args) == 2
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
        return False
    targets = [target.id for target in node.targets if isinstance(target, ast.Name)]
    if name not in targets:
        return False
    called = node.value.func
    if isinstance(called, ast.Attribute):
        return called.attr in _ADAPTERS
    return isinstance(called, ast.Name) and called.id in _ADAPTERS
