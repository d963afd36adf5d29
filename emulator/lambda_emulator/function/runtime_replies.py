"""The replies of the Runtime API and the Extensions API."""

import json

from lambda_emulator.http.exchange import Exchange

__all__ = ["accept", "refuse"]


def accept(exchange: Exchange) -> None:
    """Reply 202, as to all posts of a runtime."""
    exchange.respond(202, [("Content-Type", "application/json")], b'{"status":"OK"}\n')


def refuse(exchange: Exchange, status: int, kind: str, message: str) -> None:
    """Reply with an error and its type, as JSON.

    Args:
        exchange: The runtime's request.
        status: The status.
        kind: The value of errorType.
        message: The value of errorMessage.
    """
    body = (
        json.dumps({"errorMessage": message, "errorType": kind}, separators=(",", ":")).encode()
        + b"\n"
    )
    exchange.respond(status, [("Content-Type", "application/json")], body)
