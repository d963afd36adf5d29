"""From `_HANDLER` to an app."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambda_asgi import LambdaASGI
from lambda_asgi._loading import extend_path, load
from lambda_asgi.errors import AppImportError, ConfigurationError

MODULE = """
import functools

from lambda_asgi import LambdaASGI
from mangum import Mangum

async def app(scope, receive, send): ...

class Flexible:
    async def __call__(self, *args): ...

class Site:
    app = staticmethod(app)

class Custom: ...

flexible = Flexible()
site = Site()
adapted = LambdaASGI(app, lifespan="off")
mangum = Mangum(app, lifespan="off", api_gateway_base_path="/v1", custom_handlers=[Custom])
text = "app"

def lambda_handler(event, context): ...

@functools.wraps(adapted)
def decorated(event, context):
    return adapted(event, context)

class PlainSubclass(Mangum): ...

class Subclass(Mangum):
    def __call__(self, event, context):
        return super().__call__(event, context)

plain_subclass = PlainSubclass(app, lifespan="off")
subclass = Subclass(app, lifespan="off")

def wsgi_app(environ, start_response): ...

class WSGIApp:
    def __call__(self, environ, start_response): ...

wsgi_object = WSGIApp()
"""


@pytest.fixture(autouse=True)
def task_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "handler_module.py").write_text(MODULE)
    (tmp_path / "handler_package").mkdir()
    (tmp_path / "handler_package" / "__init__.py").write_text("")
    (tmp_path / "handler_package" / "main.py").write_text(MODULE)
    (tmp_path / "exits.py").write_text("raise SystemExit(3)")
    (tmp_path / "lacks.py").write_text("import no_such_module_at_all")
    (tmp_path / "wrong.py").write_text("def app(:")
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    extend_path(str(tmp_path))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # a Mangum makes one where there is none, and leaves it open
    yield tmp_path
    asyncio.set_event_loop(None)
    loop.close()
    for name in set(sys.modules) - before:
        if name.startswith(("handler_", "exits", "lacks", "wrong")):
            del sys.modules[name]


@pytest.mark.parametrize(
    "handler",
    [
        "handler_module.app",
        "handler_module:app",
        "handler_package.main.app",
        "handler_package/main.app",
        "handler_package.main:app",
        "handler_module:site.app",
        "handler_module.flexible",
    ],
)
def test_a_bare_app(handler: str) -> None:
    loaded = load(handler)
    assert loaded.lifespan == "auto"
    assert callable(loaded.app)


def test_an_adapted_app() -> None:
    assert load("handler_module.adapted").lifespan == "off"


def test_a_mangum_is_taken_apart() -> None:
    loaded = load("handler_module.mangum")
    module = sys.modules["handler_module"]
    assert (loaded.app, loaded.lifespan, loaded.api_gateway_base_path) == (module.app, "off", "/v1")
    assert loaded.custom_handlers == (module.Custom,)


@pytest.mark.parametrize("handler", ["", "app", "main.", ".app", ":app", "main:"])
def test_a_handler_that_names_nothing(handler: str) -> None:
    with pytest.raises(ConfigurationError, match="set the function's Handler"):
        load(handler)


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        ("no_such_handler.app", "ModuleNotFoundError"),
        ("..app", "TypeError"),
        ("lacks.app", "no_such_module_at_all"),
        ("exits.app", "SystemExit"),
        ("wrong.app", "SyntaxError"),
        ("handler_module.missing", "has no 'missing'"),
        ("handler_module:site.missing", "has no 'site.missing'"),
    ],
)
def test_a_handler_that_cannot_be_imported(handler: str, why: str) -> None:
    with pytest.raises(AppImportError, match=why) as caught:
        load(handler)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text", "is no ASGI app"),
        ("Custom", "is no ASGI app"),
        ("lambda_handler", "Use handler mode: remove AWS_LAMBDA_EXEC_WRAPPER"),
        ("decorated", "Use handler mode: remove AWS_LAMBDA_EXEC_WRAPPER"),
        ("subclass", "Use handler mode: remove AWS_LAMBDA_EXEC_WRAPPER"),
        ("wsgi_app", "is a WSGI app. Install a2wsgi"),
        ("wsgi_object", "is a WSGI app. Install a2wsgi"),
    ],
)
def test_a_handler_that_is_no_app(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load(f"handler_module.{name}")


def test_a_wsgi_app_in_an_adapter() -> None:
    def app(environ: Any, start_response: Any) -> Any: ...

    with pytest.raises(ConfigurationError, match="is a WSGI app"):
        LambdaASGI(app)  # type: ignore[arg-type]  # that is the point


def test_a_subclass_of_mangum_that_adds_nothing_is_taken_apart() -> None:
    assert load("handler_module.plain_subclass").app is sys.modules["handler_module"].app


def test_the_path_is_that_of_the_managed_runtime(task_root: Path) -> None:
    (task_root / "vendored").mkdir()
    (task_root / "vendored.pth").write_text("vendored\n")
    extend_path(str(task_root))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    layers = [f"/opt/python/lib/python{version}/site-packages", "/opt/python"]
    assert sys.path[:3] == [str(task_root), *layers]
    assert str(task_root / "vendored") in sys.path
    assert sys.path.count(str(task_root)) == 1
