"""HTTP requests and a queue's batches, with the same models and the same code.

A non-HTTP event arrives as a POST to `/events`. The route's response is the invocation's result.
"""

import logging

from fastapi import FastAPI
from pydantic import BaseModel, Field, ValidationError

from lambda_asgi import LambdaASGI

logger = logging.getLogger(__name__)
app = FastAPI()


class Order(BaseModel):
    article: str
    pieces: int = Field(gt=0)


class Message(BaseModel):
    id: str = Field(alias="messageId")
    body: str


class Batch(BaseModel):
    """An event of SQS."""

    messages: list[Message] = Field(alias="Records")


@app.post("/orders", status_code=201)
async def order(order: Order) -> dict[str, str]:
    return {"confirmation": confirm(order)}


@app.post("/events", include_in_schema=False)
async def work(batch: Batch) -> dict[str, list[dict[str, str]]]:
    """The messages named in the result come back later; the others leave the queue."""
    failures = []
    for message in batch.messages:
        try:
            confirm(Order.model_validate_json(message.body))
        except ValidationError as error:
            logger.error("message %s: %s", message.id, error)
            failures.append({"itemIdentifier": message.id})
    return {"batchItemFailures": failures}


def confirm(order: Order) -> str:
    return f"{order.pieces} x {order.article}"


handler = LambdaASGI(app, response_mode="streaming")
