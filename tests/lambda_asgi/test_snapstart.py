"""SnapStart: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-custom.html"""

import asyncio
import json

import pytest

from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.process import runtime_process
from tests.lambda_asgi.runtime_api_server import Posted, RuntimeAPIServer, runtime_api_server
from tests.lambda_asgi.support import until


async def answer(api: RuntimeAPIServer) -> Posted:
    """The next POST that is not the extension's."""
    while (posted := await api.answer()).path.startswith("/2020-01-01/extension"):
        pass
    return posted


SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}


def test_hooks_run_around_the_snapshot_and_invocations_follow() -> None:
    async def main() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "snapstart.app", **SNAP_START) as runtime,
        ):
            await runtime.line_with("before 1")
            said = [line.strip() for line in runtime.output if "response mode" not in line]
            assert said == ["lifespan", "before 2", "before 1"]
            await api.snapshots.get()
            assert api.polls == 0, "no invocation is asked for before the environment was restored"
            await until(lambda: api.extension_polls == 1)
            connections = api.connections
            api.restored.set()
            api.invoke(function_url_event())
            assert (await answer(api)).content == b"restored"
            assert api.connections > connections, (
                "what was open before the snapshot is dead after it"
            )
            await until(lambda: api.extension_polls == 2)
            await runtime.line_with("after, awaited")
            assert [line.strip() for line in runtime.output[4:]] == [
                "after 1",
                "after 2",
                "after, awaited",
            ]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("hook", "path", "error_type", "exit_code"),
    [
        ("before 1", "/2018-06-01/runtime/init/error", "Runtime.BeforeSnapshotError", 64),
        ("after 2", "/2018-06-01/runtime/restore/error", "Runtime.AfterRestoreError", 65),
        ("after, awaited", "/2018-06-01/runtime/restore/error", "Runtime.AfterRestoreError", 65),
    ],
)
def test_a_hook_that_raises_ends_the_environment(
    hook: str, path: str, error_type: str, exit_code: int
) -> None:
    async def main() -> None:
        async with runtime_api_server() as api:
            api.restored.set()
            async with runtime_process(
                api, "snapstart.app", RAISE_IN=hook, **SNAP_START
            ) as runtime:
                posted = await answer(api)
                assert posted.path == path
                assert posted.headers["lambda-runtime-function-error-type"] == error_type
                assert f"raised in {hook}" in json.loads(posted.body)["errorMessage"]
                assert await runtime.ended() == exit_code
                assert api.polls == 0

    asyncio.run(main())


def test_without_snapstart_no_hook_runs() -> None:
    async def main() -> None:
        async with runtime_api_server() as api, runtime_process(api, "snapstart.app") as runtime:
            api.invoke(function_url_event())
            assert (await answer(api)).content == b"restored"
            runtime.process.terminate()
            assert await runtime.ended() == 0
            assert "before 1" not in "".join(runtime.output)
            assert api.snapshots.empty()

    asyncio.run(main())
