"""The Lambda API describes the template's functions to boto3, its waiters, and the AWS CLI."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from botocore.exceptions import ClientError
from mypy_boto3_lambda import LambdaClient

from tests.lambda_emulator.support import RUNTIMES, RunningEmulator, environment
from tests.patience import PATIENCE
from tools import integrations

KEYS = {
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


def aws_cli() -> str | None:
    """AWS_CLI, the one on PATH, or that of `python -m tools.integrations aws_cli`."""
    python = integrations.interpreter("aws_cli")
    own = str(python.with_name("aws")) if python else None
    return os.environ.get("AWS_CLI") or shutil.which("aws") or own


AWS = aws_cli()


def function(**properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "CodeUri": str(RUNTIMES),
            "Handler": "scripted.main",
            "Runtime": "python3.13",
            "Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}},
            **properties,
        },
    }


def write(folder: Path) -> Path:
    resources = {
        "Site": function(
            FunctionUrlConfig={
                "AuthType": "NONE",
                "InvokeMode": "RESPONSE_STREAM",
                "Cors": {"AllowOrigins": ["https://a.example"], "MaxAge": 60},
            },
            ReservedConcurrentExecutions=5,
            MemorySize=512,
            Timeout=20,
        ),
        "Worker": function(
            FunctionName="the-worker",
            EventInvokeConfig={
                "MaximumRetryAttempts": 1,
                "DestinationConfig": {
                    "OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:123456789012:dead"}
                },
            },
        ),
        "Broken": function(Handler="nothing.handler", Environment={"Variables": {}}),
    }
    path = folder / "template.yaml"
    path.write_text(json.dumps({"Resources": resources}))
    return path


class Emulated:
    def __init__(self, emulator: RunningEmulator) -> None:
        self.url = emulator.url
        self.endpoint = f"http://127.0.0.1:{emulator.ports[1]}"
        self.boto3: LambdaClient = boto3.client(
            "lambda",
            endpoint_url=self.endpoint,
            region_name="eu-west-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    template = write(tmp_path_factory.mktemp("read"))
    options = ("--template", str(template), "--lambda-port", "0", "--region", "eu-west-1")
    with RunningEmulator(*options, command=(), fronts=2) as emulator:
        yield Emulated(emulator)


def test_all_functions_are_listed_page_by_page(emulated: Emulated) -> None:
    pages = emulated.boto3.get_paginator("list_functions").paginate(
        PaginationConfig={"PageSize": 2}
    )
    found = [[one["FunctionName"] for one in page["Functions"]] for page in pages]
    assert found == [["Broken", "Site"], ["the-worker"]]


def test_a_function(emulated: Emulated) -> None:
    found = emulated.boto3.get_function(FunctionName="Site")
    told = found["Configuration"]
    configuration = emulated.boto3.get_function_configuration(FunctionName="Site")
    assert told == {key: value for key, value in configuration.items() if key != "ResponseMetadata"}
    assert told["FunctionArn"] == "arn:aws:lambda:eu-west-1:123456789012:function:Site"
    assert (told["Runtime"], told["Handler"]) == ("python3.13", "scripted.main")
    assert (told["Timeout"], told["MemorySize"]) == (20, 512)
    assert told["Environment"]["Variables"] == {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}
    assert told["CodeSize"] > (RUNTIMES / "scripted.py").stat().st_size
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    assert found["Code"]["Location"] == RUNTIMES.as_uri()


def test_an_arn_and_a_logical_id_name_a_function_too(emulated: Emulated) -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:the-worker"
    for name in (arn, "123456789012:function:the-worker", "the-worker", "Worker"):
        told = emulated.boto3.get_function_configuration(FunctionName=name)
        assert told["FunctionArn"] == arn
        assert emulated.boto3.invoke(FunctionName=name, Payload=b"{}")["StatusCode"] == 200


def test_the_url_is_the_one_to_call(emulated: Emulated) -> None:
    config = emulated.boto3.get_function_url_config(FunctionName="Site")
    assert config["FunctionUrl"] == f"{emulated.url}/"
    assert (config["AuthType"], config["InvokeMode"]) == ("NONE", "RESPONSE_STREAM")
    assert config["Cors"] == {"AllowOrigins": ["https://a.example"], "MaxAge": 60}
    with urlopen(f"{config['FunctionUrl']}echo", timeout=PATIENCE) as response:
        assert json.load(response)["environment"]["AWS_REGION"] == "eu-west-1"
    (listed,) = emulated.boto3.list_function_url_configs(FunctionName="Site")["FunctionUrlConfigs"]
    assert listed["FunctionUrl"] == config["FunctionUrl"]
    assert (
        emulated.boto3.list_function_url_configs(FunctionName="Worker")["FunctionUrlConfigs"] == []
    )


def test_what_a_function_has_not_is_not_found(emulated: Emulated) -> None:
    client = emulated.boto3
    for ask in (
        lambda: client.get_function(FunctionName="Nobody"),
        lambda: client.get_function_url_config(FunctionName="Worker"),
        lambda: client.get_function_event_invoke_config(FunctionName="Site"),
        lambda: client.get_policy(FunctionName="Site"),
    ):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            ask()


def test_a_function_that_cannot_be_started_says_why(emulated: Emulated) -> None:
    told = emulated.boto3.get_function_configuration(FunctionName="Broken")
    assert told["State"] == "Failed"
    assert "no " in told["StateReason"]
    assert "nothing.py" in told["StateReason"]


def test_waiters_find_what_they_wait_for(emulated: Emulated) -> None:
    emulated.boto3.get_waiter("function_active_v2").wait(FunctionName="Site")
    emulated.boto3.get_waiter("function_updated_v2").wait(FunctionName="Site")


def test_the_rest_that_tools_ask_for(emulated: Emulated) -> None:
    client = emulated.boto3
    assert client.get_function_concurrency(FunctionName="Site")["ReservedConcurrentExecutions"] == 5
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(
        FunctionName="Worker"
    )
    config = client.get_function_event_invoke_config(FunctionName="Worker")
    assert config["MaximumRetryAttempts"] == 1
    assert config["DestinationConfig"]["OnFailure"]["Destination"].endswith(":dead")
    listed = client.list_function_event_invoke_configs(FunctionName="Worker")
    assert len(listed["FunctionEventInvokeConfigs"]) == 1
    (version,) = client.list_versions_by_function(FunctionName="Site")["Versions"]
    assert version["Version"] == "$LATEST"
    assert client.list_aliases(FunctionName="Site")["Aliases"] == []
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:Site"
    assert client.list_tags(Resource=arn)["Tags"] == {}
    settings = client.get_account_settings()
    assert settings["AccountUsage"]["FunctionCount"] == 3
    assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 995


def test_what_would_change_a_function_is_refused(emulated: Emulated) -> None:
    with pytest.raises(ClientError, match="it creates and changes none"):
        emulated.boto3.update_function_configuration(FunctionName="Site", Timeout=5)


def is_version_2() -> bool:
    """The second takes payloads in base64, unless it is told otherwise."""
    assert AWS is not None
    done = subprocess.run([AWS, "--version"], capture_output=True, text=True, timeout=PATIENCE)
    return "aws-cli/2" in done.stdout + done.stderr


@pytest.mark.skipif(AWS is None, reason="needs the AWS CLI: python -m tools.integrations aws_cli")
@pytest.mark.slow
def test_the_aws_cli(emulated: Emulated, tmp_path: Path) -> None:
    def aws(*words: str) -> Any:
        assert AWS is not None
        done = subprocess.run(
            [AWS, "lambda", *words, "--endpoint-url", emulated.endpoint, "--output", "json"],
            env=environment(**KEYS),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    listed = aws("list-functions", "--query", "Functions[].FunctionName")
    assert listed == ["Broken", "Site", "the-worker"]
    assert aws("get-function", "--function-name", "Site")["Configuration"]["State"] == "Active"
    assert aws("get-function-configuration", "--function-name", "Site")["MemorySize"] == 512
    url = aws("get-function-url-config", "--function-name", "Site")["FunctionUrl"]
    assert url == f"{emulated.url}/"
    payload = ("--cli-binary-format", "raw-in-base64-out") if is_version_2() else ()
    answer = tmp_path / "answer.json"
    called = aws("invoke", "--function-name", "Site", *payload, "--payload", "{}", str(answer))
    assert called["StatusCode"] == 200
    assert json.loads(answer.read_bytes())
