"""Puts the parts together: template, functions, fronts; starts them, waits, and ends them without a trace."""

import asyncio
import hashlib
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from lambda_emulator import limits
from lambda_emulator.console import Console, error_text
from lambda_emulator.credentials import Credentials, resolve
from lambda_emulator.fronts.function_url import FunctionURLFront
from lambda_emulator.fronts.function_url_event import Endpoint
from lambda_emulator.fronts.invoke_api import InvokeAPI
from lambda_emulator.fronts.rest_api import Integration, RestAPIFront
from lambda_emulator.fronts.rest_api_routes import Route
from lambda_emulator.function.execution_environment import InitError
from lambda_emulator.function.host import Host
from lambda_emulator.function.launch import LaunchError, Surroundings, prepare
from lambda_emulator.function.pool import Function
from lambda_emulator.http.exchange import Handler
from lambda_emulator.http.guard import Guard
from lambda_emulator.http.server import HTTPServer
from lambda_emulator.options import Options
from lambda_emulator.selection import Selection, select, template_path
from lambda_emulator.template.cloudformation import REGION
from lambda_emulator.template.config import FunctionConfig
from lambda_emulator.template.document import TemplateError
from lambda_emulator.watch import Watcher
from lambda_emulator.web.config import EndpointConfig, WebFunctionConfig
from lambda_emulator.web.endpoint import WebEndpoint
from lambda_emulator.web.environment import StartFailed
from lambda_emulator.web.launch import prepare as prepare_revision
from lambda_emulator.web.revision import Revision

__all__ = ["Emulator", "StartError"]

_CONCURRENCY = 10


class StartError(Exception):
    """The emulator cannot start; the message is one line that says why."""


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
        self.credentials: Credentials | None = None
        self._scratch = tempfile.TemporaryDirectory(prefix="lambda-emulator-")
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

    def check(self) -> int:
        """Prints what AWS would do otherwise; the number of warnings. Raises TemplateError."""
        selection = select(self.options)
        count = self._print_cautions(selection)
        for config in selection.functions:
            try:
                prepare(config, self.options.command, self._surroundings())
            except LaunchError as error:
                if str(error) != config.problem:  # that was said already
                    self.console.caution(config.where(""), f"{config.logical_id}: {error}")
                    count += 1
        self._scratch.cleanup()
        return count

    async def _start(self) -> None:
        selection = select(self.options)
        self._print_cautions(selection)
        await self._find_credentials()
        for config in selection.functions:
            self._add(config, is_only=len(selection) == 1)
        for web_config in selection.web_functions:
            self._add_revisions(web_config)
        if not (self.functions or self.revisions):
            raise StartError("no function can be served")
        watcher = Watcher(self._watched) if self.options.watch else None
        lines = await self._open_fronts(selection.web_functions)
        if not self.options.cold:
            await self._warm_up()
        if watcher is not None:
            self._watching = asyncio.create_task(self._watch(watcher))
        for port, what in lines:
            suffix = f" ({what})" if what else ""
            print(f"Listening on http://{_host(self.options.host)}:{port}{suffix}", flush=True)

    async def _find_credentials(self) -> None:
        if self.options.with_credentials:
            self.credentials, problem = await resolve(self.shell)
            whose = str(self.credentials) if self.credentials is not None else "none"
            self.console.credentials(problem or whose)

    def _add(self, config: FunctionConfig, *, is_only: bool) -> None:
        """One that cannot be started is named, and does not keep others from being served."""
        try:
            launch = prepare(config, self.options.command, self._surroundings())
        except LaunchError as error:
            message = f"{config.logical_id}: {error}"
            if is_only:
                raise StartError(message) from error
            self.console.error(f"{message}; it is not served")
            return
        managed, asked = config.managed_concurrency is not None, self.options.concurrency
        self.functions[config.name] = Function(
            config, launch, self.host,
            concurrency=1 if managed else asked or _CONCURRENCY, is_fixed=managed or asked is not None,
        )  # fmt: skip

    def _add_revisions(self, config: WebFunctionConfig) -> None:
        try:
            self.revisions[config.name] = {
                key: Revision(
                    revision,
                    prepare_revision(revision, self.options.command, self._surroundings()),
                    self.host,
                    processes=self.options.concurrency or _CONCURRENCY,
                    idle_seconds=self.options.idle_seconds,
                )
                for key, revision in config.revisions.items()
            }
        except LaunchError as error:
            raise StartError(str(error)) from error

    def _all_revisions(self) -> list[Revision]:
        return [
            revision for revisions in self.revisions.values() for revision in revisions.values()
        ]

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            self.shell,
            self.credentials,
            self.options.variables,
            self.options.opt,
            Path(self._scratch.name),
            Path.cwd(),
        )

    async def _warm_up(self) -> None:
        """One function that does not start is all that there is, or is named, and tried again at its requests."""
        for function in self._all():
            try:
                await function.warm_up()
            except (InitError, StartFailed) as failure:
                if len(self._all()) == 1:
                    raise StartError(
                        f"{function.config.name} did not start: {_reason(failure)}"
                    ) from failure
                self._did_not_start(function, failure)

    def _did_not_start(
        self, function: Function | Revision, failure: InitError | StartFailed
    ) -> None:
        if isinstance(failure, InitError):
            self.console.init_failed(function.config, failure.error)
        else:
            self.console.error(f"{function.config.name} did not start: {_reason(failure)}")

    def _print_cautions(self, selection: Selection) -> int:
        found = list(selection.cautions(self.options))
        for where, message in found:
            self.console.caution(where, message)
        return len(found)

    # ---- fronts

    async def _open_fronts(self, web_configs: Sequence[WebFunctionConfig]) -> list[tuple[int, str]]:
        """Each Function URL, REST API and endpoint of a Web Function on a port of its own, counting up.

        Returns the ports, and what is there.
        """
        fronts: list[tuple[str, Callable[[int], Handler], Guard]] = []
        apis: dict[tuple[str, str], list[Route[Integration]]] = {}
        for function in self.functions.values():
            if url := function.config.url:
                guard = self._guard(
                    origins=set(url.cors.allow_origins) - {"*"}, lenient=bool(url.cors)
                )
                fronts.append((function.config.name, partial(self._function_url, function), guard))
            for api in function.config.rest_apis:
                route = Route(api.method, api.resource, Integration(api, function))
                apis.setdefault((api.api, api.stage), []).append(route)
        for (name, stage), routes in apis.items():
            fronts.append(
                (
                    f"REST API {name}, stage {stage}",
                    partial(self._rest_api, stage, routes),
                    self._guard(),
                )
            )
        for config in web_configs:
            for endpoint in config.endpoints:
                serve = partial(self._web_endpoint, config, endpoint)
                fronts.append(
                    (f"{config.name}, {endpoint.name}", serve, self._guard(any_host=True))
                )
        lines = []
        for index, (what, front, guard) in enumerate(fronts):
            port = await self._listen(
                "--port", self.options.port + index if self.options.port else 0, front, guard
            )
            lines.append((port, what if len(fronts) > 1 else ""))
        if self.options.lambda_port is not None:
            invoke_api = InvokeAPI(self.functions, self.console, pace=self.options.pace)
            port = await self._listen(
                "--lambda-port",
                self.options.lambda_port,
                lambda _: invoke_api.handle,
                self._guard(),
            )
            lines.append((port, "Lambda API"))
        return lines

    def _guard(
        self, origins: "set[str] | None" = None, *, lenient: bool = False, any_host: bool = False
    ) -> Guard:
        hosts = (self.options.host, *self.options.allowed_hosts)
        return Guard.of(hosts, origins=origins or (), lenient=lenient, any_host=any_host)

    def _function_url(self, function: Function, port: int) -> Handler:
        url_id = hashlib.md5(function.config.name.encode(), usedforsecurity=False).hexdigest()
        return FunctionURLFront(
            function,
            Endpoint(url_id, REGION, "http", port),
            self.console,
            credentials=self.credentials,
            pace=self.options.pace,
            hang_seconds=self.options.hang_seconds,
        ).handle

    def _web_endpoint(
        self, config: WebFunctionConfig, endpoint: EndpointConfig, port: int
    ) -> Handler:
        names = (
            "localhost",
            "127.0.0.1",
            "[::1]",
            _host(self.options.host),
            *self.options.allowed_hosts,
        )
        return WebEndpoint(
            endpoint,
            self.revisions[config.name],
            self.console,
            domain=config.domain(endpoint),
            local=frozenset(f"{name}:{port}" for name in names),
            credentials=self.credentials,
        ).handle

    def _rest_api(self, stage: str, routes: list[Route[Integration]], port: int) -> Handler:
        return RestAPIFront(stage, routes, port, self.console, pace=self.options.pace).handle

    async def _listen(
        self, option: str, port: int, front: Callable[[int], Handler], guard: Guard
    ) -> int:
        server = HTTPServer(_not_ready, idle_seconds=limits.IDLE_SECONDS, guard=guard)
        try:
            real = await server.start(self.options.host, port)
        except OSError as error:
            what = f"{self.options.host}:{port}"
            raise StartError(
                f"cannot listen on {what}: {error.strerror or error}; choose another {option}"
            ) from error
        self.servers.append(server)
        server.handler = front(real)
        return real

    # ---- --watch

    def _watched(self) -> list[Path]:
        return [
            template_path(self.options).absolute(),
            *(function.config.code for function in self._all()),
        ]

    async def _watch(self, watcher: Watcher) -> None:
        """Watches the template and the functions' code for ever."""
        template = template_path(self.options).absolute()
        async for changed in watcher.changes():
            if str(template) in changed:
                self._read_again()
            for function in self._all():
                code = str(function.config.code)
                mine = sorted(
                    p for p in changed if p in (code, str(template)) or p.startswith(f"{code}/")
                )
                if mine:
                    await self._replace(function, mine)

    def _all(self) -> list[Function | Revision]:
        return [*self.functions.values(), *self._all_revisions()]

    async def _replace(self, function: Function | Revision, changed: list[str]) -> None:
        """New code, new environments. One that no longer starts is reported, and tried again at the next request."""
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        self.console.note(f"{changed[0]}{more} changed: new processes for {function.config.name}")
        try:
            if isinstance(function, Function):
                function.launch = prepare(
                    function.config, self.options.command, self._surroundings()
                )
            await function.replace()
            await function.warm_up()
        except LaunchError as error:
            self.console.error(f"{function.config.name}: {error}")
        except (InitError, StartFailed) as failure:
            self._did_not_start(function, failure)

    def _read_again(self) -> None:
        try:
            configs = select(self.options).functions
        except TemplateError as error:
            self.console.error(f"{error}; the template before it stays in use")
            return
        for config in configs:
            if function := self.functions.get(config.name):
                function.config = config
        if {config.name for config in configs} != set(self.functions):
            self.console.note(
                "the template has other functions now: start the emulator anew to serve them"
            )

    async def _stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        for server in self.servers:
            await server.close()
        await asyncio.gather(*(function.stop() for function in self._all()))
        await self.host.keeper.close()
        self._scratch.cleanup()


async def _not_ready(exchange: object) -> None:
    raise AssertionError("a request came before its front was made")


def _reason(failure: InitError | StartFailed) -> str:
    """Why a function did not start: the error of its runtime, or of its process."""
    if isinstance(failure, StartFailed):
        return str(failure)
    kind, message = error_text(failure.error.body)
    return f"{kind or failure.error.kind}: {message}"


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
