"""SIGTERM, which Lambda sends before it ends an environment that has an extension."""

import asyncio
import signal

import pytest

from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.process import runtime_process
from tests.lambda_asgi.runtime_api_server import runtime_api_server

REGISTER = "/2020-01-01/extension/register"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_lifespan_is_shut_down(number: signal.Signals) -> None:
    async def main() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "lifespans.orderly") as runtime,
        ):
            registered = await api.answer()
            assert (registered.path, registered.body) == (REGISTER, b'{"events": []}')
            assert registered.headers["lambda-extension-name"] == "lambda-asgi"
            api.invoke(function_url_event())
            assert (await api.answer()).content == b"ok"
            runtime.process.send_signal(number)
            assert await runtime.ended() == 0
            assert "lifespan shutdown\n" in runtime.output

    asyncio.run(main())


def test_a_request_under_way_cleans_up_before_the_lifespan() -> None:
    async def main() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "lifespans.orderly") as runtime,
        ):
            await api.answer()
            api.invoke(function_url_event("/stay"))
            posted = await api.posts.get()
            await posted.chunk()
            runtime.process.terminate()
            assert await runtime.ended() == 0
            said = [
                line
                for line in runtime.output
                if line in ("request clean-up\n", "lifespan shutdown\n")
            ]
            assert said == ["request clean-up\n", "lifespan shutdown\n"]
            assert not posted.complete, "what was cut off does not look complete"

    asyncio.run(main())


def test_a_shutdown_that_takes_too_long_is_given_up() -> None:
    async def main() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "lifespans.stubborn") as runtime,
        ):
            await api.answer()
            api.invoke(function_url_event())
            await api.answer()
            runtime.process.terminate()
            assert await runtime.ended() == 0, "by itself: the app would take for ever"
            assert "\tthe app did not shut down within 300 ms\n" in "".join(runtime.output)

    asyncio.run(main())


def test_a_shutdown_that_fails_is_said() -> None:
    async def main() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "lifespans.failing") as runtime,
        ):
            await api.answer()
            api.invoke(function_url_event())
            await api.answer()
            runtime.process.terminate()
            assert await runtime.ended() == 0
            assert "the pool is stuck" in "".join(runtime.output)

    asyncio.run(main())


def test_an_app_without_a_lifespan_needs_no_notice() -> None:
    async def main() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "lifespans.without") as runtime,
        ):
            api.invoke(function_url_event())
            posted = await api.answer()
            assert posted.path != REGISTER
            assert posted.content == b"ok"
            runtime.process.terminate()
            assert await runtime.ended() == 0

    asyncio.run(main())


def test_a_runtime_api_without_extensions_is_served_all_the_same() -> None:
    async def main() -> None:
        async with runtime_api_server() as api:
            api.replies["/extension/register"] = [404]
            async with runtime_process(api, "lifespans.orderly") as runtime:
                assert (await api.answer()).path == REGISTER
                api.invoke(function_url_event())
                assert (await api.answer()).content == b"ok"
                runtime.process.terminate()
                assert await runtime.ended() == 0
                assert "lifespan shutdown\n" in runtime.output

    asyncio.run(main())
