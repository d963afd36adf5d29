"""Asynchronous invocations through boto3: the 202, retries, maximum age, destinations."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from mypy_boto3_lambda import LambdaClient

from lambda_emulator.template.document import TemplateError
from lambda_emulator.template.event_invoke import Destination, EventInvoke
from lambda_emulator.template.reader import load
from tests.lambda_emulator.support import RunningEmulator

HANDLER = """\
def handler(event, context):
    if event.get("fail"):
        raise ValueError("asked to")
    return {"saw": event}
"""
ARN = "arn:aws:lambda:us-east-1:123456789012:function"


def write(folder: Path, **functions: Any) -> Path:
    (folder / "main.py").write_text(HANDLER)
    resources = {}
    for name, properties in functions.items():
        code = {"CodeUri": ".", "Handler": "main.handler", "Runtime": "python3.13"}
        resources[name] = {
            "Type": "AWS::Serverless::Function",
            "Properties": {**code, **properties},
        }
    template = folder / "template.yaml"
    template.write_text(json.dumps({"Resources": resources}))
    return template


@contextmanager
def emulated(template: Path) -> Iterator[tuple[RunningEmulator, LambdaClient]]:
    options = ("--template", str(template), "--lambda-port", "0", "--cold")
    with RunningEmulator(*options, command=()) as emulator:
        yield (
            emulator,
            boto3.client(
                "lambda",
                endpoint_url=f"http://127.0.0.1:{emulator.port}",
                region_name="us-east-1",
                aws_access_key_id="any",
                aws_secret_access_key="any",
            ),
        )


def send(client: LambdaClient, name: str, event: Any) -> str:
    answer = client.invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode()
    )
    assert answer["StatusCode"] == 202
    return answer["ResponseMetadata"]["RequestId"]


def test_a_success_goes_to_its_destination_which_is_a_function(tmp_path: Path) -> None:
    config = {"DestinationConfig": {"OnSuccess": {"Destination": f"{ARN}:Next"}}}
    template = write(tmp_path, First={"EventInvokeConfig": config}, Next={})
    with emulated(template) as (emulator, client):
        request_id = send(client, "First", {"a": 1})
        told = emulator.wait_for("asynchronous", requestId=request_id)
        record = told["record"]
        assert record["requestContext"] == {
            "requestId": request_id,
            "functionArn": f"{ARN}:First:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        }
        assert record["responsePayload"] == {"saw": {"a": 1}}
        assert "functionError" not in record["responseContext"]
        while emulator.wait_for("end")["requestId"] == request_id:
            emulator.events.clear()


def test_an_event_that_is_too_old_is_not_tried_again(tmp_path: Path) -> None:
    """AWS waits a minute before the second attempt, and then the event is older than it may be."""
    config = {
        "MaximumEventAgeInSeconds": 60,
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sns:us-east-1:1:topic"}},
    }
    template = write(tmp_path, Worker={"EventInvokeConfig": config})
    with emulated(template) as (emulator, client):
        request_id = send(client, "Worker", {"fail": True})
        first = emulator.wait_for("asynchronous", requestId=request_id)
        assert "attempt 1 of 3 failed" in first["message"]
        emulator.events.clear()
        given_up = emulator.wait_for("asynchronous", requestId=request_id)
        assert "given up: EventAgeExceeded after 1 attempts" in given_up["message"]


def test_an_event_is_lost_where_nothing_takes_it(tmp_path: Path) -> None:
    config = {"MaximumRetryAttempts": 0}
    template = write(tmp_path, Worker={"EventInvokeConfig": config})
    with emulated(template) as (emulator, client):
        request_id = send(client, "Worker", {"fail": True})
        told = emulator.wait_for("asynchronous", requestId=request_id)
        assert told["message"] == "given up: RetriesExhausted after 1 attempts; the event is lost"


def test_an_event_waits_where_the_function_is_throttled(tmp_path: Path) -> None:
    template = write(tmp_path, Worker={"ReservedConcurrentExecutions": 0})
    with emulated(template) as (emulator, client):
        request_id = send(client, "Worker", {})
        told = emulator.wait_for("asynchronous", requestId=request_id)
        assert told["message"] == "throttled; the next attempt is in 1 s"
        assert emulator.stop() == 0


def test_what_a_template_says(tmp_path: Path) -> None:
    resources = {
        "Raw": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {
                "FunctionName": {"Ref": "Plain"},
                "Qualifier": "$LATEST",
                "MaximumEventAgeInSeconds": 300,
                "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": "Dead.Arn"}}},
            },
        },
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "dead"}},
    }
    path = write(
        tmp_path,
        Plain={"DeadLetterQueue": {"Type": "SQS", "TargetArn": "arn:aws:sqs:us-east-1:1:letters"}},
        Made={"EventInvokeConfig": {"DestinationConfig": {"OnSuccess": {"Type": "SNS"}}}},
        None_={},
    )
    document = json.loads(path.read_text())
    document["Resources"] |= resources
    path.write_text(json.dumps(document))
    found = {name: one.event_invoke for name, one in load(path).functions.items()}
    dead = Destination("OnFailure", "arn:aws:sqs:us-east-1:123456789012:dead")
    assert found["Plain"] == EventInvoke(
        maximum_age=300, on_failure=dead, dead_letters="arn:aws:sqs:us-east-1:1:letters"
    )
    assert found["Made"] == EventInvoke(on_success=Destination("OnSuccess", "a new SNS"))
    assert found["None_"] == EventInvoke()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"MaximumRetryAttempts": 3}, "MaximumRetryAttempts is 3; AWS takes 0 to 2"),
        ({"MaximumEventAgeInSeconds": 5}, "MaximumEventAgeInSeconds is 5; AWS takes 60 to 21600"),
    ],
)
def test_what_aws_would_refuse(tmp_path: Path, config: Any, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        load(write(tmp_path, Worker={"EventInvokeConfig": config}))
