"""An app that exits, forks, and ends its children: the path says how."""

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
import time
from typing import Any

from lambda_asgi import LambdaASGI


def say_and_exit(number: int, frame: Any) -> None:
    print("own handler", flush=True)
    assert number == signal.SIGTERM
    sys.exit(3)


if os.environ.get("OWN_HANDLER"):
    signal.signal(signal.SIGTERM, say_and_exit)


async def exits() -> None:
    sys.exit(0)


def in_child_and_then(end: Any) -> bytes:
    """Fork; the child ends by `end`. What the parent sees of the child's end."""
    pid = os.fork()
    if not pid:
        end()
        raise KeyError("in the child")
    return awaited(pid)


def awaited(pid: int) -> bytes:
    return b"child %d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def forever() -> None:
    while True:
        time.sleep(3600)


def terminated_child() -> bytes:
    process = multiprocessing.get_context("fork").Process(target=forever)
    process.start()
    process.terminate()
    process.join()
    return b"child %d" % (process.exitcode or 0)


def thread_exits() -> bytes:
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()
    return b"fine"


async def content(path: str) -> bytes:
    match path:
        case "/awaited":
            await asyncio.create_task(exits())
        case "/group":
            async with asyncio.TaskGroup() as group:
                group.create_task(exits())
        case "/background":
            asyncio.get_running_loop().call_soon(asyncio.create_task, exits())
            await asyncio.sleep(0.05)
        case "/callback":
            asyncio.get_running_loop().call_soon(sys.exit, 0)
            await asyncio.sleep(0.05)
        case "/left":
            asyncio.get_running_loop().call_soon(asyncio.create_task, exits())
        case "/directly":
            sys.exit(0)
        case "/stops-loop":
            asyncio.get_running_loop().stop()
            await asyncio.sleep(0.05)
        case "/executor":
            await asyncio.get_running_loop().run_in_executor(None, sys.exit, 0)
        case "/thread":
            return thread_exits()
        case "/fork-exit":
            return in_child_and_then(lambda: sys.exit(7))
        case "/fork-raise":
            return in_child_and_then(lambda: None)
        case "/fork-text":
            return in_child_and_then(lambda: sys.exit("bye"))
        case "/fork-return":
            if pid := os.fork():
                return awaited(pid)
            return b"from the child"
        case "/fork-in-thread":
            return await asyncio.to_thread(in_child_and_then, lambda: os._exit(7))
        case "/terminated-child":
            return terminated_child()
    return b"fine"


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError
    body = await content(scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


handler = LambdaASGI(app, lifespan="off", response_mode="streaming")


async def lifespan_app(scope: Any, receive: Any, send: Any) -> None:
    """The same with a lifespan, so that Lambda is asked for SIGTERM."""
    if scope["type"] != "lifespan":
        await app(scope, receive, send)
        return
    for stage in ("startup", "shutdown"):
        await receive()
        print(f"lifespan {stage}", flush=True)
        await send({"type": f"lifespan.{stage}.complete"})
