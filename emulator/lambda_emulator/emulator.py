"""Put template, functions and fronts together; start them, wait, and end all of them."""

import asyncio
import signal
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from lambda_emulator.console import Console, error_text
from lambda_emulator.credentials import Credentials, resolve
from lambda_emulator.fronts.function_description import Described
from lambda_emulator.function.execution_environment import InitError
from lambda_emulator.function.host import Host
from lambda_emulator.function.launch import LaunchError, Surroundings, prepare
from lambda_emulator.function.pool import Function
from lambda_emulator.listeners import ListenError, Listeners
from lambda_emulator.options import Options
from lambda_emulator.selection import Selection, select, select_one, template_path
from lambda_emulator.template.config import FunctionConfig
from lambda_emulator.template.document import TemplateError
from lambda_emulator.watch import Watcher
from lambda_emulator.web.config import WebFunctionConfig
from lambda_emulator.web.environment import StartFailed
from lambda_emulator.web.launch import prepare as prepare_revision
from lambda_emulator.web.revision import Revision

__all__ = ["Emulator", "StartError"]

_CONCURRENCY = 10


class StartError(Exception):
    """The emulator cannot start. The message is one line that says why."""


class Emulator:
    def __init__(self, options: Options, *, shell: Mapping[str, str]) -> None:
        self.options = options
        self.shell = shell
        self.console = Console(as_json=options.as_json, is_quiet=options.quiet)
        self.host = Host(self.console, freeze=options.freeze, debug=options.debug)
        self.known: list[Described] = []
        """All functions with events, those too that cannot be served."""
        self.functions: dict[str, Function] = {}
        self.revisions: dict[str, Mapping[str, Revision]] = {}
        """Of each Web Function, by its name."""
        self.listeners = Listeners(options, self.console)
        self.credentials: Credentials | None = None
        self._scratch = tempfile.TemporaryDirectory(prefix="lambda-emulator-")
        self._watching: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Serve until SIGINT, SIGTERM or SIGHUP.

        Returns:
            The exit status.

        Raises:
            TemplateError: The template cannot be used.
            StartError: A port is taken, or the only function cannot be started.
        """
        return await self._until_stopped(self._serve())

    async def invoke(self, job: Callable[[Function], Awaitable[int]]) -> int:
        """Let `job` invoke the function that the options name. No port is opened.

        Returns:
            What `job` returns, the exit status.

        Raises:
            TemplateError: The template cannot be used.
            StartError: The function cannot be started.
        """

        async def invoke() -> int:
            self._say_notes()
            config = select_one(self.options)
            await self._find_credentials()
            self._add(config, is_only=True)
            return await job(self.functions[config.name])

        return await self._until_stopped(invoke())

    async def _until_stopped(self, work: Coroutine[Any, Any, int]) -> int:
        """Run it to its end, or until a signal arrives. Then nothing that was started is left."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            return 0
        finally:
            stopping.cancel()
            await self._stop()

    def check(self) -> int:
        """Print what AWS would do differently, and return the number of warnings.

        Raises:
            TemplateError: The template cannot be used.
        """
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

    async def _serve(self) -> int:
        """Serve until cancelled."""
        self._say_notes()
        selection = select(self.options)
        self._print_cautions(selection)
        await self._find_credentials()
        for config in selection.functions:
            self._add(config, is_only=len(selection) == 1)
        for web_config in selection.web_functions:
            self._add_revisions(web_config)
        if not self.functions and not self.revisions:
            raise StartError("no function can be served")
        watcher = Watcher(self._watched) if self.options.watch else None
        addresses = await self._listen(selection.web_functions)
        if not self.options.cold:
            await self._warm_up()
        if watcher is not None:
            self._watching = asyncio.create_task(self._watch(watcher))
        for address in addresses:
            print(f"Listening on {address}", flush=True)
        await asyncio.Event().wait()
        return 0

    def _say_notes(self) -> None:
        for note in self.options.notes:
            self.console.note(note)

    async def _listen(self, web_functions: Sequence[WebFunctionConfig]) -> list[str]:
        """Open all ports. Return the addresses, each with what it serves."""
        try:
            return await self.listeners.open(
                self.known, self.functions, self.revisions, web_functions, self.credentials
            )
        except ListenError as error:
            raise StartError(str(error)) from error

    async def _find_credentials(self) -> None:
        if not self.options.with_credentials:
            return
        self.credentials, problem = await resolve(self.shell, self.options.profile)
        whose = str(self.credentials) if self.credentials is not None else "none"
        self.console.credentials(problem or whose)

    def _add(self, config: FunctionConfig, *, is_only: bool) -> None:
        """Add a function. One that cannot be started is named, and the others are still served."""
        try:
            launch = prepare(config, self.options.command, self._surroundings())
        except LaunchError as error:
            message = f"{config.logical_id}: {error}"
            if is_only:
                raise StartError(message) from error
            self.console.error(f"{message}; it is not served")
            self.known.append(Described(config, problem=str(error)))
            return
        self.known.append(Described(config))
        concurrency = self.options.concurrency
        if config.managed_concurrency is not None:
            concurrency = 1
        self.functions[config.name] = Function(
            config,
            launch,
            self.host,
            concurrency=concurrency or _CONCURRENCY,
            is_fixed=concurrency is not None,
        )

    def _add_revisions(self, config: WebFunctionConfig) -> None:
        revisions = {}
        for key, revision in config.revisions.items():
            try:
                launch = prepare_revision(revision, self.options.command, self._surroundings())
            except LaunchError as error:
                raise StartError(str(error)) from error
            revisions[key] = Revision(
                revision,
                launch,
                self.host,
                processes=self.options.concurrency or _CONCURRENCY,
                idle_seconds=self.options.idle_seconds,
            )
        self.revisions[config.name] = revisions

    def _all_revisions(self) -> list[Revision]:
        found: list[Revision] = []
        for revisions in self.revisions.values():
            found += revisions.values()
        return found

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
        """Start functions early.

        If the only one fails, the emulator ends. Others start again at their requests.
        """
        functions = self._all()
        for function in functions:
            try:
                await function.warm_up()
            except (InitError, StartFailed) as failure:
                if len(functions) == 1:
                    message = f"{function.config.name} did not start: {_reason(failure)}"
                    raise StartError(message) from failure
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

    # ---- --watch

    def _watched(self) -> list[Path]:
        template = template_path(self.options)
        folders = [function.config.code for function in self._all()]
        return [template.absolute(), *folders]

    async def _watch(self, watcher: Watcher) -> None:
        """Watch the template and the functions' code until cancelled."""
        template = str(template_path(self.options).absolute())
        async for changed in watcher.changes():
            if template in changed:
                self._read_again()
            for function in self._all():
                code = str(function.config.code)
                mine = [path for path in changed if path.startswith(f"{code}/")]
                mine += [path for path in (code, template) if path in changed]
                if mine:
                    await self._replace(function, sorted(mine))

    def _all(self) -> list[Function | Revision]:
        return [*self.functions.values(), *self._all_revisions()]

    async def _replace(self, function: Function | Revision, changed: list[str]) -> None:
        """Use new code in new environments.

        A function that fails is reported, and tried again at its next request.
        """
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
                "the template has other functions now: start the emulator again to serve them"
            )

    async def _stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self.listeners.close()
        await asyncio.gather(*(function.stop() for function in self._all()))
        await self.host.keeper.close()
        self._scratch.cleanup()


def _reason(failure: InitError | StartFailed) -> str:
    """Return why a function did not start: the error of its runtime, or of its process."""
    if isinstance(failure, StartFailed):
        return str(failure)
    kind, message = error_text(failure.error.body)
    return f"{kind or failure.error.kind}: {message}"
