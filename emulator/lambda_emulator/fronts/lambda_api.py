"""The Lambda API on one port: operations that invoke functions, and operations that read them."""

from dataclasses import dataclass

from lambda_emulator.fronts.invoke_api import InvokeAPI
from lambda_emulator.fronts.read_api import ReadAPI
from lambda_emulator.http.exchange import Exchange

__all__ = ["LambdaAPI"]


@dataclass(frozen=True, slots=True)
class LambdaAPI:
    invokes: InvokeAPI
    reads: ReadAPI

    async def handle(self, exchange: Exchange) -> None:
        """Serve one request: the HTTP server's handler."""
        is_read = exchange.request.method == "GET"
        await (self.reads if is_read else self.invokes).handle(exchange)
