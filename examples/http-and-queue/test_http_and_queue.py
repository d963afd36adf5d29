import json
from collections.abc import Callable
from typing import Any

import boto3
import httpx
import pytest


@pytest.fixture(scope="module")
def urls(serve: Callable[..., Any]) -> list[str]:
    """The Function URL, and the Lambda API, through which a queue's poller invokes functions."""
    return serve("--lambda-port", "0", fronts=2).urls


def record(identifier: str, body: object) -> dict[str, str]:
    return {"messageId": identifier, "body": json.dumps(body), "eventSource": "aws:sqs"}


def invoke(url: str, event: object) -> Any:
    client = boto3.client(
        "lambda",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    response = client.invoke(FunctionName="Function", Payload=json.dumps(event))
    assert "FunctionError" not in response
    return json.load(response["Payload"])


def test_an_order_by_http(urls: list[str]) -> None:
    response = httpx.post(f"{urls[0]}/orders", json={"article": "chair", "pieces": 2})
    assert (response.status_code, response.json()) == (201, {"confirmation": "2 x chair"})


def test_a_batch_names_its_failures(urls: list[str]) -> None:
    good = record("1", {"article": "chair", "pieces": 2})
    bad = record("2", {"article": "chair", "pieces": 0})
    assert invoke(urls[1], {"Records": [good, bad]}) == {
        "batchItemFailures": [{"itemIdentifier": "2"}]
    }


def test_nobody_sends_a_batch_by_http(urls: list[str]) -> None:
    """Only non-HTTP events reach that route."""
    response = httpx.post(f"{urls[0]}/events", json={"Records": []})
    assert response.status_code == 404
