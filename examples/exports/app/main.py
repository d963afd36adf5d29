"""A query's rows as NDJSON or CSV, sent while the database finds them. Memory stays flat."""

import csv
import io
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from lambda_asgi import LambdaASGI

DATABASE = Path(os.environ.get("DATABASE", "/tmp/orders.sqlite"))
ORDERS = 200_000
BATCH = 1000
"""Rows to fetch and send at once. A hop to a thread costs as much as formatting 100 rows."""

app = FastAPI()

Row = Sequence[Any]
Since = Annotated[int, Query(ge=0, description="the first order's number")]


@app.get("/orders.ndjson")
async def ndjson(since: Since = 0) -> StreamingResponse:
    return StreamingResponse(export(since, as_ndjson), media_type="application/x-ndjson")


@app.get("/orders.csv")
async def comma_separated(since: Since = 0) -> StreamingResponse:
    headers = {"content-disposition": 'attachment; filename="orders.csv"'}
    return StreamingResponse(
        export(since, as_csv), media_type="text/csv; charset=utf-8", headers=headers
    )


async def export(
    since: int, formatted: Callable[[list[str], list[Row], bool], str]
) -> AsyncIterator[str]:
    """The database blocks, so a thread fetches each batch. The event loop only passes it on."""
    with closing(await run_in_threadpool(connect)) as connection:
        cursor = await run_in_threadpool(
            connection.execute,
            "select number, customer, cents from orders where number >= ? order by number",
            [since],
        )
        columns = [column[0] for column in cursor.description]
        first = True
        while rows := await run_in_threadpool(cursor.fetchmany, BATCH):
            yield formatted(columns, rows, first)
            first = False


def as_ndjson(columns: list[str], rows: list[Row], first: bool) -> str:
    return "".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows)


def as_csv(columns: list[str], rows: list[Row], first: bool) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    if first:
        writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def connect() -> sqlite3.Connection:
    if not DATABASE.exists():
        create()
    return sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True, check_same_thread=False)


def create() -> None:
    """Orders to export. A real function opens a database that is there."""
    unfinished = DATABASE.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as connection, connection:
        connection.execute(
            "create table orders (number integer primary key, customer text, cents integer)"
        )
        orders = (
            (number, f"customer {number % 977}, Inc.", number * 7 % 100_000)
            for number in range(ORDERS)
        )
        connection.executemany("insert into orders values (?, ?, ?)", orders)
    unfinished.rename(DATABASE)


connect().close()  # creates it in the init phase, not within the first request
handler = LambdaASGI(app, response_mode="streaming")
