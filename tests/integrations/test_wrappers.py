"""Wrappers that do more than watch a handler: idempotency, event classes, batches, warm-up."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.integrations.support import function, interpreter
from tests.lambda_emulator.support import Response, RunningEmulator

pytestmark = pytest.mark.integrations

ADAPTERS = ["handler", "mangum"]
IDEMPOTENCY, EVENT_SOURCE, BATCH, WARMER = (
    "Powertools idempotency",
    "Powertools event_source",
    "Powertools batch",
    "lambda-warmer",
)
RECIPES = [
    *((recipe, "handler") for recipe in (IDEMPOTENCY, EVENT_SOURCE, BATCH, WARMER)),
    (BATCH, "runtime"),
]
"""Those that are run here."""


def request(emulator: RunningEmulator, method: str, target: str, *headers: str) -> Response:
    with emulator.connect() as client:
        client.request(method, target, *headers)
        response = client.response(method)
    emulator.wait_for("report", requestId=response.header("x-amzn-requestid"))
    return response


def invoke(emulator: RunningEmulator, event: Any) -> Any:
    """The result of an event that no front door has made, through the Invoke API."""
    with emulator.connect(emulator.ports[1]) as client:
        client.request(
            "POST", "/2015-03-31/functions/Probe/invocations", body=json.dumps(event).encode()
        )
        response = client.response("POST")
    assert response.status == 200
    assert response.header("x-amz-function-error") is None, response.body
    emulator.wait_for("report", requestId=response.header("x-amzn-requestid"))
    return response.json()


@pytest.fixture
def dynamodb() -> Iterator[dict[str, str]]:
    """The variables that lead to a DynamoDB (moto's) with the table that idempotency needs."""
    command = [str(interpreter("powertools")), "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr is not None
            found = next(
                filter(
                    None, (re.search(r"Running on (http://\S+)", line) for line in server.stderr)
                )
            )
            settings = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
            client = boto3.client(
                "dynamodb",
                endpoint_url=found[1],
                region_name="us-east-1",
                aws_access_key_id="any",
                aws_secret_access_key="any",
            )
            client.create_table(
                TableName="Idempotency",
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
            client.close()
            yield settings | {"AWS_ENDPOINT_URL_DYNAMODB": found[1]}
        finally:
            server.terminate()


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_idempotency_answers_again_what_was_answered(
    adapter: str, tmp_path: Path, dynamodb: dict[str, str]
) -> None:
    with function("powertools", IDEMPOTENCY, adapter, tmp_path, dynamodb) as emulator:
        answers = [
            request(emulator, "POST", "/orders", f"Idempotency-Key: {key}")
            for key in ("a", "a", "b")
        ]
    assert [(answer.status, answer.json()) for answer in answers] == [
        (201, {"order": 1, "filler": ""}),
        (201, {"order": 1, "filler": ""}),
        (201, {"order": 2, "filler": ""}),
    ]
    assert {answer.header("content-type") for answer in answers} == {"application/json"}


def test_a_large_body_is_not_stored(tmp_path: Path, dynamodb: dict[str, str]) -> None:
    with function("powertools", IDEMPOTENCY, "handler", tmp_path, dynamodb) as emulator:
        first, again = (
            request(emulator, "POST", "/orders?size=70000", "Idempotency-Key: a") for _ in range(2)
        )
    assert (first.status, first.json()["order"]) == (201, 1)
    assert again.status == 500


def test_a_handler_gets_its_event_as_a_class(tmp_path: Path) -> None:
    with function("powertools", EVENT_SOURCE, "handler", tmp_path) as emulator:
        response = request(emulator, "GET", "/stream")
    assert response.chunks == [b"first\n", b"next\n", b"next\n", b"next\n"]


QUEUE_EVENT: Any = {
    "Records": [
        {
            "messageId": f"message-{body}",
            "receiptHandle": "handle",
            "body": body,
            "attributes": {},
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:queue",
        }
        for body in ("good", "bad", "better")
    ]
}


@pytest.mark.parametrize("adapter", [*ADAPTERS, "runtime"])
def test_a_batch_names_the_messages_that_failed(adapter: str, tmp_path: Path) -> None:
    with function("powertools", BATCH, adapter, tmp_path, lambda_api=True) as emulator:
        assert invoke(emulator, QUEUE_EVENT) == {
            "batchItemFailures": [{"itemIdentifier": "message-bad"}]
        }
        assert request(emulator, "GET", "/json").json() == {"message": "hello"}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_warm_up_event_does_not_reach_the_app(adapter: str, tmp_path: Path) -> None:
    with function("warmer", WARMER, adapter, tmp_path, lambda_api=True) as emulator:
        assert invoke(emulator, {"warmer": True, "concurrency": 1}) is None
        response = request(emulator, "GET", "/stream")
    assert response.body == b"first\nnext\nnext\nnext\n"
    assert len(response.chunks) == (4 if adapter == "handler" else 0)
