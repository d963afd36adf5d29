"""Objects that are bound to an event loop: the section of docs/from-mangum.md about them."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.process import APPS, runtime_process
from tests.lambda_asgi.runtime_api_server import runtime_api_server
from tests.patience import PATIENCE

SRC = Path(__file__).parents[2] / "src"

UNDER_MANGUM = """
import json, sys
from bound_to_loop import mangum
print(json.dumps(mangum(json.loads(sys.argv[1]), None)))
"""

IN_THE_TESTING_ENVIRONMENT = """
import asyncio, json, sys
import bound_to_loop
from lambda_asgi.testing import ExecutionEnvironment

async def main():
    app = getattr(bound_to_loop, sys.argv[2])
    async with ExecutionEnvironment(app) as environment:
        response = await environment.invoke(json.loads(sys.argv[1]))
    print(json.dumps([response.status, response.body.decode(), str(response.exception)]))

asyncio.run(main())
"""


def printed(program: str, *arguments: str) -> object:
    """Return the JSON that another process prints. The import decides which loop is current."""
    ran = subprocess.run(
        [sys.executable, "-c", program, json.dumps(function_url_event()), *arguments],
        env={"PYTHONPATH": f"{APPS}:{SRC}", "PYTHONWARNINGS": "ignore::DeprecationWarning"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    return json.loads(ran.stdout)


def test_under_mangum_an_object_of_the_import_works() -> None:
    result = printed(UNDER_MANGUM)
    assert isinstance(result, dict)
    assert (result["statusCode"], result["body"]) == (200, "answer")


def test_here_it_fails_and_the_response_of_a_test_says_why() -> None:
    result = printed(IN_THE_TESTING_ENVIRONMENT, "bound")
    assert isinstance(result, list)
    assert result[:2] == [500, "Internal Server Error"]
    assert "attached to a different loop" in result[2]


def test_an_object_of_the_lifespan_works() -> None:
    assert printed(IN_THE_TESTING_ENVIRONMENT, "unbound") == [200, "answer", "None"]


@pytest.mark.parametrize(("app", "status"), [("bound", 500), ("unbound", 200)])
def test_the_runtime_does_the_same(app: str, status: int) -> None:
    async def scenario() -> None:
        async with (
            asyncio.timeout(PATIENCE),
            runtime_api_server() as api,
            runtime_process(
                api, f"bound_to_loop.{app}", PYTHONWARNINGS="ignore::DeprecationWarning"
            ) as running,
        ):
            api.invoke(function_url_event())
            posted = await api.answer()
            while not posted.path.endswith("/response"):  # the runtime registers as an extension
                posted = await api.answer()
            assert posted.prelude["statusCode"] == status
            if status == 500:
                await running.line_with("attached to a different loop")

    asyncio.run(scenario())
