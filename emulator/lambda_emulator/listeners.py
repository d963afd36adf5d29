"""The ports of the emulator: one for each Function URL, API and endpoint of a Web Function."""

import hashlib
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from lambda_emulator import limits
from lambda_emulator.console import Console
from lambda_emulator.credentials import Credentials
from lambda_emulator.event_queue import EventQueue
from lambda_emulator.fronts.apis import APIFront, api_fronts
from lambda_emulator.fronts.function_description import Described
from lambda_emulator.fronts.function_url import FunctionURLFront
from lambda_emulator.fronts.function_url_event import Endpoint
from lambda_emulator.fronts.gateway_event import Address
from lambda_emulator.fronts.invoke_api import InvokeAPI
from lambda_emulator.fronts.lambda_api import LambdaAPI
from lambda_emulator.fronts.read_api import ReadAPI
from lambda_emulator.function.pool import Function
from lambda_emulator.http.exchange import Handler
from lambda_emulator.http.guard import Guard
from lambda_emulator.http.server import HTTPServer
from lambda_emulator.options import Options
from lambda_emulator.web.config import EndpointConfig, WebFunctionConfig
from lambda_emulator.web.endpoint import WebEndpoint
from lambda_emulator.web.revision import Revision

__all__ = ["ListenError", "Listeners"]


class ListenError(Exception):
    """A port is taken, or a certificate cannot be read; the message says what to change."""


class _Front(NamedTuple):
    what: str
    serve: Callable[[int], Handler]
    """Makes the handler, given the port."""
    guard: Guard


class Listeners:
    """Opens the ports in `open`, and closes them in `close`."""

    def __init__(self, options: Options, console: Console) -> None:
        self.options = options
        self.console = console
        self.credentials: Credentials | None = None
        self._servers: list[HTTPServer] = []
        self._tls: ssl.SSLContext | None = None
        self._events: EventQueue | None = None

    async def open(
        self,
        known: Sequence[Described],
        functions: Mapping[str, Function],
        revisions: Mapping[str, Mapping[str, Revision]],
        web_functions: Sequence[WebFunctionConfig],
        credentials: Credentials | None,
    ) -> list[str]:
        """Open a port for each front, counting up from `--port`.

        Args:
            known: All functions, served or not. The Lambda API describes them.
            functions: The Event Functions to serve, by name.
            revisions: The revisions of each Web Function, by its name.
            web_functions: The Web Functions to serve.
            credentials: The keys that signatures are checked with.

        Returns:
            The addresses. If there are several, each with what it serves.

        Raises:
            ListenError: A port is taken, or the certificate cannot be read.
        """
        self.credentials = credentials
        self._tls = self._certificate()
        fronts = [
            *self._function_urls(functions.values()),
            *self._apis(functions.values()),
            *self._web_endpoints(web_functions, revisions),
        ]
        addresses = []
        by_name: dict[str, str] = {}
        for index, front in enumerate(fronts):
            wanted = self.options.port + index if self.options.port else 0
            port = await self._listen("--port", wanted, front)
            address = self._address(port)
            by_name[front.what] = address
            addresses.append(f"{address} ({front.what})" if len(fronts) > 1 else address)
        if self.options.lambda_port is not None:
            self._events = EventQueue(functions, self.console)
            invoke_api = InvokeAPI(functions, self._events, self.console, pace=self.options.pace)
            described = []
            for one in known:
                address = by_name.get(one.config.name, "")
                described.append(replace(one, address=address))
            lambda_api = LambdaAPI(invoke_api, ReadAPI(described, self.console))
            front = _Front("Lambda API", lambda _: lambda_api.handle, self._guard())
            port = await self._listen("--lambda-port", self.options.lambda_port, front)
            addresses.append(f"{self._address(port)} (Lambda API)")
        return addresses

    async def close(self) -> None:
        for server in self._servers:
            await server.close()
        if self._events is not None:
            await self._events.close()

    # ---- the fronts

    def _function_urls(self, functions: Iterable[Function]) -> Iterator[_Front]:
        for function in functions:
            url = function.config.url
            if url is None:
                continue
            origins = set(url.cors.allow_origins) - {"*"}
            guard = self._guard(origins, lenient=bool(url.cors))
            serve = partial(self._function_url, function)
            yield _Front(function.config.name, serve, guard)

    def _function_url(self, function: Function, port: int) -> Handler:
        config = function.config
        digest = hashlib.md5(config.name.encode(), usedforsecurity=False)
        endpoint = Endpoint(digest.hexdigest(), config.region, self._scheme, port)
        front = FunctionURLFront(
            function,
            endpoint,
            self.console,
            credentials=self.credentials,
            pace=self.options.pace,
            hang_seconds=self.options.hang_seconds,
        )
        return front.handle

    def _apis(self, functions: Iterable[Function]) -> Iterator[_Front]:
        pace, debug = self.options.pace, self.options.debug
        for api in api_fronts(functions, self.console, pace=pace, debug=debug):
            origins = api.origins - {"*"}
            guard = self._guard(origins, lenient=bool(api.origins), hosts=api.hosts)
            yield _Front(api.name, partial(self._api, api), guard)

    def _api(self, api: APIFront, port: int) -> Handler:
        return api.serve(Address(port, self._scheme, self.options.region))

    def _web_endpoints(
        self,
        web_functions: Sequence[WebFunctionConfig],
        revisions: Mapping[str, Mapping[str, Revision]],
    ) -> Iterator[_Front]:
        for config in web_functions:
            for endpoint in config.endpoints:
                serve = partial(self._web_endpoint, config, endpoint, revisions[config.name])
                guard = self._guard(any_host=True)
                yield _Front(f"{config.name}, {endpoint.name}", serve, guard)

    def _web_endpoint(
        self,
        config: WebFunctionConfig,
        endpoint: EndpointConfig,
        revisions: Mapping[str, Revision],
        port: int,
    ) -> Handler:
        own = ("localhost", "127.0.0.1", "[::1]", _in_url(self.options.host))
        names = (*own, *self.options.allowed_hosts)
        front = WebEndpoint(
            endpoint,
            revisions,
            self.console,
            domain=config.domain(endpoint),
            local=frozenset(f"{name}:{port}" for name in names),
            credentials=self.credentials,
        )
        return front.handle

    def _guard(
        self,
        origins: Iterable[str] = (),
        *,
        hosts: Iterable[str] = (),
        lenient: bool = False,
        any_host: bool = False,
    ) -> Guard:
        allowed = (self.options.host, *self.options.allowed_hosts, *hosts)
        return Guard.of(allowed, origins=origins, lenient=lenient, any_host=any_host)

    # ---- the ports

    async def _listen(self, option: str, port: int, front: _Front) -> int:
        server = HTTPServer(
            _not_ready, idle_seconds=limits.IDLE_SECONDS, guard=front.guard, tls=self._tls
        )
        host = self.options.host
        try:
            real = await server.start(host, port)
        except OSError as error:
            problem = f"cannot listen on {_in_url(host)}:{port}: {error.strerror or error}"
            raise ListenError(f"{problem}; choose another {option}") from error
        self._servers.append(server)
        server.handler = front.serve(real)
        return real

    def _certificate(self) -> ssl.SSLContext | None:
        """Return the TLS context of --certfile and --keyfile."""
        if self.options.certfile is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.options.certfile, self.options.keyfile)
        except (OSError, ssl.SSLError) as error:
            raise ListenError(
                f"--certfile {self.options.certfile}, --keyfile {self.options.keyfile}: {error}; "
                "give a certificate and its key in PEM form, such as mkcert localhost makes"
            ) from error
        return context

    @property
    def _scheme(self) -> str:
        return "http" if self.options.certfile is None else "https"

    def _address(self, port: int) -> str:
        return f"{self._scheme}://{_in_url(self.options.host)}:{port}"


async def _not_ready(exchange: object) -> None:
    raise AssertionError("a request came before its front was made")


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
