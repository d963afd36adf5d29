"""A runtime for tests of the environment's life: SnapStart, extensions, Managed Instances, signals.

What it does is chosen by LIFE in its environment; it shares the API client with scripted.py.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

from scripted import API, Invocation  # type: ignore[import-not-found]  # the script's own folder is on its path

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError"


def log(text: str) -> None:
    print(text, flush=True)


def register(*events: str) -> tuple[int, str]:
    """The status, and the header that names the extension from then on."""
    body = json.dumps({"events": events}).encode()
    status, headers, _ = API().call(
        "POST", "/2020-01-01/extension/register", body, "Lambda-Extension-Name: inner"
    )
    return status, f"Lambda-Extension-Identifier: {headers.get('lambda-extension-identifier')}"


def park(identifier: str) -> None:
    """Asks for the next event in a thread, for ever."""
    path = "/2020-01-01/extension/event/next"
    threading.Thread(target=lambda: API().call("GET", path, b"", identifier), daemon=True).start()


def serve(api: API) -> None:
    """Answers each invocation with the pid and the event's path."""
    while True:
        status, headers, body = api.call("GET", "/2018-06-01/runtime/invocation/next")
        if status != 200:
            sys.exit(f"next: {status} {body!r}")
        invocation = Invocation(api, headers, body)
        if "sleep" in invocation.event["rawPath"]:
            time.sleep(3600)
        invocation.respond(
            json.dumps({"pid": os.getpid(), "path": invocation.event["rawPath"]}).encode()
        )


def snap_start() -> None:
    assert os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start"
    assert "AWS_LAMBDA_LOG_STREAM_NAME" not in os.environ
    log("before the snapshot")
    status, _, _ = API().call("GET", "/2018-06-01/runtime/restore/next")
    log(f"restored {status}")
    if os.environ.get("RESTORE") == "error":
        body = b'{"errorType":"HookError","errorMessage":"the hook failed"}'
        API().call(
            "POST",
            "/2018-06-01/runtime/restore/error",
            body,
            ERROR_TYPE,
        )
        sys.exit(65)
    serve(API())


def extension() -> None:
    """An internal extension that asks for no event, and so gets SIGTERM before it is killed."""

    def terminated(*_: object) -> None:
        log("SIGTERM seen")
        os._exit(0)

    signal.signal(signal.SIGTERM, terminated)
    log(f"SHUTDOWN {register('SHUTDOWN')[0]}")
    status, identifier = register()
    assert status == 200
    park(identifier)
    serve(API())


def invoke_extension() -> None:
    """An internal extension that is told of each invocation."""
    _, identifier = register("INVOKE")

    def listen() -> None:
        api = API()
        while True:
            event = json.loads(
                api.call("GET", "/2020-01-01/extension/event/next", b"", identifier)[2]
            )
            log(f"extension: {event['eventType']} {event['requestId']}")

    threading.Thread(target=listen, daemon=True).start()
    serve(API())


def no_extension() -> None:
    """Would say so if it saw a SIGTERM; without an extension none comes."""
    signal.signal(signal.SIGTERM, lambda *_: log("SIGTERM seen"))
    serve(API())


def managed() -> None:
    """As many polls at once as allowed; an answer waits until all of its round are there."""
    count = int(os.environ["AWS_LAMBDA_MAX_CONCURRENCY"])
    assert os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "lambda-managed-instances"
    barrier = threading.Barrier(count)

    def poll() -> None:
        api = API()
        while True:
            _, headers, body = api.call("GET", "/2018-06-01/runtime/invocation/next")
            invocation = Invocation(api, headers, body)
            if "together" in invocation.event["rawPath"]:
                barrier.wait(20)
            if "late" in invocation.event["rawPath"]:
                time.sleep(1.3)
            answer = json.dumps({"pid": os.getpid(), "path": invocation.event["rawPath"]}).encode()
            log(f"{invocation.event['rawPath']} {invocation.respond(answer)[0]}")

    threads = [threading.Thread(target=poll) for _ in range(count)]
    for thread in threads:
        thread.start()


def load() -> None:
    """Stream for the load test: a body is its path, `chunks` random pieces, and their digest."""

    def poll() -> None:
        api = API()
        while True:
            _, headers, body = api.call("GET", "/2018-06-01/runtime/invocation/next")
            invocation = Invocation(api, headers, body)
            digest = hashlib.sha256()
            api.open_stream(invocation.request_id, "Content-Type: application/octet-stream")
            for index in range(invocation.number("chunks", 20)):
                piece = (
                    os.urandom(invocation.number("size", 4096))
                    if index
                    else invocation.event["rawPath"].encode()
                )
                digest.update(piece)
                api.chunk(piece)
            api.chunk(digest.digest())
            assert api.end_stream()[0] == 202

    for _ in range(int(os.environ["AWS_LAMBDA_MAX_CONCURRENCY"])):
        threading.Thread(target=poll).start()


def grandchild() -> None:
    """Starts a process of its own."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    log(f"grandchild {child.pid}")
    serve(API())


def daemon() -> None:
    """The same, in a session of its own."""
    command = [sys.executable, "-c", "import time; time.sleep(3600)"]
    child = subprocess.Popen(command, start_new_session=True)
    log(f"daemon {child.pid}")
    serve(API())


def protocol() -> None:
    """Misuses the API in every way it knows, and logs the statuses."""
    api = API()
    _, headers, body = api.call("GET", "/2018-06-01/runtime/invocation/next")
    invocation = Invocation(api, headers, body)
    path = f"/2018-06-01/runtime/invocation/{invocation.request_id}"
    nonce = "Lambda-Runtime-Invocation-Id: "
    seen = {
        "next while running": API().call("GET", "/2018-06-01/runtime/invocation/next")[0],
        "wrong id": api.call("POST", "/2018-06-01/runtime/invocation/nobody/response", b"{}")[0],
        "wrong mode": api.call(
            "POST", f"{path}/response", b"{}", "Lambda-Runtime-Function-Response-Mode: x"
        )[0],
        "wrong nonce": api.call("POST", f"{path}/response", b"{}", f"{nonce}another")[0],
        "init error after init": api.call("POST", "/2018-06-01/runtime/init/error", b"{}")[0],
        "restore": api.call("GET", "/2018-06-01/runtime/restore/next")[0],
        "register after init": api.call(
            "POST", "/2020-01-01/extension/register", b"{}", "Lambda-Extension-Name: x"
        )[0],
        "unknown path": api.call("GET", "/2018-06-01/runtime/nothing")[0],
        "ping": api.call("GET", "/2018-06-01/ping")[0],
        "telemetry": api.call("PUT", "/2022-07-01/telemetry", b"{}")[0],
        "right": api.call(
            "POST", f"{path}/response", b'"fine"', nonce + headers["lambda-runtime-invocation-id"]
        )[0],
        "second response": api.call("POST", f"{path}/response", b"{}")[0],
        "error after response": api.call("POST", f"{path}/error", b"{}")[0],
    }
    log(json.dumps(seen))
    serve(api)


def extension_protocol() -> None:
    """Every way to misuse the Extensions API. The test has the replies of AWS's own emulator."""
    register, following = "/2020-01-01/extension/register", "/2020-01-01/extension/event/next"
    name, identifier = "Lambda-Extension-Name: ", "Lambda-Extension-Identifier: "

    def ask(method: str, path: str, body: bytes = b"{}", *headers: str) -> list[object]:
        status, given, reply = API().call(method, path, body, *headers)
        if status == 405:
            return [status, given.get("allow")]
        return [status, json.loads(reply).get("errorType")]

    seen = {
        "no name": ask("POST", register, b'{"events":null}'),
        "null events": ask("POST", register, b'{"events":null}', f"{name}null"),
        "a name twice": ask("POST", register, b'{"events":[]}', f"{name}null"),
        "no body": ask("POST", register, b"", f"{name}a"),
        "no JSON": ask("POST", register, b"no", f"{name}a"),
        "no list": ask("POST", register, b'{"events":"INVOKE"}', f"{name}a"),
        "shutdown": ask("POST", register, b'{"events":["SHUTDOWN"]}', f"{name}a"),
        "unknown event": ask("POST", register, b'{"events":["FOO"]}', f"{name}a"),
        "wrong method": ask("GET", register),
        "next without id": ask("GET", following),
        "next with a bad id": ask("GET", following, b"", f"{identifier}abc"),
        "next with an unknown id": ask(
            "GET", following, b"", f"{identifier}11111111-1111-4111-8111-111111111111"
        ),
        "error without id": ask("POST", "/2020-01-01/extension/init/error"),
        "logs": ask("PUT", "/2020-08-15/logs"),
        "telemetry": ask("PUT", "/2022-07-01/telemetry"),
    }
    log(json.dumps(seen))
    null = API().call("POST", register, b'{"events":null}', f"{name}second")[1][
        "lambda-extension-identifier"
    ]
    seen_error = ask("POST", "/2020-01-01/extension/exit/error", b"{}", f"{identifier}{null}")
    log(json.dumps(seen_error))
    body = b'{"errorType":"Extension.NoDatabase","errorMessage":"nobody is there"}'
    kind = "Lambda-Extension-Function-Error-Type: Extension.NoDatabase"
    API().call("POST", "/2020-01-01/extension/init/error", body, f"{identifier}{null}", kind)
    time.sleep(3600)


def reconnect() -> None:
    """Hang up on a waiting poll, then poll anew. An extension holds back the init until then."""
    _, identifier = register()
    first = API()
    first.socket.sendall(
        b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    first.file.close()
    first.socket.close()
    assert API().call("GET", "/2018-06-01/ping")[0] == 200
    park(identifier)
    serve(API())


if __name__ == "__main__":
    globals()[os.environ["LIFE"]]()
