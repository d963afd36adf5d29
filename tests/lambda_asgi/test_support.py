"""`play` detects what a scenario leaves behind. The tests of faults rely on that."""

import asyncio
import os
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.lambda_asgi.support import play

kept: list[Any] = []


async def generator() -> AsyncGenerator[int, None]:
    yield 1


async def leaves_a_generator() -> None:
    kept.append(generator())
    await anext(kept[-1])


async def leaves_a_task() -> None:
    kept.append(asyncio.create_task(asyncio.Event().wait()))


async def leaves_descriptors() -> None:
    kept.extend(os.pipe())


async def leaves_nothing() -> None:
    async for _ in generator():
        pass
    await asyncio.create_task(asyncio.sleep(0))
    for descriptor in os.pipe():
        os.close(descriptor)


@pytest.mark.parametrize("scenario", [leaves_a_generator, leaves_a_task, leaves_descriptors])
def test_what_is_left_behind(scenario: Any) -> None:
    with pytest.raises(AssertionError):
        play(scenario())
    for thing in kept:
        if isinstance(thing, int):
            os.close(thing)
    kept.clear()


def test_nothing_left_behind() -> None:
    play(leaves_nothing())
