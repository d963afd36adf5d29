"""An ASGI app at Lambda's default entry point: it shows its scope."""

import json
from typing import Any


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise RuntimeError("no lifespan here")
    shown = {
        "interface": "asgi",
        "type": scope["type"],
        "client": scope["client"][0],
        "server": list(scope["server"]),
        "scheme": scope["scheme"],
        "root_path": scope["root_path"],
        "path": scope["path"],
        "http_version": scope["http_version"],
        "extensions": sorted(scope.get("extensions", {})),
    }
    body = json.dumps(shown).encode()
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json")],
        }
    )
    await send({"type": "http.response.body", "body": body})


class Callable_:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)


instance = Callable_()


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    body = environ["wsgi.input"].read()
    shown = {
        "interface": "wsgi",
        "path": environ["PATH_INFO"],
        "query": environ["QUERY_STRING"],
        "body": body.decode(),
    }
    return [json.dumps(shown).encode()]


class Nested:
    app = instance


not_callable = 3
