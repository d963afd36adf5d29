from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx


def test_four_streams_at_once_in_one_environment(serve: Callable[..., Any]) -> None:
    """None of them ends within the test, so each has to be served beside the others."""
    emulator = serve(
        "--concurrency", "1", SubnetIds="subnet-12345678", SecurityGroupIds="sg-12345678"
    )
    with ExitStack() as stack:
        for _ in range(4):
            response = stack.enter_context(
                httpx.stream("GET", f"{emulator.url}/v1/numbers?last=54000", timeout=30)
            )
            assert next(response.iter_lines()) == "data: 1"
