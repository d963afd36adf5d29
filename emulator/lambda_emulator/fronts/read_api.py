"""The operations of the Lambda API that read: GetFunction, ListFunctions and others.

Paths and members: botocore's service model. Signatures are not checked, as for Invoke.
"""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from lambda_emulator.console import Console, RequestLine
from lambda_emulator.fronts import function_description as describe
from lambda_emulator.fronts.call import Refusal
from lambda_emulator.fronts.function_description import Described
from lambda_emulator.fronts.function_name import parse_name
from lambda_emulator.http.exchange import Exchange

__all__ = ["ReadAPI"]

_PAGE: Final = 50
"""Functions of one ListFunctions. Documented."""


@dataclass(frozen=True, slots=True)
class ReadAPI:
    """Answers about the functions of a template.

    `functions` are all of them, also those that the emulator does not serve. `console` shows each
    request.
    """

    functions: Iterable[Described]
    console: Console

    async def handle(self, exchange: Exchange) -> None:
        """Serve one request: the HTTP server's handler."""
        request = exchange.request
        line = RequestLine(request.method, request.target, time.monotonic(), status=200)
        line.request_id = str(uuid.uuid4())
        headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", line.request_id)]
        try:
            found = self._read(request.target)
        except Refusal as refusal:
            line.status = refusal.status
            line.note = refusal.message
            headers.append(("x-amzn-ErrorType", refusal.kind))
            found = {"Type": "User", "Message": refusal.message}
        body = json.dumps(found).encode()
        line.count(len(body), 1)
        exchange.respond(line.status, headers, body)
        self.console.request(line)

    def _read(self, target: str) -> Mapping[str, Any]:
        """Return the JSON of a response.

        Raises:
            Refusal: There is no such operation or function, or a parameter is wrong.
        """
        path, _, text = target.partition("?")
        if re.fullmatch(r"/2015-03-31/functions/?", path):
            query = {name: values[-1] for name, values in parse_qs(text).items()}
            return self._page(query)
        if path == "/2016-08-19/account-settings":
            return describe.account(self.functions)
        for pattern, operation in _OPERATIONS:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            function = self._function(unquote(match["name"]))
            found = operation(function)
            if found is None:
                what = f"{function.config.name} has none: {path}"
                raise Refusal(404, "ResourceNotFoundException", what)
            return found
        message = f"the emulator has no GET {path}; docs/emulator.md lists the operations"
        raise Refusal(404, "UnknownOperationException", message)

    def _function(self, text: str) -> Described:
        parsed = parse_name(text)
        name = parsed[0] if parsed is not None else text
        for function in self.functions:
            if name in (function.config.name, function.config.logical_id):
                return function
        known = ", ".join(function.config.name for function in self.functions)
        message = f"Function not found; the emulator has: {known}"
        raise Refusal(404, "ResourceNotFoundException", message)

    def _page(self, query: Mapping[str, str]) -> Mapping[str, Any]:
        """Return one page of ListFunctions, in the order of names.

        The marker is the name of the first function on the next page.
        """
        limit = query.get("MaxItems", str(_PAGE))
        if not limit.isdigit() or not 1 <= int(limit) <= 10_000:
            raise Refusal(400, "InvalidParameterValueException", "MaxItems is 1 to 10000")
        size = min(int(limit), _PAGE)
        marker = query.get("Marker", "")
        rest = [one for one in self.functions if one.config.name >= marker]
        rest.sort(key=lambda one: one.config.name)
        functions = [describe.configuration(one) for one in rest[:size]]
        page: dict[str, Any] = {"Functions": functions}
        if len(rest) > size:
            page["NextMarker"] = rest[size].config.name
        return page


def _operation(date: str, rest: str) -> re.Pattern[str]:
    return re.compile(rf"/{date}/functions/(?P<name>[^/]+){rest}")


_Operation = Callable[[Described], Mapping[str, Any] | None]
_OPERATIONS: Final[tuple[tuple[re.Pattern[str], _Operation], ...]] = (
    (_operation("2015-03-31", ""), describe.function),
    (_operation("2015-03-31", "/configuration"), describe.configuration),
    (_operation("2015-03-31", "/versions"), describe.versions),
    (_operation("2015-03-31", "/aliases"), describe.aliases),
    (_operation("2015-03-31", "/policy"), lambda function: None),
    (_operation("2021-10-31", "/url"), describe.url),
    (_operation("2021-10-31", "/urls"), describe.urls),
    (_operation("2019-09-30", "/concurrency"), describe.concurrency),
    (_operation("2019-09-25", "/event-invoke-config"), describe.event_invoke),
    (_operation("2019-09-25", "/event-invoke-config/list"), describe.event_invokes),
    (re.compile(r"/2017-03-31/tags/(?P<name>[^/]+)"), lambda function: {"Tags": {}}),
)
"""Each operation about one function. None: the function has no such thing."""
