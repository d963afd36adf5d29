"""The tokens of a language model as server-sent events, each when the model has said it."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import boto3
from fastapi import FastAPI
from fastapi.concurrency import iterate_in_threadpool
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI
from pydantic import BaseModel, StringConstraints

from lambda_asgi import LambdaASGI

app = FastAPI()
openai = AsyncOpenAI()
bedrock = boto3.client("bedrock-runtime")


class Question(BaseModel):
    prompt: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]


@app.post("/openai")
async def ask_openai(question: Question) -> StreamingResponse:
    return event_stream(openai_tokens(question.prompt))


@app.post("/bedrock")
async def ask_bedrock(question: Question) -> StreamingResponse:
    """boto3 blocks, so its stream is read in a thread."""
    return event_stream(iterate_in_threadpool(bedrock_tokens(question.prompt)))


async def openai_tokens(prompt: str) -> AsyncIterator[str]:
    messages = [{"role": "user", "content": prompt}]
    stream = await openai.chat.completions.create(
        model=os.environ["OPENAI_MODEL"], messages=messages, stream=True
    )
    async with stream:  # closes the connection, and so stops the model, when the reader is given up
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content


def bedrock_tokens(prompt: str) -> Iterator[str]:
    messages = [{"role": "user", "content": [{"text": prompt}]}]
    response = bedrock.converse_stream(modelId=os.environ["BEDROCK_MODEL"], messages=messages)
    try:
        for event in response["stream"]:
            if "contentBlockDelta" in event:
                yield event["contentBlockDelta"]["delta"].get("text", "")
    finally:
        response["stream"].close()


def event_stream(tokens: AsyncIterator[str]) -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        async for token in tokens:
            yield f"data: {json.dumps({'token': token})}\n\n"
        yield "event: done\ndata: {}\n\n"  # without it, a reader knows that the answer broke off

    return StreamingResponse(
        events(), media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


handler = LambdaASGI(app, response_mode="streaming")
