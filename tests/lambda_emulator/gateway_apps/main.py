"""Handlers behind the APIs of the tests. Lambda's own loop calls them."""

import base64
import json
import time
from typing import Any


def echo(event: Any, context: object) -> Any:
    """The event itself, as the body of a proxy response."""
    return {"statusCode": 200, "headers": {"x-one": "1"}, "body": json.dumps(event)}


def result(event: Any, context: object) -> Any:
    """What the query's `b64` says, whatever it is."""
    return json.loads(base64.b64decode(event["queryStringParameters"]["b64"]))


def fail(event: Any, context: object) -> Any:
    raise ValueError("on purpose")


def sleep(event: Any, context: object) -> Any:
    time.sleep(60)


def nap(event: Any, context: object) -> Any:
    time.sleep(0.5)
    return "awake"
