"""`compare`: the emulator equals itself, and a plain server differs in what an endpoint does."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from lambda_emulator.compare.cases import CASES, Result
from lambda_emulator.compare.command import PROBE
from lambda_emulator.compare.redact import redacted
from lambda_emulator.compare.report import compared
from lambda_emulator.credentials import Credentials
from lambda_emulator.fronts.sigv4 import sign
from lambda_emulator.template.reader import load
from tests.lambda_emulator.support import KEYS, asked
from tests.lambda_emulator.web_support import WebEmulator, write_web_template
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(6 * PATIENCE)]


def compare(url: str, *options: str) -> tuple[int, dict[str, Any], str]:
    """The exit status, what was found, and what was shown."""
    return asked("compare", url, *options)


@contextmanager
def probe(folder: Path, **properties: Any) -> Iterator[str]:
    template = write_web_template(folder, CodeUri=str(PROBE), **properties)
    with WebEmulator("--template", str(template), command=(), variables=KEYS) as emulator:
        yield f"http://localhost:{emulator.port}"


@contextmanager
def plain_server() -> Iterator[str]:
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(PROBE), "--port", "0", "main:app"]
    with subprocess.Popen(
        command, env={**os.environ, "NO_COLOR": "1"}, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        try:
            ready = next(line for line in server.stderr if "running on" in line)
            found = re.search(r"http://\S+", ready)
            assert found is not None
            yield found[0]
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("auth_type", ["ApplicationManaged", "IamAuth"])
def test_the_emulator_does_not_differ_from_itself(tmp_path: Path, auth_type: str) -> None:
    with probe(tmp_path, AuthType=auth_type) as url:
        status, found, shown = compare(
            url, "--quick", *(["--sigv4"] if auth_type == "IamAuth" else [])
        )
    assert found["differing"] == [], found["cases"]
    assert status == 0
    assert "Nothing differs" in shown
    assert len(found["cases"]) == sum(not case.slow for case in CASES)
    facts = {name: case["there"]["facts"] for name, case in found["cases"].items()}
    assert facts["authorization"]["without a signature"] == (403 if auth_type == "IamAuth" else 200)
    assert facts["streaming"] == {
        "pieces as sent": True,
        "arrives as it is sent": True,
        "ending": "whole",
    }
    assert facts["leaving"] == {"the app was told": "http.disconnect"}
    assert facts["at-once"]["several in one process"] is True


def test_the_timeouts_are_alike(tmp_path: Path) -> None:
    with probe(tmp_path, Timeout=3) as url:
        _, found, _ = compare(url, "--case", "silence", "--case", "endless")
    assert found["differing"] == []
    facts = {name: case["there"]["facts"] for name, case in found["cases"].items()}
    assert facts["silence"] == {
        "status": 504,
        "ending": "whole",
        "lambda-web-error-type": "Runtime.RequestTimeout",
    }
    assert facts["endless"] == {"status": 200, "ending": "whole", "lambda-web-error-type": None}
    assert found["cases"]["silence"]["there"]["figures"]["seconds"] >= 3


def test_more_than_200_mb_and_an_early_answer(tmp_path: Path) -> None:
    with probe(tmp_path, Timeout=10) as url:
        _, found, _ = compare(url, "--case", "large", "--case", "early-answer")
    assert found["differing"] == []
    assert found["cases"]["large"]["there"]["facts"] == {"ending": "whole", "all of it came": True}


def test_a_plain_server_is_told_apart() -> None:
    with plain_server() as url:
        status, found, shown = compare(url, "--quick")
    assert status == 1
    assert {"methods", "http-1.0", "host", "request-headers", "response-headers", "runtime"} <= set(
        found["differing"]
    )
    assert found["cases"]["http-1.0"]["differs"] == {"status": {"there": 200, "emulator": 505}}
    assert found["cases"]["streaming"]["differs"] == {}
    assert "http-1.0" in shown


def test_the_template_deploys_the_probe() -> None:
    path = Path(__file__).parents[2] / "examples" / "probe" / "template.yaml"
    assert load(path).web_functions["Probe"].revisions["Probe"].code == PROBE


def test_where_no_probe_answers() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lambda_emulator", "compare", "--url", "http://127.0.0.1:9"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    assert "no probe at this address" in done.stderr


def test_facts_inside_of_facts_are_compared_one_by_one() -> None:
    there = {"case": Result({"same": 1, "inner": {"a": 1, "b": 2}})}
    here = {"case": Result({"same": 1, "inner": {"a": 1, "b": 3, "c": None}})}
    assert compared(there, here) == {"case": {"inner.b": (2, 3)}}


@pytest.mark.parametrize(
    ("value", "due"),
    [
        ("203.0.113.7", "<address>"),
        ("203.0.113.7:8443", "<address>:<port>"),
        ("6.6.6.6, 203.0.113.7", "<address>, <address>"),
        ("2001:db8::1", "<address>"),
        ("127.0.0.1", "127.0.0.1"),
        ("169.254.100.1:9001", "169.254.100.1:<port>"),
        ("bcdfghjklmnpqrst.b7t.lambda-web.us-east-1.on.aws", "<endpoint>"),
        ("https://abc.lambda-url.eu-west-1.on.aws/", "https://<endpoint>/"),
        ("arn:aws:iam::123456789012:role/x", "<arn>"),
        ("account 123456789012", "account <account>"),
        ("AKIAIOSFODNN7EXAMPLE", "<key>"),
        ("26a29743-b094-41f8-bf76-a5d1dab5cf33", "<id>"),
        ("3.14.2", "3.14.2"),
        ("12:34", "12:34"),
        (
            ["203.0.113.7", {"a": "203.0.113.7"}, 3, None],
            ["<address>", {"a": "<address>"}, 3, None],
        ),
    ],
)
def test_what_is_personal_is_removed(value: Any, due: Any) -> None:
    assert redacted(value) == due


@pytest.mark.parametrize("token", [None, "a session's"])
def test_a_signature_is_botocores(token: str | None) -> None:
    url, body = "https://example.lambda-web.us-east-1.on.aws/path?b=2&a=%20", b"body"
    request = botocore.awsrequest.AWSRequest(
        "POST", url, data=body, headers={"X-Amz-Content-SHA256": "UNUSED"}
    )
    del request.headers["X-Amz-Content-SHA256"]
    ours = dict(
        sign(
            "POST",
            "/path?b=2&a=%20",
            [("Host", "example.lambda-web.us-east-1.on.aws")],
            body,
            Credentials("key", "secret", token),
            region="us-east-1",
            service="lambda",
            now=1_790_000_000,
        )
    )
    request.headers["X-Amz-Content-SHA256"] = ours["x-amz-content-sha256"]
    signer = botocore.auth.SigV4Auth(
        botocore.credentials.Credentials("key", "secret", token), "lambda", "us-east-1"
    )
    request.context["timestamp"] = ours["x-amz-date"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    canonical = signer.canonical_request(request)
    theirs = signer.signature(signer.string_to_sign(request, canonical), request)
    assert ours["Authorization"].endswith(f"Signature={theirs}")
