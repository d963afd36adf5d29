"""GraphQL with subscriptions as server-sent events, because Lambda has no WebSockets."""

import asyncio
from collections.abc import AsyncIterator

import strawberry
from fastapi import FastAPI
from strawberry.fastapi import GraphQLRouter
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL

from lambda_asgi import LambdaASGI


@strawberry.type
class Query:
    @strawberry.field
    def version(self) -> str:
        return "1"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, last: int) -> AsyncIterator[int]:
        for number in range(1, last + 1):
            yield number
            await asyncio.sleep(0.2)


schema = strawberry.Schema(Query, subscription=Subscription)
app = FastAPI()
app.include_router(
    GraphQLRouter(schema, subscription_protocols=[GRAPHQL_SSE_PROTOCOL]), prefix="/graphql"
)
handler = LambdaASGI(app, response_mode="streaming")
