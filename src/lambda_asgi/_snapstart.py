"""SnapStart: hooks before the snapshot is taken, a wait while it is, hooks after it was restored.

Order and error types: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-custom.html. The hooks are
those of `snapshot_restore_py`, which managed Python has on its path: libraries register theirs there already
(https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html).
"""

import inspect
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from lambda_asgi.errors import AfterRestoreError, BeforeSnapshotError

Hook = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


async def run_before_snapshot() -> None:
    """The last registered first. Raises BeforeSnapshotError."""
    try:
        await _run(reversed(_registered("get_before_snapshot")))
    except Exception as error:
        raise BeforeSnapshotError(f"a before-snapshot hook raised {error!r}") from error


async def run_after_restore() -> None:
    """In the order of registration. Raises AfterRestoreError."""
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
        if inspect.isawaitable(
            result
        ):  # beyond what the managed runtime does: a pool is closed by awaiting
            await result
