"""Both modes: a module that uses the fixture `mode` is a suite over two transports."""

from collections.abc import Iterator

import pytest

from tests.lambda_asgi.support import Mode


@pytest.fixture(params=[False, True], ids=["runtime mode", "handler mode"])
def mode(request: pytest.FixtureRequest) -> Iterator[None]:
    """In handler mode, `support.runtime` runs the app in Lambda's own loop."""
    Mode.is_handler_mode = request.param
    yield
    Mode.is_handler_mode = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip `runtime_mode` tests in handler mode, where Lambda's own loop does that part."""
    items[:] = [
        item
        for item in items
        if not (item.get_closest_marker("runtime_mode") and "handler mode" in item.name)
    ]
