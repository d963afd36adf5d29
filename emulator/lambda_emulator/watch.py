"""`--watch`: new code, new environments. What runs is left to end by itself."""

from collections.abc import Sequence

from watchfiles import DefaultFilter, awatch

from lambda_emulator.console import Console
from lambda_emulator.function.execution_environment import InitError
from lambda_emulator.function.pool import Function
from lambda_emulator.web.revision import Revision

__all__ = ["watch"]


async def watch(functions: Sequence[Function | Revision], console: Console) -> None:
    """Watches the functions' code folders for ever. A function that no longer starts is reported, and tried again."""
    folders = {function.config.code for function in functions}
    async for changes in awatch(*folders, watch_filter=DefaultFilter(), debounce=200, step=50):
        paths = sorted(path for _, path in changes)
        for function in functions:
            if any(path.startswith(f"{function.config.code}/") for path in paths):
                more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
                console.note(f"{paths[0]}{more} changed: new processes for {function.config.name}")
                await function.replace()
                try:
                    await function.warm_up()
                except InitError as failure:
                    console.init_failed(function.config, failure.error)
