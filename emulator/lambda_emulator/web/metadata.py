"""The metadata endpoint of an execution environment: its availability zone.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-metadata-endpoint.html
"""

import json
from typing import Final
from uuid import uuid4

from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.server import HTTPServer

__all__ = ["MetadataEndpoint"]

_PATH: Final = "/2026-01-15/metadata/execution-environment"
_SHORT: Final = {
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
    "central": "c",
    "northeast": "ne",
    "southeast": "se",
}


class MetadataEndpoint:
    def __init__(self, region: str) -> None:
        self._zone = zone_id(region)
        self.token = str(uuid4())
        self._server = HTTPServer(self._handle)

    async def start(self) -> str:
        """Listen, and return host:port."""
        return f"127.0.0.1:{await self._server.start('127.0.0.1', 0)}"

    async def close(self) -> None:
        await self._server.close()

    async def _handle(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.header("authorization") != f"Bearer {self.token}":
            exchange.respond(401)
        elif request.target != _PATH:
            exchange.respond(404)
        elif request.method != "GET":
            exchange.respond(405)
        else:
            body = json.dumps({"AvailabilityZoneID": self._zone}).encode()
            headers = [
                ("Content-Type", "application/json"),
                ("Cache-Control", "private, max-age=43200, immutable"),
            ]
            exchange.respond(200, headers, body)


def zone_id(region: str) -> str:
    """The id of a region's first availability zone.

    >>> zone_id("us-east-1"), zone_id("ap-southeast-2"), zone_id("us-gov-west-1")
    ('use1-az1', 'apse2-az1', 'usgw1-az1')
    """
    area, *directions, number = region.split("-")
    letters = "".join(_SHORT.get(word, word[0]) for word in directions)
    return f"{area}{letters}{number}-az1"
