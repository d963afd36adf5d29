"""What ends an app, its tasks and its children does not end the environment."""

import asyncio
import json
import signal
import sys
from collections.abc import Sequence

import pytest

from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.process import RuntimeProcess, runtime_process
from tests.lambda_asgi.runtime_api_server import runtime_api_server
from tests.lambda_asgi.support import until


async def answers(paths: Sequence[str]) -> tuple[list[tuple[int, bytes]], RuntimeProcess, int]:
    """Status and body for each path, one after the other; and the exit code after SIGTERM."""
    found = []
    async with runtime_api_server() as api, runtime_process(api, "exits.app") as runtime:
        for path in paths:
            api.invoke(function_url_event(path))
            posted = await api.answer()
            assert posted.complete
            found.append((posted.prelude["statusCode"], posted.content))
        runtime.process.terminate()
        code = await runtime.ended()
        assert api.posts.empty(), "a child has answered as well"
    return found, runtime, code


@pytest.mark.parametrize("path", ["/awaited", "/group", "/directly", "/executor"])
def test_an_exit_that_reaches_the_app_is_its_error(path: str) -> None:
    """In a child task, too, it must not end the process, and the invocation is answered."""
    found, _, code = asyncio.run(answers([path, "/after"]))
    assert found == [(500, b"Internal Server Error"), (200, b"fine")]
    assert code == 0


@pytest.mark.parametrize("path", ["/background", "/callback", "/stops-loop", "/thread"])
def test_an_exit_that_nobody_waits_for_changes_nothing(path: str) -> None:
    found, _, code = asyncio.run(answers([path, "/after"]))
    assert found == [(200, b"fine"), (200, b"fine")]
    assert code == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/fork-exit", b"child 7"),
        ("/fork-raise", b"child 1"),
        ("/fork-text", b"child 1"),
        ("/fork-return", b"child 0"),
        ("/fork-in-thread", b"child 7"),
        ("/terminated-child", b"child -15"),
    ],
)
def test_a_forked_child_is_not_a_second_runtime(path: str, body: bytes) -> None:
    """A child must not answer its parent's invocations. A SIGTERM for it ends only the child."""
    found, _, code = asyncio.run(answers([path, "/after", path]))
    assert found == [(200, body), (200, b"fine"), (200, body)]
    assert code == 0


@pytest.mark.parametrize(
    ("path", "content"),
    [("/after", b"fine"), ("/fork-exit", b"child 7"), ("/terminated-child", b"child 3")],
)
def test_the_apps_own_handler_of_sigterm_is_called_after_the_shutdown(
    path: str, content: bytes
) -> None:
    """The runtime's handler does not replace it. In a child it is the only handler."""

    async def main() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "exits.lifespan_app", OWN_HANDLER="1") as runtime,
        ):
            await api.answer()  # it registers an extension
            api.invoke(function_url_event(path))
            assert (await api.answer()).content == content
            runtime.process.send_signal(signal.SIGTERM)
            assert await runtime.ended() == 0
            said = [
                line.strip()
                for line in runtime.output
                if "lifespan" in line or "own handler" in line
            ]
            if path == "/terminated-child":
                said.remove("own handler")
            assert said == ["lifespan startup", "lifespan shutdown", "own handler"]
            output = "".join(runtime.output)
            assert "\tthe app's handler of SIGTERM raised SystemExit(3)" in output
            assert "in say_and_exit" in output

    asyncio.run(main())


# Handler mode: Lambda's own loop, in a process of its own.


async def answers_from_lambdas_loop(
    paths: Sequence[str], mode: str = "streaming"
) -> list[tuple[int, bytes]]:
    found = []
    command = (sys.executable, "-m", "awslambdaric", "exits.handler")
    variables = {"LAMBDA_ASGI_RESPONSE_MODE": mode}
    async with (
        runtime_api_server() as api,
        runtime_process(api, "exits.handler", command=command, **variables),
    ):
        for path in paths:
            api.invoke(function_url_event(path))
            posted = await api.answer()
            assert posted.complete
            if mode == "streaming":
                found.append((posted.prelude["statusCode"], posted.content))
            else:
                result = json.loads(posted.body)
                found.append((result["statusCode"], result["body"].encode()))
        await until(lambda: api.polls == len(paths) + 1)
        assert api.posts.empty(), "a child has answered as well"
    return found


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/fork-exit", b"child 7"),
        ("/fork-raise", b"child 1"),
        ("/fork-return", b"child 1"),  # its response has no connection to go to
        ("/fork-in-thread", b"child 7"),
        ("/terminated-child", b"child -15"),
    ],
)
def test_a_forked_child_does_not_answer_in_handler_mode(path: str, body: bytes) -> None:
    found = asyncio.run(answers_from_lambdas_loop([path, "/after", path]))
    assert found == [(200, body), (200, b"fine"), (200, body)]


@pytest.mark.parametrize("path", ["/awaited", "/group", "/directly", "/executor"])
def test_an_exit_of_the_app_is_its_error_in_handler_mode(path: str) -> None:
    """An exit of a child task must not reach Lambda's loop after the response."""
    found = asyncio.run(answers_from_lambdas_loop([path, "/after"]))
    assert found == [(500, b"Internal Server Error"), (200, b"fine")]


@pytest.mark.parametrize("path", ["/background", "/callback", "/stops-loop", "/thread", "/left"])
@pytest.mark.parametrize("mode", ["streaming", "buffered"])
def test_an_exit_that_nobody_waits_for_changes_nothing_in_handler_mode(
    path: str, mode: str
) -> None:
    """Nor does that of a task that continues in the next invocation."""
    found = asyncio.run(answers_from_lambdas_loop([path, "/after"], mode))
    assert found == [(200, b"fine"), (200, b"fine")]
