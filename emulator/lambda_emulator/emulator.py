"""Puts the parts together: template, functions, fronts; starts them, waits, and ends them without a trace."""

import asyncio
import hashlib
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from lambda_emulator import limits
from lambda_emulator.console import Console, error_text
from lambda_emulator.fronts.function_url import FunctionURLFront
from lambda_emulator.fronts.function_url_event import Endpoint
from lambda_emulator.fronts.invoke_api import InvokeAPI
from lambda_emulator.fronts.rest_api import Integration, RestAPIFront
from lambda_emulator.fronts.rest_api_routes import Route
from lambda_emulator.fronts.sigv4 import Credentials
from lambda_emulator.function.execution_environment import InitError
from lambda_emulator.function.host import Host
from lambda_emulator.function.launch import LaunchError, prepare
from lambda_emulator.function.pool import Function
from lambda_emulator.http.exchange import Handler
from lambda_emulator.http.server import HTTPServer
from lambda_emulator.template.cloudformation import REGION
from lambda_emulator.template.reader import FunctionConfig, FunctionURL, load
from lambda_emulator.watch import watch
from lambda_emulator.web.config import EndpointConfig, RevisionConfig, WebFunctionConfig
from lambda_emulator.web.endpoint import WebEndpoint
from lambda_emulator.web.launch import prepare as prepare_revision
from lambda_emulator.web.revision import Revision

__all__ = ["Emulator", "Options", "StartError"]

_TEMPLATES = ("template.yaml", "template.yml", "template.json")


class StartError(Exception):
    """The emulator cannot start; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line; defaults and meanings are in __main__.py."""

    template: Path | None = None
    function: str | None = None
    web: str | None = None
    host: str = "127.0.0.1"
    port: int = 3000
    lambda_port: int | None = None
    invoke_mode: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    concurrency: int = 10
    pace: bool = False
    hang_seconds: float = limits.EMPTY_STREAM_HANG_SECONDS
    freeze: bool = False
    cold: bool = False
    idle_seconds: float | None = None
    watch: bool = False
    as_json: bool = False
    command: tuple[str, ...] = ()


class Emulator:
    def __init__(self, options: Options, *, shell: Mapping[str, str]) -> None:
        self.options = options
        self.shell = shell
        self.console = Console(as_json=options.as_json)
        self.host = Host(self.console, freeze=options.freeze)
        self.functions: dict[str, Function] = {}
        self.revisions: dict[str, Mapping[str, Revision]] = {}
        """Of each Web Function, by its name."""
        self.servers: list[HTTPServer] = []
        self._watching: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Serves until SIGINT, SIGTERM or SIGHUP. Raises TemplateError or StartError."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        try:
            starting = asyncio.create_task(self._start())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await stopping
            else:
                starting.cancel()
                await asyncio.gather(starting, return_exceptions=True)
            stopping.cancel()
        finally:
            await self._stop()
        return 0

    async def _start(self) -> None:
        configs, web_configs = self._configs()
        try:
            for config in configs:
                launch = prepare(config, self.options.command, self.shell)
                self.functions[config.name] = Function(config, launch, self.host, concurrency=self._processes(config))
            for web_config in web_configs:
                self.revisions[web_config.name] = self._revisions(web_config)
        except LaunchError as error:
            raise StartError(str(error)) from error
        lines = await self._open_fronts(web_configs)
        revisions = [revision for revisions in self.revisions.values() for revision in revisions.values()]
        if not self.options.cold:
            for function in self.functions.values():
                await self._warm_up(function)
            for revision in revisions:
                await revision.warm_up()
        if self.options.watch:
            self._watching = asyncio.create_task(watch([*self.functions.values(), *revisions], self.console))
        for port, what in lines:
            suffix = f" ({what})" if what else ""
            print(f"Listening on http://{_host(self.options.host)}:{port}{suffix}", flush=True)

    async def _open_fronts(self, web_configs: Sequence[WebFunctionConfig]) -> list[tuple[int, str]]:
        """Each Function URL, REST API and endpoint of a Web Function on a port of its own, counting up; the ports, and
        what is there."""
        fronts: list[tuple[str, Callable[[int], Handler]]] = []
        apis: dict[tuple[str, str], list[Route[Integration]]] = {}
        for function in self.functions.values():
            if function.config.url is not None:
                fronts.append((function.config.name, partial(self._function_url, function)))
            for api in function.config.rest_apis:
                apis.setdefault((api.api, api.stage), []).append(
                    Route(api.method, api.resource, Integration(api, function))
                )
        for (name, stage), routes in apis.items():
            fronts.append((f"REST API {name}, stage {stage}", partial(self._rest_api, stage, routes)))
        fronts += [
            (f"{config.name}, {endpoint.name}", partial(self._web_endpoint, config, endpoint))
            for config in web_configs
            for endpoint in config.endpoints
        ]
        lines = []
        for index, (what, front) in enumerate(fronts):
            port = await self._listen(front, self.options.port + index if self.options.port else 0)
            lines.append((port, what if len(fronts) > 1 else ""))
        if self.options.lambda_port is not None:
            invoke_api = InvokeAPI(self.functions, self.console, pace=self.options.pace)
            lines.append((await self._listen(lambda _: invoke_api.handle, self.options.lambda_port), "Lambda API"))
        return lines

    async def _warm_up(self, function: Function) -> None:
        try:
            await function.warm_up()
        except InitError as failure:
            kind, message = error_text(failure.error.body)
            kind = kind or failure.error.kind
            raise StartError(f"{function.config.name} did not start: {kind}: {message}") from failure

    def _configs(self) -> tuple[list[FunctionConfig], list[WebFunctionConfig]]:
        """The functions to serve, of both kinds, with the command line's changes."""
        if self.options.web is not None:
            return [], [self._web_config(self.options.web)]
        path = self._template_path()
        if not path.is_file() and self.options.command and not self.options.template:
            code = Path.cwd()
            url = FunctionURL("NONE", "RESPONSE_STREAM")
            return [self._changed(FunctionConfig(code.name, code, name=code.name, url=url))], []
        template = load(path, self.options.overrides)
        web_config = template.web_function(self.options.function)
        if web_config is not None:
            return [], [web_config]
        chosen = [f for f in template.functions.values() if f.url or f.rest_apis]
        web_configs = list(template.web_functions.values())
        if self.options.function or self.options.command or not (chosen or web_configs):
            chosen, web_configs = [template.function(self.options.function)], []
        return [self._changed(config) for config in chosen], web_configs

    def _template_path(self) -> Path:
        found = (Path(name) for name in _TEMPLATES if Path(name).is_file())
        return self.options.template or next(found, Path(_TEMPLATES[0]))

    def _web_config(self, entry_point: str) -> WebFunctionConfig:
        """A Web Function of the current folder, as `--web` asks for it."""
        code = Path.cwd()
        variables = {} if self.options.command else {"AWS_LAMBDA_PYTHON_ENTRYPOINT": entry_point}
        revision = RevisionConfig(code.name, code, "python", environment=variables)
        return WebFunctionConfig(code.name, code.name, {"local": revision}, (EndpointConfig("prod", {"local": 100}),))

    def _revisions(self, config: WebFunctionConfig) -> Mapping[str, Revision]:
        return {
            key: Revision(
                revision,
                prepare_revision(revision, self.options.command, self.shell),
                self.host,
                processes=self.options.concurrency,
                idle_seconds=self.options.idle_seconds,
            )
            for key, revision in config.revisions.items()
        }

    def _changed(self, config: FunctionConfig) -> FunctionConfig:
        url = config.url or (None if config.rest_apis else FunctionURL())
        if url is not None and self.options.invoke_mode:
            url = replace(url, invoke_mode=self.options.invoke_mode)
        handler = self.options.command[-1] if self.options.command else config.handler
        return replace(config, url=url, handler=handler)

    def _processes(self, config: FunctionConfig) -> int:
        """Managed Instances serve many requests in one process."""
        return 1 if config.managed_concurrency is not None else self.options.concurrency

    def _function_url(self, function: Function, port: int) -> Handler:
        assert function.config.url is not None
        url_id = hashlib.md5(function.config.name.encode(), usedforsecurity=False).hexdigest()
        return FunctionURLFront(
            function,
            function.config.url,
            Endpoint(url_id, REGION, "http", port),
            self.console,
            credentials=_credentials(self.shell),
            pace=self.options.pace,
            hang_seconds=self.options.hang_seconds,
        ).handle

    def _web_endpoint(self, config: WebFunctionConfig, endpoint: EndpointConfig, port: int) -> Handler:
        names = ("localhost", "127.0.0.1", "[::1]", _host(self.options.host))
        return WebEndpoint(
            endpoint,
            self.revisions[config.name],
            self.console,
            domain=config.domain(endpoint),
            local=frozenset(f"{name}:{port}" for name in names),
            credentials=_credentials(self.shell),
        ).handle

    def _rest_api(self, stage: str, routes: list[Route[Integration]], port: int) -> Handler:
        return RestAPIFront(stage, routes, port, self.console, pace=self.options.pace).handle

    async def _listen(self, front: Callable[[int], Handler], port: int) -> int:
        server = HTTPServer(_not_ready, idle_seconds=limits.IDLE_SECONDS)
        try:
            real = await server.start(self.options.host, port)
        except OSError as error:
            what = f"{self.options.host}:{port}"
            raise StartError(f"cannot listen on {what}: {error.strerror or error}; choose another --port") from error
        self.servers.append(server)
        server.handler = front(real)
        return real

    async def _stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        for server in self.servers:
            await server.close()
        revisions = [revision for revisions in self.revisions.values() for revision in revisions.values()]
        functions: list[Function | Revision] = [*self.functions.values(), *revisions]
        await asyncio.gather(*(function.stop() for function in functions))
        await self.host.keeper.close()


async def _not_ready(exchange: object) -> None:
    raise AssertionError("a request came before its front was made")


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _credentials(shell: Mapping[str, str]) -> Credentials | None:
    access, secret = shell.get("AWS_ACCESS_KEY_ID"), shell.get("AWS_SECRET_ACCESS_KEY")
    return Credentials(access, secret, shell.get("AWS_SESSION_TOKEN")) if access and secret else None
