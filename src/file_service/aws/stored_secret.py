"""Read a secret from Secrets Manager or from SSM Parameter Store, once, at the start."""

import json
import os
from collections.abc import Mapping
from typing import NamedTuple

from file_service.aws.client import AwsClient
from file_service.aws.credentials import CredentialProvider, NoCredentials


class SecretUnavailable(Exception):
    """The secret cannot be read. The message has the request and the reply, and no secret."""


class _Store(NamedTuple):
    """How to read from one service (its API reference, "GetSecretValue" or "GetParameter")."""

    endpoint_variable: str
    target: str
    argument: str
    more: Mapping[str, object]
    answer: tuple[str, ...]


_STORES = {
    "secretsmanager": _Store(
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "secretsmanager.GetSecretValue",
        "SecretId",
        {},
        ("SecretString",),
    ),
    "ssm": _Store(
        "AWS_ENDPOINT_URL_SSM",
        "AmazonSSM.GetParameter",
        "Name",
        {"WithDecryption": True},
        ("Parameter", "Value"),
    ),
}


def stored_secret(arn: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the text that is stored at `arn`. Blocking.

    Raises:
        SecretUnavailable: AWS refuses the request, or does not answer.
    """
    parts = arn.split(":")
    is_arn = len(parts) > 5 and parts[0] == "arn"
    service = parts[2] if is_arn else ""
    if service not in _STORES:
        raise SecretUnavailable(f"{arn!r} is no ARN of Secrets Manager or Parameter Store")
    store, region = _STORES[service], parts[3]
    endpoint = (
        environment.get(store.endpoint_variable)
        or environment.get("AWS_ENDPOINT_URL")
        or f"https://{service}.{region}.amazonaws.com"
    )
    client = AwsClient(endpoint, region, service, CredentialProvider(environment))
    call = f"{store.target} of {arn}"
    question = {store.argument: arn, **store.more}
    try:
        reply = client.request(
            "POST",
            "/",
            {},
            headers={"content-type": "application/x-amz-json-1.1", "x-amz-target": store.target},
            body=json.dumps(question).encode(),
        )
    except (OSError, NoCredentials) as error:
        raise SecretUnavailable(f"{call}: {error}") from error
    finally:
        client.close()
    try:
        answer = json.loads(reply.body)
        if reply.status != 200:
            kind = str(answer.get("__type", "no code"))
            _, _, code = kind.rpartition("#")
            raise SecretUnavailable(f"{call}: {reply.status} {code}")
        for name in store.answer:
            answer = answer[name]
    except (ValueError, KeyError, AttributeError):
        raise SecretUnavailable(f"{call}: {reply.status}, and no answer in JSON") from None
    return str(answer)
