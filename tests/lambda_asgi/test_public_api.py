"""docs/api.md lists everything that has a public name: what users may import."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import lambda_asgi

ROOT = Path(__file__).parents[2]
PUBLIC = {
    "lambda_asgi",
    "lambda_asgi.errors",
    "lambda_asgi.logging",
    "lambda_asgi.stream_safety",
    "lambda_asgi.testing",
}


def test_every_other_module_is_private_by_name() -> None:
    found = {"lambda_asgi"}
    for module in pkgutil.walk_packages(lambda_asgi.__path__, "lambda_asgi."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            found.add(module.name)
    assert found == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_module_says_what_is_public(name: str) -> None:
    module = importlib.import_module(name)
    assert len(module.__all__) == len(set(module.__all__))
    for public in module.__all__:
        assert getattr(module, public) is not None
        assert public == "__version__" or not public.startswith("_")
        described = getattr(module, public)
        assert isinstance(described, str) or described.__doc__, public


def test_the_page_lists_all_of_it_and_nothing_else() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    listed = set(re.findall(r"^\| `(lambda_asgi[\w.]*)` \| `(\w+)` \|", page, re.MULTILINE))
    assert listed == {
        (name, public) for name in PUBLIC for public in importlib.import_module(name).__all__
    }
