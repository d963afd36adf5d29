"""Every log line of an invocation has its request id, in the process as Lambda starts it."""

import asyncio
import re

import pytest

from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.process import runtime_process
from tests.lambda_asgi.runtime_api_server import runtime_api_server

LINE = re.compile(r"^\[\w+\]\t[^\t]+Z\t(?P<request_id>[^\t]*)\t(?P<message>.*)")


@pytest.mark.parametrize("concurrency", ["", "3"])
@pytest.mark.parametrize(
    "path", ["/plain", "/streams", "/raises", "/raises-late", "/thread", "/task"]
)
def test_each_line_has_its_request_id(path: str, concurrency: str) -> None:
    """Tasks that wait for a reply must resume in their own context."""
    variables = {"AWS_LAMBDA_MAX_CONCURRENCY": concurrency} if concurrency else {}

    async def main() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "logs.app", **variables) as runtime,
        ):
            requests = [api.invoke(function_url_event(path)) for _ in range(5)]
            for _ in requests:
                await api.answer()
            runtime.process.terminate()
            await runtime.ended()
        # What is said before any invocation.
        output = [
            line
            for line in runtime.output
            if "response mode" not in line and "without a lifespan" not in line
        ]
        found = [match for line in output if (match := LINE.match(line))]
        lines: dict[str, list[str]] = {request: [] for request in requests}
        for match in found:
            assert match["request_id"] in lines, match[0]
            lines[match["request_id"]].append(match["message"])
        for request, messages in lines.items():
            said = " ".join(messages)
            assert f"the app begins {request}" in said
            assert f"the app ends {request}" in said
            assert f"GET {path} " in said, "the line for each invocation"
            assert ("KeyError" in said) == ("raises" in path)

    asyncio.run(main())
