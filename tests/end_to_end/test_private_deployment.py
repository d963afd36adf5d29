"""The project's own template with a token, two users and share links, as its documentation says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.file_service.servers import ROOT, Server, server_process

pytestmark = pytest.mark.slow

FILES = {
    "anna/report.txt": b"of anna",
    "anna/photos/one.jpg": b"picture",
    "bob/secret.txt": b"of bob",
    "common.txt": b"of nobody",
}
TOKEN = "a-token-for-the-operator-of-the-service"
KEYS = {"2026-11": "0123456789abcdef0123456789abcdef"}


def hashed(secret: str) -> str:
    command = [sys.executable, "-m", "file_service.hash_secret"]
    ran = subprocess.run(command, input=secret, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


@pytest.fixture(scope="module")
def users() -> dict[str, object]:
    return {
        "anna": {"hash": hashed("correct horse"), "folder": "anna/"},
        "bob": {"hash": hashed("battery staple"), "folder": "bob/"},
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@contextmanager
def deployed(files: Path, users: object, keys: Mapping[str, str]) -> Iterator[Server]:
    parameters = {
        "AuthType": "NONE",
        "FileSource": str(files),
        "FileToken": TOKEN,
        "FileUsers": json.dumps(users),
        "FileSigningKeys": json.dumps(keys),
    }
    command = [sys.executable, "-m", "lambda_emulator", "--template", str(ROOT / "template.yaml")]
    command += ["--port", "0", "--parameter-overrides"]
    command += [f"{name}={value}" for name, value in parameters.items()]
    inherited = {n: v for n, v in os.environ.items() if not n.startswith(("FILE_", "AWS_"))}
    with server_process(command, inherited, r"Listening on (http://\S+)") as server:
        yield server


@pytest.fixture(scope="module")
def server(files: Path, users: object) -> Iterator[Server]:
    with deployed(files, users, KEYS) as server:
        yield server


class Curl:
    """curl with a cookie jar of its own."""

    def __init__(self, server: Server, jar: Path, *options: str) -> None:
        self._url = server.url
        self._options = ["-sS", "-b", str(jar), "-c", str(jar), *options]

    def __call__(self, target: str, *options: str) -> tuple[int, str]:
        command = ["curl", *self._options, *options, "-w", "\n%{http_code}", self._url + target]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        body, _, status = ran.stdout.rpartition("\n")
        return int(status), body

    def post(self, target: str, body: object) -> tuple[int, str]:
        return self(target, "-H", "Content-Type: application/json", "-d", json.dumps(body))


JSON = ("-H", "Accept: application/json")


def paths(answer: tuple[int, str]) -> list[str]:
    assert answer[0] == 200, answer
    return [entry["path"] for entry in json.loads(answer[1])["entries"]]


OUTSIDE = [
    "/files/bob/secret.txt",
    "/files/common.txt",
    "/files/../bob/secret.txt",
    "/files/%2e%2e/bob/secret.txt",
    "/files/..%2fbob/secret.txt",
    "/files/anna/../../bob/secret.txt",
    "/archives/bob",
    "/digests/bob/secret.txt",
    "/digests/bob/",
    "/files/?prefix=bob/",
]


def test_a_visitor_sees_nothing(server: Server, tmp_path: Path) -> None:
    curl = Curl(server, tmp_path / "jar")
    for target in ("/files/", "/files/common.txt", "/archives/", "/digests/common.txt", *OUTSIDE):
        assert curl(target, "--path-as-is")[0] in (400, 401)
    assert json.loads(curl("/session")[1])["may_read"] is False
    assert curl("/")[0] == 200


def test_each_sees_the_own_folder_and_the_operator_all(server: Server, tmp_path: Path) -> None:
    anna = Curl(server, tmp_path / "jar", "-u", "anna:correct horse")
    assert paths(anna("/files/", *JSON)) == ["photos/", "report.txt"]
    assert anna("/files/report.txt") == (200, "of anna")
    for target in OUTSIDE:
        assert anna(target, "--path-as-is")[0] in (400, 404), target
    bob = Curl(server, tmp_path / "jar", "-H", "X-File-Token: bob:battery staple")
    assert paths(bob("/files/", *JSON)) == ["secret.txt"]
    assert bob("/files/report.txt")[0] == 404
    operator = Curl(server, tmp_path / "jar", "-H", f"X-File-Token: {TOKEN}")
    assert paths(operator("/files/", *JSON)) == ["anna/", "bob/", "common.txt"]
    assert Curl(server, tmp_path / "jar", "-u", "anna:battery staple")("/files/")[0] == 401


def test_a_person_logs_in_and_out(server: Server, tmp_path: Path) -> None:
    anna = Curl(server, tmp_path / "jar")
    assert anna.post("/login", {"user": "anna", "secret": "wrong"})[0] == 401
    assert anna.post("/login", {"user": "anna", "secret": "correct horse"})[0] == 204
    assert paths(anna("/files/", *JSON)) == ["photos/", "report.txt"]
    assert json.loads(anna("/session")[1])["user"] == "anna"
    for target in OUTSIDE:
        assert anna(target, "--path-as-is")[0] in (400, 404), target
    assert anna.post("/logout", {})[0] == 204
    assert anna("/files/")[0] == 401


def test_a_share_link_opens_one_folder_and_no_log_has_it(
    files: Path, users: object, tmp_path: Path
) -> None:
    with deployed(files, users, KEYS) as server:
        anna = Curl(server, tmp_path / "jar", "-u", "anna:correct horse")
        status, body = anna.post("/shares", {"path": "photos/", "seconds": 3600})
        assert status == 201
        link = "/" + json.loads(body)["url"]
        guest = Curl(server, tmp_path / "guest")
        assert paths(guest(f"{link}files/", *JSON)) == ["one.jpg"]
        assert guest(f"{link}files/one.jpg") == (200, "picture")
        assert guest(link)[0] == 200
        assert guest(f"{link}archives/", "-o", str(tmp_path / "photos.zip"))[0] == 200
        for target in (*OUTSIDE, "/files/report.txt", "/files/../report.txt"):
            assert guest(link + target[1:], "--path-as-is")[0] in (400, 404), target
        assert guest.post(f"{link}shares", {"path": "", "seconds": 60})[0] == 403
        assert guest("/files/photos/one.jpg")[0] == 401
    token = link.split("/")[2]
    assert any('"share": "anna/photos/"' in line for line in server.output)
    # The emulator's console stands for the door, whose own log is AWS's.
    console = re.compile(r"[0-9a-f]{8} (GET|POST) ")
    assert not [line for line in server.output if token in line and not console.match(line)]
    with deployed(files, users, {"2026-12": "f" * 32}) as server:  # the key was removed
        assert Curl(server, tmp_path / "guest")(f"{link}files/")[0] == 403


def test_uvicorns_own_log_does_not_have_the_link(files: Path, tmp_path: Path) -> None:
    from tests.file_service.servers import service

    settings = {
        "FILE_SOURCE": str(files),
        "FILE_TOKEN": TOKEN,
        "FILE_SIGNING_KEYS": json.dumps(KEYS),
    }
    with service("uvicorn", settings) as server:
        operator = Curl(server, tmp_path / "jar", "-H", f"X-File-Token: {TOKEN}")
        link = (
            "/" + json.loads(operator.post("/shares", {"path": "anna/", "seconds": 60})[1])["url"]
        )
        guest = Curl(server, tmp_path / "guest")
        assert guest(f"{link}files/report.txt") == (200, "of anna")
        assert guest(link[:-1])[0] == 307
    assert [line for line in server.output if "GET /files/report.txt" in line]
    assert not [line for line in server.output if link.split("/")[2] in line]
