"""The life of a Web Function's environments: start, concurrency, scaling, idling, the end."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from lambda_emulator import limits
from lambda_emulator.compare.command import PROBE
from lambda_emulator.console import Console
from lambda_emulator.function.host import Host
from lambda_emulator.function.launch import Launch
from lambda_emulator.web.config import EndpointConfig, RevisionConfig
from lambda_emulator.web.endpoint import Refused, WebEndpoint
from lambda_emulator.web.environment import StartFailed, WebEnvironment
from tests.lambda_emulator.web_support import APPS, RAW_SERVER, WebEmulator, write_web_template
from tests.patience import PATIENCE

LIFECYCLE = {"AWS_LAMBDA_PYTHON_ENTRYPOINT": "lifecycle:app"}


@contextmanager
def lifecycle(
    folder: Path, *options: str, variables: dict[str, str] | None = None, **properties: Any
) -> Iterator[WebEmulator]:
    meeting = folder / "meeting"
    meeting.mkdir(exist_ok=True)
    own = {**LIFECYCLE, "MEETING": str(meeting), **(variables or {})}
    template = write_web_template(folder, EnvironmentVariables=own, **properties)
    with WebEmulator("--template", str(template), *options, command=()) as emulator:
        yield emulator


def at_once(emulator: WebEmulator, count: int, target: str) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: emulator.get(target), range(count)))


# ---- many at once


@pytest.mark.parametrize("count", [64, 128])
def test_as_many_requests_at_once_in_one_process_as_the_revision_allows(
    tmp_path: Path, count: int
) -> None:
    properties = {} if count == 64 else {"MaxConcurrencyPerEnvironment": count}  # 64 is the default
    with lifecycle(tmp_path, variables={"PARTY": str(count)}, **properties) as emulator:
        answers = [response.json() for response in at_once(emulator, count, "/meet")]
    assert len({answer["pid"] for answer in answers}) == 1
    assert max(answer["most"] for answer in answers) == count


def test_one_more_needs_another_environment(tmp_path: Path) -> None:
    with lifecycle(tmp_path, variables={"PARTY": "5"}, MaxConcurrencyPerEnvironment=2) as emulator:
        answers = [response.json() for response in at_once(emulator, 5, "/meet")]
    assert len({answer["pid"] for answer in answers}) == 3
    assert max(answer["most"] for answer in answers) == 2


def test_above_the_endpoints_environments_is_a_429(tmp_path: Path) -> None:
    """Two environments of one request each are held.

    The third request is refused at once; later there is room.
    """
    held = 2
    with (
        lifecycle(
            tmp_path,
            variables={"PARTY": "3"},
            MaxConcurrencyPerEnvironment=1,
            ScalingConfig={"MaxEnvironments": held},
        ) as emulator,
        emulator.connect() as first,
        emulator.connect() as second,
    ):
        meeting = tmp_path / "meeting"
        for number, client in enumerate((first, second), 1):
            client.request("GET", "/meet")
            wait_until(partial(has_entries, meeting, number))
        assert emulator.get("/").status == 429
        (meeting / "third").touch()
        assert [client.response().status for client in (first, second)] == [200, 200]
        wait_until(lambda: emulator.get("/").status == 200)


def has_entries(folder: Path, number: int) -> bool:
    return len(list(folder.iterdir())) == number


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_more_than_this_machine_may_start_wait(tmp_path: Path) -> None:
    with lifecycle(
        tmp_path, "--concurrency", "1", variables={"PARTY": "1"}, MaxConcurrencyPerEnvironment=1
    ) as emulator:
        answers = at_once(emulator, 8, "/meet")
    assert {response.status for response in answers} == {200}
    assert len({response.json()["pid"] for response in answers}) == 1


# ---- rate, weights, signatures


def test_a_rate_limit_of_0_turns_an_endpoint_off(tmp_path: Path) -> None:
    with lifecycle(tmp_path, ThrottleConfig={"RateLimit": 0}) as emulator:
        assert emulator.get("/").status == 429


def test_above_the_rate_limit_is_a_429(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of the test's own: a hundred in any second, however they are spread."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    config = EndpointConfig("prod", {}, rate_limit=100)
    endpoint = WebEndpoint(
        config, {}, Console(as_json=True), domain="", local=frozenset(), credentials=None
    )

    def statuses(count: int) -> list[int]:
        found = []
        for _ in range(count):
            try:
                endpoint._count()
                found.append(200)
            except Refused as refusal:
                found.append(refusal.status)
        return found

    assert statuses(60) == [200] * 60
    now += 0.9
    assert statuses(60) == [200] * 40 + [429] * 20
    now += 0.1  # the first 60 are a second old
    assert statuses(61) == [200] * 60 + [429]


def raw_template(folder: Path, weights: list[dict[str, Any]]) -> Path:
    def revision(greeting: str) -> dict[str, Any]:
        return {
            "Type": "AWS::Lambda::WebFunctionRevision",
            "Properties": {
                "FunctionName": "greeter",
                "BuildConfig": {
                    "CodeConfig": {"S3Object": {"Bucket": "any", "Key": str(APPS)}},
                    "RuntimeConfig": {"Runtime": "python3.14"},
                },
                "ServiceConfig": {
                    "ExecutionRoleArn": "arn:aws:iam::123456789012:role/any",
                    "EnvironmentVariables": {**LIFECYCLE, "GREETING": greeting},
                },
            },
        }

    resources = {
        "Greeter": {"Type": "AWS::Lambda::WebFunction", "Properties": {"FunctionName": "greeter"}},
        "Blue": revision("blue"),
        "Green": revision("green"),
        "Live": {
            "Type": "AWS::Lambda::WebFunctionEndpoint",
            "Properties": {
                "FunctionName": "greeter",
                "EndpointName": "live",
                "EndpointType": "HomeRegion",
                "AuthType": "ApplicationManaged",
                "RevisionWeights": weights,
            },
        },
    }
    path = folder / "template.json"
    path.write_text(json.dumps({"Resources": resources}))
    return path


def weight(revision: str, share: int) -> dict[str, Any]:
    return {"RevisionId": {"Fn::GetAtt": [revision, "RevisionId"]}, "Weight": share}


def test_requests_are_shared_by_the_weights_of_revisions(tmp_path: Path) -> None:
    path = raw_template(tmp_path, [weight("Blue", 50), weight("Green", 50)])
    with WebEmulator("--template", str(path), command=()) as emulator:
        found = [emulator.get("/").json()["greeting"] for _ in range(60)]
    # Both, and neither by chance: all 60 alike has a probability of 2 in 2**60.
    assert set(found) == {"blue", "green"}


def test_a_weight_of_100_is_all_of_them(tmp_path: Path) -> None:
    path = raw_template(tmp_path, [weight("Green", 100)])
    with WebEmulator("--template", str(path), command=()) as emulator:
        assert {emulator.get("/").json()["greeting"] for _ in range(20)} == {"green"}


def signed(emulator: WebEmulator, secret: str, body: bytes = b"") -> list[str]:
    """The headers that botocore signs a request with."""
    request = botocore.awsrequest.AWSRequest(
        "POST", f"http://localhost:{emulator.port}/received", data=body
    )
    credentials = botocore.credentials.Credentials("local", secret)
    botocore.auth.SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
    return [f"{name}: {value}" for name, value in request.headers.items()]


def test_iam_auth_checks_the_signature_and_keeps_it_from_the_app(tmp_path: Path) -> None:
    template = write_web_template(tmp_path, AuthType="IamAuth")
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "right"}
    with WebEmulator("--template", str(template), command=RAW_SERVER, variables=keys) as emulator:
        assert emulator.get("/received").status == 403
        assert emulator.get("/received", *signed(emulator, "wrong"), method="POST").status == 403
        other_body = emulator.get(
            "/received", *signed(emulator, "right", b"one"), method="POST", body=b"two"
        )
        assert other_body.status == 403
        response = emulator.get(
            "/received", *signed(emulator, "right", b"body"), method="POST", body=b"body"
        )
        assert response.status == 200
        head, _, body = response.body.partition(b"\r\n\r\n")
        assert body == b"body"
        assert b"authorization:" not in head.lower()
        assert b"x-amz-date:" in head.lower()


# ---- start


def environment(folder: Path, *command: str) -> WebEnvironment:
    revision = RevisionConfig("probe", folder, "python")
    launch = Launch(command, folder, {"PATH": os.environ["PATH"]})
    return WebEnvironment(revision, launch, Host(Console(as_json=True)), on_exit=lambda _: None)


def test_an_app_that_does_not_listen_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limits.WEB_INIT_SECONDS == 10, "the real limit"
    monkeypatch.setattr(limits, "WEB_INIT_SECONDS", 0.2)

    async def scenario() -> None:
        sleeper = environment(tmp_path, "sleep", "1000")
        with pytest.raises(StartFailed, match="nothing listens") as failure:
            await sleeper.start()
        assert failure.value.status == 500
        await sleeper.host.keeper.close()

    asyncio.run(scenario())


def test_an_app_that_ends_before_it_listens(tmp_path: Path) -> None:
    async def scenario() -> None:
        ends = environment(tmp_path, "sh", "-c", "exit 3")
        with pytest.raises(StartFailed, match="exit status 3") as failure:
            await ends.start()
        assert failure.value.status == 502
        await ends.host.keeper.close()
        with pytest.raises(StartFailed, match="no such command"):
            await environment(tmp_path, "no-such-program").start()

    asyncio.run(scenario())


def test_a_revision_that_cannot_start_takes_requests_all_the_same(tmp_path: Path) -> None:
    template = write_web_template(
        tmp_path, EnvironmentVariables={"AWS_LAMBDA_PYTHON_ENTRYPOINT": "no_such:app"}
    )
    with WebEmulator("--template", str(template), "--cold", command=()) as emulator:
        for _ in range(2):
            response = emulator.get("/")
            assert response.status == 502
            assert response.header("lambda-web-error-type") == "Application.InitCodeError"
            assert "did not start" in emulator.wait_for("error")["message"]
        assert "no_such" in str(emulator.drain())


def test_beside_another_a_revision_that_cannot_start_is_reported_once(tmp_path: Path) -> None:
    template = write_web_template(tmp_path)
    resources = json.loads(template.read_text())["Resources"]
    wrong = {
        **resources["Probe"]["Properties"],
        "EnvironmentVariables": {"AWS_LAMBDA_PYTHON_ENTRYPOINT": "no_such:app"},
    }
    resources["Broken"] = {**resources["Probe"], "Properties": wrong}
    template.write_text(json.dumps({"Resources": resources}))
    with WebEmulator("--template", str(template), command=()) as emulator:
        assert emulator.get("/").status == 200
        emulator.stop()
        errors = [event["message"] for event in emulator.drain() if event["event"] == "error"]
    assert errors == ["Broken did not start: the app ended before it listened: exit status 1"]


# ---- the end


def test_an_idle_environment_ends_and_the_next_request_starts_another(tmp_path: Path) -> None:
    with lifecycle(tmp_path, "--idle", "0.2") as emulator:
        first = emulator.get("/").json()["pid"]
        emulator.wait_for("note", message="Probe: an environment was idle for 0.2 s and ends")
        emulator.wait_for("log", message="shut down")
        assert emulator.get("/").json()["pid"] != first


def test_an_environment_with_a_request_is_not_idle(tmp_path: Path) -> None:
    with (
        lifecycle(tmp_path, "--idle", "0.2", variables={"PARTY": "2"}) as emulator,
        emulator.connect() as client,
    ):
        client.request("GET", "/meet")
        emulator.wait_for("log", message="started")
        time.sleep(1)  # what must not happen has no event to wait for
        assert not [event for event in emulator.drain() if event["event"] == "note"]
        (tmp_path / "meeting" / "second").touch()
        assert client.response().status == 200


def test_the_end_is_sigterm_and_a_second(tmp_path: Path) -> None:
    assert limits.WEB_SHUTDOWN_SECONDS == 1
    with lifecycle(tmp_path) as emulator:
        emulator.get("/")
        emulator.stop()
        assert [event for event in emulator.drain() if event.get("message") == "shut down"]


def test_who_needs_longer_than_a_second_is_killed(tmp_path: Path) -> None:
    with lifecycle(tmp_path, variables={"SHUTDOWN_TAKES": "60"}) as emulator:
        pid = emulator.get("/").json()["pid"]
        started = time.monotonic()
        emulator.stop()
        assert time.monotonic() - started < 50
        assert not [event for event in emulator.drain() if event.get("message") == "shut down"]
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_an_app_dies_with_an_emulator_that_is_killed(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells a child that its parent has died")
    with lifecycle(tmp_path) as emulator:
        pid = emulator.get("/").json()["pid"]
        emulator.process.send_signal(signal.SIGKILL)
        emulator.process.wait(PATIENCE)
        wait_until(lambda: ended(pid))


def ended(pid: int) -> bool:
    try:
        return (
            "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]
        )  # a zombie, where nobody waits for orphans
    except OSError:
        return True


def test_new_code_is_served_by_a_new_process(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    source = (APPS / "lifecycle.py").read_text()
    (code / "lifecycle.py").write_text(source)
    with lifecycle(tmp_path, "--watch", CodeUri=str(code)) as emulator:
        first = emulator.get("/").json()
        deadline = time.monotonic() + PATIENCE
        while True:  # the watcher may not have looked yet when the file changes
            (code / "lifecycle.py").write_text(
                source.replace('"GREETING", ""', '"GREETING", "new"')
            )
            answer = emulator.get("/").json()
            if answer["greeting"] == "new":
                break
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert answer["pid"] != first["pid"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the peak of a process's memory")
def test_memory_stays_flat_while_a_client_does_not_read(tmp_path: Path) -> None:
    size = 300 * 1024 * 1024
    template = write_web_template(tmp_path, CodeUri=str(PROBE), Timeout=900)
    with (
        WebEmulator("--template", str(template), command=()) as emulator,
        emulator.connect() as client,
    ):
        emulator.get("/scope")
        before = peak_memory(emulator.process.pid)
        client.request("GET", f"/large?mebibytes={size >> 20}")
        response = client.head()
        emulator.get(
            "/stream?pieces=5&seconds=0.2"
        )  # a second in which nothing of the large one is read
        received = sum(map(len, client.chunks(response)))
        assert (received, response.terminated) == (size, True)
        assert peak_memory(emulator.process.pid) - before < 16 * 1024


def peak_memory(pid: int) -> int:
    """In KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
