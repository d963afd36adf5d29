"""Who a request comes from: tokens, passwords, sessions in cookies."""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI

from file_service.identity import authenticator
from file_service.identity.hashes import BadHash, SecretHash, hash_password, hash_token
from file_service.identity.signing import Signer
from tests.file_service.asgi import app_over, call
from tests.file_service.memory_source import MemorySource
from tests.file_service.servers import Answer

FILES = {"anna/a.txt": b"of anna", "bob/b.txt": b"of bob", "top.txt": b"of nobody"}
KEYS = {"2026-11": "k" * 32}
ANNA = hash_password("correct horse").text
BOB = hash_token("bob-token").text
JSON = {"content-type": "application/json"}
JSON_LISTING = {"accept": "application/json"}


def app_with(**settings: Any) -> FastAPI:
    users = {"anna": {"hash": ANNA, "folder": "anna"}, "bob": {"hash": BOB, "folder": "/bob/"}}
    return app_over(
        MemorySource(FILES),
        **{"users": users, "signing_keys": KEYS, "token": "root-token"} | settings,
    )


@pytest.fixture
def app() -> FastAPI:
    return app_with()


def log_in(app: FastAPI, body: object, headers: Mapping[str, str] | None = None) -> Answer:
    return call(app, "/login", {**JSON, **(headers or {})}, method="POST", body=json.dumps(body))


def cookie_of(answer: Answer) -> dict[str, str]:
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


def basic(name: str, secret: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"}


@pytest.mark.parametrize(
    ("headers", "sees"),
    [
        ({"x-file-token": "root-token"}, ["anna/", "bob/", "top.txt"]),
        ({"authorization": "Bearer root-token"}, ["anna/", "bob/", "top.txt"]),
        (basic("", "root-token"), ["anna/", "bob/", "top.txt"]),
        (basic("token", "root-token"), ["anna/", "bob/", "top.txt"]),
        ({"x-file-token": "bob:bob-token"}, ["b.txt"]),
        ({"authorization": "bearer anna:correct horse"}, ["a.txt"]),
        (basic("anna", "correct horse"), ["a.txt"]),
        # A signature that CloudFront or an IAM door has put there is nothing of ours.
        (
            {"authorization": "AWS4-HMAC-SHA256 Credential=x", "x-file-token": "bob:bob-token"},
            ["b.txt"],
        ),
    ],
)
def test_a_program_says_who_it_is(app: FastAPI, headers: dict[str, str], sees: list[str]) -> None:
    answer = call(app, "/files/", {"accept": "application/json", **headers})
    assert [entry["path"] for entry in answer.json()["entries"]] == sees


SIGNED = {"requestContext": {"authorizer": {"iam": {"userArn": "arn:aws:iam::1:user/ci"}}}}
OVERWRITTEN = "AWS4-HMAC-SHA256 Credential=AKIA/20261126/us-east-1/lambda/aws4_request, Signature=0"


@pytest.mark.parametrize("carried", ["x-file-token", "cookie", "bearer", "basic"])
@pytest.mark.parametrize("door", ["plain", "cloudfront", "iam"])
def test_what_each_door_lets_through(app: FastAPI, door: str, carried: str) -> None:
    """Front doors change Authorization.

    CloudFront's origin access control replaces it by a signature of its own. A Function URL with
    IAM removes it.
    """
    headers = {
        "x-file-token": {"x-file-token": "bob:bob-token"},
        "cookie": cookie_of(log_in(app, {"user": "bob", "secret": "bob-token"})),
        "bearer": {"authorization": "Bearer bob:bob-token"},
        "basic": basic("bob", "bob-token"),
    }[carried]
    passes = door == "plain" or carried in {"x-file-token", "cookie"}
    event: dict[str, Any] | None = None
    if door == "cloudfront":
        headers = {**headers, "authorization": OVERWRITTEN}
        event = SIGNED
    elif door == "iam":
        headers = {name: value for name, value in headers.items() if name != "authorization"}
        event = SIGNED
    answer = call(app, "/files/", {**JSON_LISTING, **headers}, event=event)
    assert answer.status == (200 if passes else 401)
    if passes:
        assert [entry["path"] for entry in answer.json()["entries"]] == ["b.txt"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-file-token": ""},
        {"x-file-token": "bob-token"},
        {"x-file-token": "anna:bob-token"},
        {"x-file-token": "nobody:root-token"},
        {"x-file-token": "wrong", "authorization": "Bearer root-token"},
        {"authorization": "Bearer"},
        {"authorization": "Basic !"},
        {"authorization": "Basic YQ=="},
        basic("anna", "root-token"),
        {"authorization": "AWS4-HMAC-SHA256 Credential=root-token"},
        {"cookie": "file_service_session=root-token"},
        {"cookie": "file_service_session=2026-11.WyJhbm5hIl0.AAAA"},
    ],
)
def test_a_wrong_secret_opens_nothing(app: FastAPI, headers: dict[str, str]) -> None:
    for target in ("/files/", "/files/top.txt", "/archives/", "/digests/top.txt"):
        answer = call(app, target, headers)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="file_service"'


def test_a_user_is_not_let_out_of_the_folder(app: FastAPI) -> None:
    anna = basic("anna", "correct horse")
    for target in ("/files/top.txt", "/files/bob/b.txt", "/files/../bob/b.txt", "/archives/bob"):
        assert call(app, target, anna).status == 404
    assert call(app, "/files/a.txt", anna).body == b"of anna"


@pytest.mark.parametrize(
    ("body", "folder"),
    [
        ({"user": "anna", "secret": "correct horse"}, ["a.txt"]),
        ({"user": "bob", "secret": "bob-token"}, ["b.txt"]),
        ({"secret": "root-token"}, ["anna/", "bob/", "top.txt"]),
    ],
)
def test_a_login_is_a_cookie_that_no_script_reads(
    app: FastAPI, body: dict[str, str], folder: list[str]
) -> None:
    answer = log_in(app, body)
    assert (answer.status, answer.body) == (204, b"")
    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert attributes == {"httponly", "samesite=strict", "path=/", f"max-age={7 * 24 * 3600}"}
    assert body["secret"] not in answer.headers["set-cookie"]
    listing = call(app, "/files/", {"accept": "application/json", **cookie_of(answer)})
    assert [entry["path"] for entry in listing.json()["entries"]] == folder


def test_over_https_the_cookie_stays_on_https(app: FastAPI) -> None:
    answer = call(
        app,
        "https://test/login",
        JSON,
        method="POST",
        body='{"secret": "root-token"}',
    )
    assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "body",
    [
        {"user": "anna", "secret": "wrong"},
        {"user": "nobody", "secret": "correct horse"},
        {"secret": "bob-token"},
        {"user": "anna", "secret": ""},
    ],
)
def test_a_wrong_login_gets_no_cookie(app: FastAPI, body: dict[str, str]) -> None:
    answer = log_in(app, body)
    assert answer.status == 401
    assert "set-cookie" not in answer.headers


def test_a_login_ends_with_the_cookie_the_secret_the_user_or_the_key(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = cookie_of(log_in(app, {"user": "bob", "secret": "bob-token"}))
    other = {"bob": {"hash": hash_token("another").text, "folder": "bob"}}
    same = {"bob": {"hash": BOB, "folder": "bob"}}
    for changed, status in (
        (app_with(users=same), 200),
        (app_with(signing_keys={"2026-12": "n" * 32, **KEYS}), 200),
        (app_with(users=other), 401),
        (app_with(users={}), 401),
        (app_with(signing_keys={"2026-12": "n" * 32}), 401),
        (app_with(signing_keys={"2026-11": "n" * 32}), 401),
    ):
        assert call(changed, "/files/", cookie).status == status
    monkeypatch.setattr(
        authenticator, "_now", lambda now=authenticator._now: now().replace(year=2099)
    )
    assert call(app, "/files/", cookie).status == 401


def test_logging_out_removes_the_cookie(app: FastAPI) -> None:
    answer = call(app, "/logout", JSON, method="POST")
    assert answer.status == 204
    assert 'file_service_session=""' in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]


@pytest.mark.parametrize("target", ["/login", "/logout", "/shares"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({**JSON, "sec-fetch-site": "cross-site"}, 403),
        ({**JSON, "sec-fetch-site": "same-site"}, 403),
        ({**JSON, "origin": "https://evil.example"}, 403),
        ({**JSON, "origin": "null"}, 403),
        ({}, 415),
    ],
)
def test_another_site_can_send_nothing(
    app: FastAPI, target: str, headers: dict[str, str], status: int
) -> None:
    answer = call(
        app,
        target,
        {"x-file-token": "root-token", **headers},
        method="POST",
        body='{"secret": "root-token", "path": "anna/", "seconds": 60}',
    )
    assert answer.status == status
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin", "origin": "https://cdn.example"},  # behind CloudFront
        {"origin": "http://test"},
        {"sec-fetch-site": "none"},
    ],
)
def test_the_page_itself_can_log_in(app: FastAPI, headers: dict[str, str]) -> None:
    assert log_in(app, {"secret": "root-token"}, headers).status == 204


def test_the_session_says_what_the_page_has_to_know(app: FastAPI) -> None:
    nobody = call(app, "/session")
    assert nobody.status == 200
    assert nobody.headers["cache-control"] == "no-store"
    assert nobody.json() == {
        "user": None,
        "may_read": False,
        "may_share": False,
        "login": True,
        "share": None,
        "share_max_seconds": 7 * 24 * 3600,
    }
    anna = call(app, "/session", basic("anna", "correct horse")).json()
    assert (anna["user"], anna["may_read"], anna["may_share"]) == ("anna", True, True)
    free = call(app_over(MemorySource(FILES)), "/session").json()
    assert (free["user"], free["may_read"], free["may_share"], free["login"]) == (
        None,
        True,
        False,
        False,
    )


def test_a_token_alone_signs_its_own_logins_but_no_links() -> None:
    app = app_over(MemorySource(FILES), token="root-token")
    cookie = cookie_of(log_in(app, {"secret": "root-token"}))
    assert call(app, "/files/top.txt", cookie).status == 200
    changed = app_over(MemorySource(FILES), token="new-token")
    assert call(changed, "/files/top.txt", cookie).status == 401
    body = '{"path": "top.txt", "seconds": 60}'
    assert call(app, "/shares", {**JSON, **cookie}, method="POST", body=body).status == 404


def test_no_secret_is_kept_in_the_settings() -> None:
    for made, secret in ((hash_token("s"), "s"), (hash_password("p\u00e4ss"), "p\u00e4ss")):
        parsed = SecretHash.parse(made.text)
        assert parsed.matches(secret)
        assert not parsed.matches(secret + " ")
        assert secret not in made.text.split("$")
    assert hash_password("p").text != hash_password("p").text
    assert (
        call(app_with(token=hash_token("t").text), "/files/", {"x-file-token": "t"}).status == 200
    )


@pytest.mark.parametrize(
    "text", ["", "s3cret", "sha256$abc", "scrypt$16384$8$1$AA", "scrypt$1$8$1$AAAA$AAAA"]
)
def test_what_is_no_hash_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(BadHash):
        SecretHash.parse(text)


def test_a_signed_text_is_valid_for_its_purpose_and_letter_by_letter() -> None:
    signer = Signer({"a": b"1" * 32})
    text = signer.sign("session", ["anna", 5])
    assert signer.verify("session", text) == ["anna", 5]
    assert signer.verify("share", text) is None
    assert Signer({"b": b"1" * 32}).verify("session", text) is None
    for at in range(len(text)):
        for letter in "A-.\u00e9":
            if letter != text[at]:
                assert signer.verify("session", text[:at] + letter + text[at + 1 :]) is None
    for wrong in ("", ".", "..", "a", "a.b", text + "=", text + ".", text[:-1]):
        assert signer.verify("session", wrong) is None
