"""The life of a function's processes: start, reuse, timeouts, crashes, signals, the end."""

import asyncio
import concurrent.futures
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lambda_emulator import limits
from lambda_emulator.console import Console
from lambda_emulator.function.execution_environment import ExecutionEnvironment, InitError
from lambda_emulator.function.host import Host
from lambda_emulator.function.launch import Launch
from lambda_emulator.function.pool import Function
from lambda_emulator.invocation import Invocation
from lambda_emulator.template.config import FunctionConfig
from tests.lambda_emulator.support import RUNTIMES, RunningEmulator, environment, write_template
from tests.patience import PATIENCE

LIFECYCLE = (sys.executable, str(RUNTIMES / "lifecycle.py"))


def living(
    life: str,
    folder: Path,
    *options: str,
    variables: dict[str, str] | None = None,
    **properties: Any,
) -> RunningEmulator:
    """An emulator whose function runs lifecycle.py as `life`."""
    properties.setdefault("Timeout", 30)
    given = {"Variables": {"LIFE": life, **(variables or {})}}
    template = write_template(folder, Environment=given, **properties)
    return RunningEmulator("--template", str(template), *options, command=LIFECYCLE)


def until(condition: Callable[[], bool]) -> None:
    """Waits for something outside of the emulator's own events."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def is_gone(pid: int) -> bool:
    return not is_alive(pid)


def test_the_environment_variables(tmp_path: Path) -> None:
    template = write_template(
        tmp_path,
        MemorySize=512,
        Handler="module.handler",
        Runtime="python3.13",
        Environment={
            "Variables": {"PROBE": "from the template", "AWS_LAMBDA_FUNCTION_NAME": "cannot be set"}
        },
    )
    shell = {
        "PROBE_SHELL": "must not be seen",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "s",
    }
    shell |= {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_PROFILE": "mine"}
    with RunningEmulator("--template", str(template), variables=shell) as emulator:
        result = emulator.get("/echo").json()
    seen = result["environment"]
    assert result["cwd"] == str(RUNTIMES)
    assert seen.pop("AWS_LAMBDA_RUNTIME_API").startswith("127.0.0.1:")
    assert seen.pop("AWS_LAMBDA_LOG_STREAM_NAME").count("[$LATEST]") == 1
    assert Path(seen.pop("LAMBDA_RUNTIME_DIR"), "bootstrap.py").is_file()
    assert seen == {
        "_HANDLER": "module.handler",
        "LAMBDA_TASK_ROOT": str(RUNTIMES),
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": "Probe",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": "Text",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/Probe",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PROBE": "from the template",
    }


@pytest.mark.parametrize(
    ("config", "seen"),
    [
        ({"LogFormat": "Text"}, ("Text", None)),
        ({"LogFormat": "JSON"}, ("JSON", "INFO")),
        ({"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}, ("JSON", "WARN")),
    ],
)
def test_logging_config(
    tmp_path: Path, config: dict[str, str], seen: tuple[str, str | None]
) -> None:
    template = write_template(tmp_path, LoggingConfig=config)
    with RunningEmulator("--template", str(template)) as emulator:
        environment = emulator.get("/echo").json()["environment"]
    assert (environment["AWS_LAMBDA_LOG_FORMAT"], environment.get("AWS_LAMBDA_LOG_LEVEL")) == seen


def test_a_process_is_reused_and_only_its_first_request_is_cold(tmp_path: Path) -> None:
    with RunningEmulator("--concurrency", "1", cwd=tmp_path) as emulator:
        responses = [emulator.get("/echo") for _ in range(3)]
        assert len({response.json()["pid"] for response in responses}) == 1
        ids = [response.header("x-amzn-requestid") for response in responses]
        reports = [emulator.wait_for("report", requestId=request_id) for request_id in ids]
        assert ["initDurationMs" in report for report in reports] == [True, False, False]
        assert [
            emulator.wait_for("request", requestId=request_id)["cold"] for request_id in ids
        ] == [
            True,
            False,
            False,
        ]


def test_requests_at_once_get_processes_of_their_own(tmp_path: Path) -> None:
    """Two that run at the same time; a third waits for its turn, since --concurrency is 2."""
    gates = [tmp_path / "one", tmp_path / "two"]
    template = write_template(tmp_path, Timeout=30)
    with RunningEmulator("--template", str(template), "--concurrency", "2") as emulator:
        clients = [emulator.connect() for _ in gates]
        streams = []
        for client, gate in zip(clients, gates, strict=True):
            client.request("GET", f"/gated?count=1&gate={gate}")
            response = client.head()
            stream = client.chunks(response)
            assert next(stream) == b"chunk 0\n"
            streams.append(stream)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            third = pool.submit(emulator.get, "/echo")
            for gate in gates:
                Path(f"{gate}.0").touch()
            assert third.result(PATIENCE).status == 200
        for client, stream in zip(clients, streams, strict=True):
            assert list(stream) == []
            client.close()


def test_429_above_the_reserved_concurrency(tmp_path: Path) -> None:
    template = write_template(tmp_path, ReservedConcurrentExecutions=1, Timeout=30)
    gate = tmp_path / "gate"
    with RunningEmulator("--template", str(template)) as emulator, emulator.connect() as client:
        client.request("GET", f"/gated?count=1&gate={gate}")
        response = client.head()
        refused = emulator.get("/echo")
        assert (refused.status, refused.header("x-amzn-errortype")) == (
            429,
            "TooManyRequestsException",
        )
        Path(f"{gate}.0").touch()
        assert list(client.chunks(response)) == [b"chunk 0\n"]
        emulator.wait_for("report")
        until(lambda: emulator.get("/echo").status == 200)


def test_reserved_concurrency_0_switches_the_url_off(tmp_path: Path) -> None:
    template = write_template(tmp_path, ReservedConcurrentExecutions=0)
    with RunningEmulator("--template", str(template)) as emulator:
        assert emulator.get("/echo").status == 429


def test_a_url_takes_ten_requests_a_second_for_each_reserved(tmp_path: Path) -> None:
    template = write_template(tmp_path, ReservedConcurrentExecutions=1)
    with RunningEmulator("--template", str(template)) as emulator, emulator.connect() as client:
        statuses = []
        for _ in range(40):
            client.request("GET", "/prelude_only?status=204")
            statuses.append(client.response().status)
            if statuses[-1] == 429 and statuses.count(429) > 1:
                break
    assert 429 in statuses


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ("exit", "Runtime.ExitError: Runtime exited during its initialisation: exit status 1"),
        ("error", "ImportError: No module named 'nothing'"),
    ],
)
def test_a_function_that_does_not_start(tmp_path: Path, init: str, message: str) -> None:
    """Said in one line, with an exit status; or, with --cold, to the first request."""
    template = write_template(tmp_path, Environment={"Variables": {"INIT": init}})
    command = [sys.executable, "-m", "lambda_emulator", "--template", str(template), "--port", "0"]
    command += ["--", sys.executable, str(RUNTIMES / "scripted.py")]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"lambda-emulator: Probe did not start: {message}"
    with RunningEmulator("--template", str(template), "--cold") as emulator:
        assert emulator.get("/echo").status == (502 if init == "exit" else 200)
        assert message.partition(": ")[2] in emulator.wait_for("init_failed")["message"]


def test_an_init_beyond_its_time_is_stopped(tmp_path: Path) -> None:
    """Ten seconds are too long for a test: it sets a shorter limit, without the command line."""

    async def start() -> int | None:
        launch = Launch([sys.executable, str(RUNTIMES / "scripted.py")], tmp_path, {"INIT": "hang"})
        config = FunctionConfig("Probe", tmp_path)
        function = ExecutionEnvironment(
            config, launch, Host(Console(file=io.StringIO())), on_change=lambda: None
        )
        with pytest.raises(InitError) as failure:
            await function.start(0.2)
        assert failure.value.error.kind == "Sandbox.Timedout"
        return function.pid

    pid = asyncio.run(start())
    assert pid is not None
    assert not is_alive(pid)


def test_a_slow_init_is_started_anew_within_the_functions_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Lambda does after ten seconds; here after a moment, and the second attempt succeeds."""
    monkeypatch.setattr(limits, "INIT_SECONDS", 0.3)
    monkeypatch.setattr(limits, "SILENCE_SECONDS", 0.05)
    output = io.StringIO()
    failed = tmp_path / "failed"

    class Watched(Console):
        """The first attempt has ended when this is said, and the second one has not begun."""

        def note(self, message: str) -> None:
            super().note(message)
            if "was not ready" in message:
                failed.touch()

    async def start() -> None:
        launch = Launch(
            [sys.executable, str(RUNTIMES / "scripted.py")],
            tmp_path,
            {"INIT": "once", "FAILED": str(failed)},
        )
        function = Function(
            FunctionConfig("Probe", tmp_path, name="Probe", timeout=20),
            launch,
            Host(Watched(file=output)),
            concurrency=1,
        )
        await function.warm_up()
        await function.stop()

    asyncio.run(start())
    lines = output.getvalue().splitlines()
    assert lines[0] == "Probe is starting; it has 0.3 s"
    assert lines[1].startswith(
        "Probe was not ready after 0.3 s: Lambda then starts it again, "
        "within the function's timeout of 20 s"
    )


def test_an_invocation_is_done_when_all_was_said_of_it(tmp_path: Path) -> None:
    """The log is complete whenever a front looks, in each iteration of the event loop."""

    async def scenario() -> bytes:
        launch = Launch([sys.executable, str(RUNTIMES / "scripted.py")], tmp_path, {})
        config = FunctionConfig("Probe", tmp_path, name="Probe", timeout=20)
        function = Function(config, launch, Host(Console(file=io.StringIO())), concurrency=1)
        await function.warm_up()
        invocation = Invocation(b"{}")
        function.submit(invocation)
        while not invocation.done.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert invocation.report is not None
        log = bytes(invocation.report.log_tail)
        await function.stop()
        return log

    first, second, last = asyncio.run(scenario()).decode().splitlines()
    assert [line.partition(" ")[0] for line in (first, second, last)] == ["START", "END", "REPORT"]


def test_timeouts_and_crashes_replace_the_process(tmp_path: Path) -> None:
    template = write_template(tmp_path, Timeout=1)
    with RunningEmulator("--template", str(template), "--concurrency", "1") as emulator:
        pids = []
        for mode in ("crash", "sleep", "crash_mid_stream", "sleep_mid_stream"):
            pids.append(emulator.get("/echo").json()["pid"])
            emulator.get(f"/{mode}")
        pids.append(emulator.get("/echo").json()["pid"])
        assert len(set(pids)) == 5
        for pid in pids[:-1]:
            until(partial(is_gone, pid))
        emulator.wait_for("report", status="timeout")
        emulator.wait_for("report", status="error Error Type: Runtime.ExitError")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("life", ["grandchild", "daemon"])
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_nothing_is_left_behind(tmp_path: Path, life: str, number: signal.Signals) -> None:
    """Ctrl-C, a closed terminal or the emulator's death leaves no process in any session."""
    with living(life, tmp_path) as emulator:
        child = emulator.get("/").json()["pid"]
        grandchild = int(emulator.wait_for("log")["message"].split()[1])
        assert is_alive(child)
        assert is_alive(grandchild)
        status = emulator.stop(number)
    until(partial(is_gone, child))
    until(partial(is_gone, grandchild))
    assert status == (-signal.SIGKILL if number == signal.SIGKILL else 0)


def test_a_shells_children_end_with_the_emulator(tmp_path: Path) -> None:
    """`sh -c` leaves its child alone when it is killed itself."""
    command = ("sh", "-c", f"{sys.executable} {RUNTIMES / 'scripted.py'}; true")
    with RunningEmulator("--template", str(write_template(tmp_path)), command=command) as emulator:
        child = emulator.get("/echo").json()["pid"]
        emulator.stop(signal.SIGKILL)
    until(partial(is_gone, child))


def test_a_timeout_ends_grandchildren_too(tmp_path: Path) -> None:
    with living("daemon", tmp_path, Timeout=1) as emulator:
        grandchild = int(emulator.wait_for("log")["message"].split()[1])
        emulator.get("/sleep")
        until(partial(is_gone, grandchild))


def test_a_stop_in_the_middle_of_a_stream(tmp_path: Path) -> None:
    template = write_template(tmp_path, Timeout=30)
    with RunningEmulator("--template", str(template)) as emulator, emulator.connect() as client:
        pid = emulator.get("/echo").json()["pid"]
        client.request("GET", f"/gated?count=2&gate={tmp_path / 'never'}")
        response = client.head()
        stream = client.chunks(response)
        assert next(stream) == b"chunk 0\n"
        assert emulator.stop() == 0
        assert list(stream) == []
    assert not response.terminated
    assert not is_alive(pid)


# ---- SIGTERM windows and extensions


def test_an_internal_extension_gets_sigterm_first(tmp_path: Path) -> None:
    with living("extension", tmp_path) as emulator:
        assert emulator.get("/").status == 200
        emulator.wait_for("log", message="SHUTDOWN 403")
        emulator.stop()
        emulator.wait_for("log", message="SIGTERM seen")


def test_an_internal_extension_gets_sigterm_at_a_timeout_too(tmp_path: Path) -> None:
    with living("extension", tmp_path, Timeout=1) as emulator:
        assert emulator.get("/").status == 200
        emulator.get("/sleep")
        emulator.wait_for("report", status="timeout")


def test_without_an_extension_there_is_no_sigterm(tmp_path: Path) -> None:
    with living("no_extension", tmp_path) as emulator:
        assert emulator.get("/").status == 200
        emulator.stop()
        assert not [event for event in emulator.drain() if event.get("message") == "SIGTERM seen"]


def test_an_extension_is_told_of_each_invocation(tmp_path: Path) -> None:
    with living("invoke_extension", tmp_path) as emulator:
        for _ in range(2):
            request_id = emulator.get("/").header("x-amzn-requestid")
            emulator.wait_for("log", message=f"extension: INVOKE {request_id}")
            emulator.wait_for("report", requestId=request_id)


# ---- SnapStart


def test_snap_start_restores_before_the_first_invocation(tmp_path: Path) -> None:
    with living(
        "snap_start", tmp_path, "--concurrency", "1", SnapStart={"ApplyOn": "PublishedVersions"}
    ) as emulator:
        emulator.wait_for("log", message="before the snapshot")
        assert not [event for event in emulator.drain() if event.get("message") == "restored 200"]
        first = emulator.get("/").json()["pid"]
        emulator.wait_for("log", message="restored 200")
        assert "restoreDurationMs" in emulator.wait_for("report")
        assert emulator.get("/").json()["pid"] == first


def test_snap_start_whose_hook_fails(tmp_path: Path) -> None:
    with living(
        "snap_start",
        tmp_path,
        SnapStart={"ApplyOn": "PublishedVersions"},
        variables={"RESTORE": "error"},
    ) as emulator:
        response = emulator.get("/")
        assert (response.status, response.json()["errorType"]) == (200, "HookError")


# ---- Managed Instances


def test_managed_instances_run_many_in_one_process(tmp_path: Path) -> None:
    """Each answer waits until four are there: one at a time, it would never come."""
    emulator = living("managed", tmp_path, CapacityProviderConfig=managed(4))
    with emulator, concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: emulator.get(f"/together/{i}").json(), range(4)))
    assert len({answer["pid"] for answer in answers}) == 1
    assert [answer["path"] for answer in answers] == [f"/together/{i}" for i in range(4)]


def test_managed_instances_outlive_a_timeout(tmp_path: Path) -> None:
    with living("managed", tmp_path, CapacityProviderConfig=managed(2), Timeout=1) as emulator:
        pid = emulator.get("/").json()["pid"]
        assert emulator.get("/late").status == 502
        emulator.wait_for("log", message="/late 410")
        assert emulator.get("/").json()["pid"] == pid


def managed(concurrency: int) -> dict[str, Any]:
    inner = {"CapacityProviderArn": "arn:x", "PerExecutionEnvironmentMaxConcurrency": concurrency}
    return {"LambdaManagedInstancesCapacityProviderConfig": inner}


# ---- the protocol, freezing, watching


def test_what_the_runtime_api_refuses(tmp_path: Path) -> None:
    with living("protocol", tmp_path) as emulator:
        assert emulator.get("/").body == b'"fine"'
        assert json.loads(emulator.wait_for("log")["message"]) == {
            "next while running": 200,
            "wrong id": 400,
            "wrong mode": 400,
            "wrong nonce": 410,
            "init error after init": 403,
            "restore": 404,
            "register after init": 403,
            "unknown path": 404,
            "ping": 200,
            "telemetry": 202,
            "right": 202,
            "second response": 403,
            "error after response": 403,
        }
        assert emulator.get("/").status == 200


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_freeze_stops_the_process_between_invocations(tmp_path: Path) -> None:
    def stopped(pid: int) -> bool:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    with RunningEmulator("--freeze", cwd=tmp_path) as emulator:
        for _ in range(2):
            until(partial(stopped, emulator.get("/echo").json()["pid"]))


def test_watch_takes_new_code_and_leaves_streams_alone(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    script = code / "scripted.py"
    script.write_text((RUNTIMES / "scripted.py").read_text())
    template = write_template(tmp_path, CodeUri=str(code), Timeout=30)
    gate = tmp_path / "gate"
    command = (sys.executable, str(script))
    with (
        RunningEmulator("--template", str(template), "--watch", command=command) as emulator,
        emulator.connect() as client,
    ):
        old = emulator.get("/echo").json()["pid"]
        client.request("GET", f"/gated?count=2&gate={gate}")
        response = client.head()
        stream = client.chunks(response)
        assert next(stream) == b"chunk 0\n"
        script.write_text(script.read_text() + "\n# changed\n")
        until(
            lambda: any(
                "changed: new processes" in str(event.get("message")) for event in emulator.drain()
            )
        )
        until(lambda: emulator.get("/echo").json()["pid"] != old)
        Path(f"{gate}.0").touch()
        assert next(stream) == b"chunk 1\n"
        Path(f"{gate}.1").touch()
        assert list(stream) == []
        assert response.terminated
        until(lambda: not is_alive(old))


def test_an_http_client_that_hangs_up_and_polls_again(tmp_path: Path) -> None:
    """A poll on a connection that was closed is forgotten: the next one gets the event."""
    with living("reconnect", tmp_path) as emulator:
        assert emulator.get("/").status == 200
