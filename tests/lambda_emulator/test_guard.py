"""Which requests a web page of somewhere else could have made: these are refused."""

import pytest

from lambda_emulator.http.guard import Guard
from lambda_emulator.http.message import Request, RequestError
from tests.lambda_emulator.support import RunningEmulator, write_template

CROSS = {"Sec-Fetch-Site": "cross-site"}
NAVIGATION = {**CROSS, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
EVIL = {"Origin": "https://evil.example"}


def is_taken(guard: Guard, method: str = "GET", **headers: str) -> bool:
    named = [
        (name.replace("_", "-"), value)
        for name, value in {"Host": "127.0.0.1:3000", **headers}.items()
    ]
    try:
        guard.check(Request(method, "/", "1.1", named, keep_alive=True))
    except RequestError as error:
        refused = error
    else:
        return True
    assert refused.status == 403
    assert "--allow-host" in str(refused)
    return False


@pytest.mark.parametrize(
    ("host", "taken"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:3000", True),
        ("127.8.9.10:1", True),
        ("[::1]:3000", True),
        ("localhost", True),
        ("LOCALHOST:80", True),
        ("app.localhost:3000", True),
        ("0123.lambda-url.us-east-1.on.aws", True),
        ("mine.example:3000", True),
        ("evil.example", False),
        ("evil.example:3000", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("10.0.0.1", False),
        ("", False),
        ("evil.example@localhost", True),
        ("[::1", False),
        ("on.aws.evil.example", False),
    ],
)
def test_hosts(host: str, taken: bool) -> None:
    assert is_taken(Guard.of(["127.0.0.1", "mine.example"]), Host=host) == taken


def test_a_wildcard_address_takes_every_address_and_no_other_name() -> None:
    assert is_taken(Guard.of(["0.0.0.0"]), Host="10.0.0.1:3000")
    assert not is_taken(Guard.of(["0.0.0.0"]), Host="evil.example")


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:3000"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:5173"}, True),
        ({**CROSS, "Origin": "http://localhost:5173"}, True),
        ({**CROSS, "Origin": "http://mine.example"}, True),
        (CROSS, False),
        ({**CROSS, **EVIL}, False),
        (EVIL, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://localhost.evil.example"}, False),
        (NAVIGATION, True),
        ({**NAVIGATION, "Sec-Fetch-Dest": "iframe"}, False),
    ],
)
@pytest.mark.parametrize("method", ["GET"])
def test_origins(headers: dict[str, str], taken: bool, method: str) -> None:
    assert is_taken(Guard.of(["mine.example"]), method, **headers) == taken


def test_a_form_of_another_site_is_refused() -> None:
    """A navigation, too, but one that sends something."""
    assert not is_taken(Guard(), "POST", **NAVIGATION)
    assert not is_taken(Guard(), "POST", **NAVIGATION, **EVIL)


def test_the_origins_of_a_cors_block() -> None:
    """Named ones may call.

    A foreign one in a test with curl gets the function's answer, as on AWS; a browser's not.
    """
    guard = Guard.of([], origins=["https://app.example"], lenient=True)
    assert is_taken(guard, **CROSS, Origin="https://app.example")
    assert is_taken(guard, **EVIL)
    assert not is_taken(guard, **CROSS, **EVIL)


def test_every_server_is_guarded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The Function URL, the Invoke API, and the Runtime API with the next event."""
    folder = tmp_path_factory.mktemp("guard")
    template = write_template(folder, Timeout=30)
    options = ("--template", str(template), "--lambda-port", "0", "--allow-host", "mine.example")
    with RunningEmulator(*options, fronts=2) as emulator:
        runtime_api = emulator.get("/echo").json()["environment"]["AWS_LAMBDA_RUNTIME_API"]
        targets = {
            emulator.ports[0]: "/echo",
            emulator.ports[1]: "/2015-03-31/functions/Probe/invocations",
            int(runtime_api.rpartition(":")[2]): "/2018-06-01/ping",
        }
        for port, target in targets.items():
            for headers in (
                ["Host: evil.example"],
                ["Origin: https://evil.example"],
                ["Sec-Fetch-Site: cross-site"],
            ):
                with emulator.connect(port) as client:
                    client.request("POST", target, *headers, body=b"{}")
                    assert client.response().status == 403, (target, headers)
        assert emulator.get("/echo", "Host: mine.example").status == 200
