"""SnapStart: run hooks before the snapshot, wait while it is taken, run hooks after it is restored.

Order and error types:
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-custom.html. The hooks are
those of `snapshot_restore_py`, which managed Python has on its path and where libraries register
theirs (https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html).
"""

import inspect
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from lambda_asgi.errors import AfterRestoreError, BeforeSnapshotError

Hook = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


async def run_before_snapshot() -> None:
    """Run the hooks, last registered first. Raises BeforeSnapshotError."""
    try:
        await _run(reversed(_registered("get_before_snapshot")))
    except Exception as error:
        raise BeforeSnapshotError(f"a before-snapshot hook raised {error!r}") from error


async def run_after_restore() -> None:
    """Run the hooks in the order of registration. Raises AfterRestoreError."""
    try:
        await _run(_registered("get_after_restore"))
    except Exception as error:
        raise AfterRestoreError(f"an after-restore hook raised {error!r}") from error


def _registered(registry: str) -> list[Hook]:
    try:
        module = import_module("snapshot_restore_py")
    except ModuleNotFoundError:
        return []
    return list(getattr(module, registry)())


async def _run(hooks: Iterable[Hook]) -> None:
    for function, args, kwargs in hooks:
        result = function(*args, **kwargs)
        # Not in the managed runtime: an async hook can close a connection pool.
        if inspect.isawaitable(result):
            await result
