import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest


@pytest.fixture(scope="module")
def url(serve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    database: Path = tmp_path_factory.mktemp("database") / "orders.sqlite"
    return serve(Database=str(database)).url


def test_many_rows_as_ndjson(url: str) -> None:
    chunks = numbers = 0
    with httpx.stream("GET", f"{url}/orders.ndjson") as response:
        assert response.headers["content-type"] == "application/x-ndjson"
        rest = b""
        for chunk in response.iter_raw():
            chunks += 1
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                assert json.loads(line)["number"] == numbers
                numbers += 1
    assert (numbers, rest) == (200_000, b"")
    assert chunks >= 200


def test_csv_quotes_what_needs_it(url: str) -> None:
    rows = list(csv.reader(httpx.get(f"{url}/orders.csv?since=199990").text.splitlines()))
    assert rows[0] == ["number", "customer", "cents"]
    assert rows[1] == ["199990", "customer 682, Inc.", "99930"]
    assert len(rows) == 11


def test_nothing_to_export(url: str) -> None:
    response = httpx.get(f"{url}/orders.ndjson?since=200000")
    assert (response.status_code, response.content) == (200, b"")
