"""A pytest plugin for Mangum's own tests: `from mangum import Mangum` gives our adapter."""

from collections.abc import Iterator
from typing import Any

import mangum
import mangum.adapter
import pytest

from lambda_asgi import LambdaASGI

_made: list[LambdaASGI] = []


class Adapter(LambdaASGI):
    """An adapter whose event loop ends with its test. On Lambda it ends with the process."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _made.append(self)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _made:
        handler = _made.pop()._handler
        if handler is not None:
            handler.close()


mangum.Mangum = mangum.adapter.Mangum = Adapter  # type: ignore[misc, assignment]
