"""The benchmarks' parts against real processes: AWS's emulator, valgrind, the proxy before S3."""

import http.client
import json
import os
import select
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks import instructions, rie
from benchmarks.delaying_proxy import delaying_proxy
from benchmarks.peer import Command, event
from benchmarks.peers import PEERS, SOCKET, crates, go_module
from tests.patience import PATIENCE


@pytest.mark.skipif(rie.binary() is None, reason="aws-sam-cli has no emulator for this machine")
def test_a_peer_is_timed_under_awss_emulator() -> None:
    emulator = rie.binary()
    assert emulator is not None
    assert rie.measured(emulator, PEERS[SOCKET], 2)["wall_us"] > 0


@pytest.mark.skipif(rie.binary() is None, reason="aws-sam-cli has no emulator for this machine")
def test_no_process_outlives_a_peer_under_awss_emulator(tmp_path: Path) -> None:
    emulator = rie.binary()
    assert emulator is not None
    noted = tmp_path / "pid"
    helper = Command(("sh", "-c", f"echo $$ > {noted}; exec sleep 1000"))
    peer = PEERS[SOCKET]
    rie.measured(emulator, replace(peer, commands=lambda api: [helper, *peer.commands(api)]), 1)
    try:
        process = os.pidfd_open(int(noted.read_text()))
    except ProcessLookupError:
        return
    # It was killed, and may not have noticed yet: the descriptor becomes readable at its end.
    with open(process, "rb") as descriptor:
        assert select.select([descriptor], [], [], PATIENCE)[0], "it still runs"


def test_a_shell_starts_all_processes_and_becomes_the_last() -> None:
    commands = [
        Command(("sh", "-c", 'echo "$A" > "$B"'), {"A": "a 'quoted' $value", "B": "/dev/stderr"}),
        Command(("sh", "-c", "sleep 0.1; echo $PPID $$")),
    ]
    script = rie.started_by_shell(commands)
    process = subprocess.Popen(
        ["sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    output, errors = process.communicate()
    assert errors == "a 'quoted' $value\n"
    assert int(output.split()[1]) == process.pid


@pytest.mark.skipif(shutil.which("vgdb") is None, reason="needs valgrind")
@pytest.mark.slow
def test_instructions_are_those_of_the_invocations_alone() -> None:
    """Twice as many invocations take twice as many instructions, so neither start nor end is in."""
    peer = replace(PEERS[SOCKET], name="another name: no streams")
    few, many = (instructions.count(peer, count)["invocation_k"] for count in (5, 20))
    assert 20 < few < 2000
    assert few == pytest.approx(many, rel=0.5)


def test_the_proxy_delays_each_request_and_passes_all_of_it_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                asked = connection.recv(65536)
                body = b"%d" % asked.count(b"x-name: value")
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n" + body)

        thread = threading.Thread(target=answer)
        thread.start()
        upstream = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with delaying_proxy(upstream, 0.05) as url:
            client = http.client.HTTPConnection(urlsplit(url).netloc)
            begun = time.monotonic()
            client.request("GET", "/", headers={"x-name": "value"})
            assert client.getresponse().read() == b"1"
            assert time.monotonic() - begun >= 0.05
            client.close()
        thread.join()


def test_an_event_has_the_query_of_its_path() -> None:
    plain, asked = (json.loads(event(path)) for path in ("/a", "/a?limit=2&cursor=x%20y"))
    assert plain["rawPath"] == asked["rawPath"] == "/a"
    assert plain["rawQueryString"] == ""
    assert asked["rawQueryString"] == "limit=2&cursor=x%20y"
    assert asked["queryStringParameters"] == {"limit": "2", "cursor": "x y"}


def test_the_rust_and_go_peers_are_versioned_by_their_locks() -> None:
    assert [part.split()[0] for part in crates("lambda_http", "axum").split(", ")] == [
        "lambda_http",
        "axum",
    ]
    assert go_module("github.com/aws/aws-lambda-go").startswith("aws-lambda-go 1.")
