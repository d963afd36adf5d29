"""One invocation: the Runtime API's reply to `next`, and the `context` object. Pure.

Source of header names, and of which ones are always there: wire-level facts of the Runtime API
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-next).
"""

import json
import time
from collections.abc import Mapping
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, NamedTuple, Self

from lambda_asgi._environment import FunctionIdentity
from lambda_asgi.errors import ConnectionToRuntimeAPILost

# AWS's emulator in Managed Instances mode announces deadlines that are a billion times too late.
# Nothing on Lambda runs longer than 15 minutes, so a deadline more than an hour away counts as
# none.
_IMPLAUSIBLE_MS = 3_600_000

_WHITE_SPACE = " \t\n\r"  # RFC 8259 section 2
_parse = json.JSONDecoder().raw_decode


class Invocation(NamedTuple):
    """The reply to one `next`.

    `deadline` is in seconds since the epoch, or None if it is not plausible. `invocation_id` is the
    nonce of this delivery: sent back if it is there, and never invented. `payload` is the event's
    JSON.
    """

    request_id: str
    deadline: float | None
    function_arn: str
    payload: bytes
    trace_id: str | None = None
    tenant_id: str | None = None
    invocation_id: str | None = None
    client_context: str | None = None
    cognito_identity: str | None = None

    @classmethod
    def from_reply(cls, headers: Mapping[bytes, bytes], payload: bytes) -> Self:
        """Read the reply to `next`. `headers` has lower-case names.

        Raises:
            ConnectionToRuntimeAPILost: There is no request id, so nothing can be answered.
        """
        get = headers.get
        request_id = _text(get(b"lambda-runtime-aws-request-id"))
        if not request_id:
            raise ConnectionToRuntimeAPILost(
                "the Runtime API sent an invocation without Lambda-Runtime-Aws-Request-Id"
            )
        return cls(
            request_id,
            _deadline(get(b"lambda-runtime-deadline-ms")),
            _text(get(b"lambda-runtime-invoked-function-arn")) or "",
            payload,
            _text(get(b"lambda-runtime-trace-id")),
            _text(get(b"lambda-runtime-aws-tenant-id")),
            _text(get(b"lambda-runtime-invocation-id")),
            _text(get(b"lambda-runtime-client-context")),
            _text(get(b"lambda-runtime-cognito-identity")),
        )

    def event(self) -> Any:
        """Return the decoded event.

        Raises:
            ValueError: It is not JSON. Also UnicodeDecodeError and RecursionError.
        """
        # JSON is UTF-8 (RFC 8259 section 8.1). json.loads searches for white space twice, which
        # takes a tenth of its time.
        text = self.payload.decode().strip(_WHITE_SPACE)
        event, end = _parse(text)
        if end < len(text):
            raise json.JSONDecodeError("Extra data", text, end)
        return event


current_invocation: ContextVar[Invocation | None] = ContextVar(
    "lambda_asgi.current_invocation", default=None
)
"""The invocation that a task works for. Several may be under way in one process."""


def _text(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode()  # quicker than with an error handler
    except UnicodeDecodeError:
        return value.decode("utf-8", "replace")


def _deadline(milliseconds: bytes | None) -> float | None:
    try:
        deadline_ms = int(milliseconds or b"")
    except ValueError:
        return None
    return deadline_ms / 1000 if 0 < deadline_ms < time.time() * 1000 + _IMPLAUSIBLE_MS else None


class LambdaContext:
    """The context object of a Python function, in `scope["aws.context"]`, with the same attributes.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html

    Like Lambda's own, it can have more attributes, be a key, and be weakly referenced.
    """

    def __init__(self, invocation: Invocation, function: FunctionIdentity) -> None:
        client, identity = invocation.client_context, invocation.cognito_identity
        self.function_name = function.name
        self.function_version = function.version
        self.invoked_function_arn = invocation.function_arn
        self.memory_limit_in_mb = function.memory_mb
        self.aws_request_id = invocation.request_id
        self.log_group_name = function.log_group
        self.log_stream_name = function.log_stream
        self.tenant_id = invocation.tenant_id
        self.trace_id = invocation.trace_id
        self.client_context: Any = None if client is None else _client_context(_json_object(client))
        self.identity: Any = _identity(_json_object(identity)) if identity else NO_IDENTITY
        self.deadline = invocation.deadline

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"LambdaContext({values})"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends this invocation.

        It is 0 after that, and without a deadline.
        """
        return 0 if self.deadline is None else max(0, int((self.deadline - time.time()) * 1000))

    def log(self, message: object) -> None:
        """Write to the function's log, as the managed runtime's context does."""
        print(message, end="", flush=True)


class CognitoIdentity(NamedTuple):
    """Who called the function, as far as Amazon Cognito knows."""

    cognito_identity_id: Any = None
    cognito_identity_pool_id: Any = None


NO_IDENTITY = CognitoIdentity()


def _identity(data: dict[str, Any]) -> CognitoIdentity:
    return CognitoIdentity(data.get("cognitoIdentityId"), data.get("cognitoIdentityPoolId"))


def _client_context(data: dict[str, Any]) -> SimpleNamespace:
    client = data.get("client")
    client = client if isinstance(client, dict) else {}
    return SimpleNamespace(
        custom=data.get("custom"),
        env=data.get("env"),
        client=SimpleNamespace(
            **{
                name: client.get(name)
                for name in (
                    "installation_id",
                    "app_title",
                    "app_version_name",
                    "app_version_code",
                    "app_package_name",
                )
            }
        ),
    )


def _json_object(text: str) -> dict[str, Any]:
    """Return a header's JSON object. A caller may send anything; an unreadable context is empty."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
