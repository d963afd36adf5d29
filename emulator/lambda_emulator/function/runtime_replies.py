"""How the Runtime API and the Extensions API say yes and no."""

import json

from lambda_emulator.http.exchange import Exchange

__all__ = ["accept", "refuse"]


def accept(exchange: Exchange) -> None:
    """202, as to all that a runtime posts."""
    exchange.respond(202, [("Content-Type", "application/json")], b'{"status":"OK"}\n')


def refuse(exchange: Exchange, status: int, kind: str, message: str) -> None:
    """An error with its type, as JSON."""
    body = (
        json.dumps({"errorMessage": message, "errorType": kind}, separators=(",", ":")).encode()
        + b"\n"
    )
    exchange.respond(status, [("Content-Type", "application/json")], body)
