"""An agent that streams its steps: the tool that it calls, the tool's result, its answer."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, StringConstraints
from strands import Agent, tool
from strands.models.openai import OpenAIModel

from lambda_asgi import LambdaASGI

app = FastAPI()
STOCK = {"chair": 4, "table": 0}


class Task(BaseModel):
    prompt: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]


@tool
def stock(article: str) -> str:
    """How many pieces of an article are in stock.

    Args:
        article: The article's name, in singular.
    """
    return str(STOCK.get(article, "unknown article"))


@app.post("/")
async def work(task: Task) -> StreamingResponse:
    return StreamingResponse(
        steps(task.prompt), media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


async def steps(prompt: str) -> AsyncIterator[str]:
    """One agent for each request: it keeps its conversation, which is nobody else's."""
    model = OpenAIModel(
        client_args={"base_url": os.environ["OPENAI_BASE_URL"]}, model_id=os.environ["OPENAI_MODEL"]
    )
    agent = Agent(model=model, tools=[stock], callback_handler=None)
    async for event in agent.stream_async(prompt):
        for name, data in shown(event):
            yield f"event: {name}\ndata: {json.dumps(data)}\n\n"
    yield "event: done\ndata: {}\n\n"


def shown(event: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a reader sees of one of the agent's events."""
    if "data" in event:
        yield "token", event["data"]
    for content in event.get("message", {}).get("content", []):
        if "toolUse" in content:
            yield "call", {"tool": content["toolUse"]["name"], "input": content["toolUse"]["input"]}
        if "toolResult" in content:
            yield (
                "result",
                [part["text"] for part in content["toolResult"]["content"] if "text" in part],
            )


handler = LambdaASGI(app, response_mode="streaming")
