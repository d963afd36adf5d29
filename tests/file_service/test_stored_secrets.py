"""Secrets that are kept by Secrets Manager or SSM, and credentials that come from an endpoint."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from file_service.aws.credentials import CredentialProvider, NoCredentials
from file_service.aws.stored_secret import SecretUnavailable, stored_secret
from file_service.identity.hashes import hash_token
from file_service.settings import ConfigurationError, load_settings
from tests.file_service.moto_server import Moto, moto_server
from tests.file_service.servers import service

KEYS = {"2026-11": "k" * 32}
STORED = {
    "users": {"anna": {"hash": hash_token("anna-token").text, "folder": "measurements"}},
    "signing_keys": KEYS,
}


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with moto_server() as server:
        yield server


@pytest.fixture(scope="module", params=["secretsmanager", "ssm"])
def arn(request: pytest.FixtureRequest, moto: Moto) -> str:
    client = moto.client(request.param)
    try:
        if request.param == "ssm":
            client.put_parameter(Name="/files/x", Type="SecureString", Value=json.dumps(STORED))
            made: str = client.get_parameter(Name="/files/x")["Parameter"]["ARN"]
        else:
            made = client.create_secret(Name="files", SecretString=json.dumps(STORED))["ARN"]
        return made
    finally:
        client.close()


def test_the_stored_text_is_read(moto: Moto, arn: str) -> None:
    assert json.loads(stored_secret(arn, moto.environment())) == STORED


@pytest.mark.parametrize(
    ("arn", "told"),
    [
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:nope", "ResourceNotFoundException"),
        ("arn:aws:ssm:us-east-1:123456789012:parameter/nope", "ParameterNotFound"),
        ("arn:aws:s3:::bucket", "is no ARN of"),
        ("files", "is no ARN of"),
    ],
)
def test_what_is_not_there_is_said_with_the_code(moto: Moto, arn: str, told: str) -> None:
    with pytest.raises(SecretUnavailable, match=told):
        stored_secret(arn, moto.environment())


def test_a_function_whose_users_are_stored(moto: Moto, arn: str) -> None:
    with service("lambda", {"FILE_SECRETS": arn}, moto.environment()) as server:
        assert server.get("/files/").status == 401
        answer = server.get(
            "/files/", {"X-File-Token": "anna:anna-token", "Accept": "application/json"}
        )
        paths = [entry["path"] for entry in answer.json()["entries"]]
        assert "lambda-limits.json" in paths


def test_a_setting_is_never_given_twice(
    moto: Moto, arn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in moto.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FILE_SECRETS", arn)
    assert [user.name for user in load_settings().known_users] == ["anna"]
    monkeypatch.setenv("FILE_SIGNING_KEYS", json.dumps(KEYS))
    with pytest.raises(ConfigurationError, match="signing_keys is set by a variable too"):
        load_settings()


class _Endpoint(BaseHTTPRequestHandler):
    """The endpoint at AWS_CONTAINER_CREDENTIALS_FULL_URI, for functions with SnapStart."""

    asked = 0
    lifetime = timedelta(hours=1)

    def do_GET(self) -> None:
        type(self).asked += 1
        if self.headers["Authorization"] != "the-token":
            self.send_error(401)
            return
        expires = (datetime.now(UTC) + self.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
        held = {"AccessKeyId": "test-access", "SecretAccessKey": "test-secret", "Token": "t"}
        body = json.dumps({**held, "Expiration": expires}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@pytest.fixture
def endpoint() -> Iterator[dict[str, str]]:
    with HTTPServer(("127.0.0.1", 0), _Endpoint) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        _Endpoint.asked = 0
        yield {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.server_port}/",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "the-token",
        }
        server.shutdown()
        thread.join()


def test_credentials_of_a_container_are_kept_until_they_end(
    endpoint: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = CredentialProvider(endpoint)
    for _ in range(3):
        credentials = provider.get()
        assert (credentials.access_key, credentials.token) == ("test-access", "t")
    assert _Endpoint.asked == 1
    monkeypatch.setattr(_Endpoint, "lifetime", timedelta(minutes=4))
    ending = CredentialProvider(endpoint)
    ending.get()
    ending.get()
    assert _Endpoint.asked == 3


def test_a_bucket_is_listed_with_credentials_of_a_container(
    endpoint: dict[str, str], moto: Moto
) -> None:
    moto.put({"a.txt": b"alpha"})
    environment = {**endpoint, "AWS_ENDPOINT_URL": moto.url, "AWS_REGION": "us-east-1"}
    with service("uvicorn", {"FILE_SOURCE": f"s3://{Moto.BUCKET}"}, environment) as server:
        assert b"a.txt" in server.get("/files/").body
        assert server.get("/files/a.txt").body == b"alpha"


def test_without_credentials_it_is_said_what_to_set() -> None:
    with pytest.raises(NoCredentials, match="AWS_ACCESS_KEY_ID"):
        CredentialProvider({}).get()
