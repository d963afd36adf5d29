"""The official client, with its OAuth discovery and token request, and the emulator's server."""

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx
import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from mcp.client import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = {"accept": "application/json, text/event-stream"}


class OAuthServer(ThreadingHTTPServer):
    """Metadata, keys and tokens for a client with the secret "secret"."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), OAuthAnswer)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = rsa.generate_private_key(65537, 2048)
        self.asked: list[str] = []

    def token(self, **changes: Any) -> str:
        claims = {
            "iss": self.url,
            "client_id": "agent",
            "sub": "agent",
            "scope": "tools",
            "exp": time.time() + 300,
        }
        return jwt.encode({**claims, **changes}, self.key, "RS256", {"kid": "1"})

    def keys(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": "1", "use": "sig"}]}

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "response_types_supported": ["code"],
            "grant_types_supported": ["client_credentials"],
        }


class OAuthAnswer(BaseHTTPRequestHandler):
    server: OAuthServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        documents = {
            "/.well-known/oauth-authorization-server": self.server.metadata(),
            "/.well-known/jwks.json": self.server.keys(),
        }
        self.answer(documents.get(self.path))

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        assert form["grant_type"] == ["client_credentials"]
        assert base64.b64decode(self.headers["authorization"].split()[1]) == b"agent:secret"
        token = self.server.token(aud=form["resource"][0])
        self.answer(
            {"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": "tools"}
        )

    def answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200 if document else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Storage:
    """What a client keeps between its runs: here, nothing."""

    async def get_tokens(self) -> OAuthToken | None:
        return None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        pass

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        pass


@pytest.fixture(scope="module")
def oauth() -> Iterator[OAuthServer]:
    with OAuthServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def parameters(oauth: OAuthServer, public_url: str) -> dict[str, str]:
    return {
        "PublicUrl": public_url,
        "Issuer": oauth.url,
        "JwksUrl": f"{oauth.url}/.well-known/jwks.json",
    }


@pytest.fixture(scope="module")
def url(serve: Callable[..., Any], oauth: OAuthServer) -> str:
    """The server has to know its address before it starts, so the port is chosen here."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    public = f"http://127.0.0.1:{port}"
    serve(port=port, **parameters(oauth, public))
    return f"{public}/mcp"


def test_the_official_client_finds_its_way_and_sees_progress(url: str, oauth: OAuthServer) -> None:
    async def session() -> None:
        times: list[tuple[str, float]] = []

        async def progress(done: float, total: float | None, message: str | None) -> None:
            times.append((str(message), time.monotonic()))

        auth = ClientCredentialsOAuthProvider(
            url, Storage(), "agent", "secret", scope="tools", issuer=oauth.url
        )
        async with (
            httpx2.AsyncClient(auth=auth, timeout=30) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            tools = await client.list_tools()
            assert [tool.name for tool in tools.tools] == ["count_down"]
            result = await client.call_tool("count_down", {"start": 3}, progress_callback=progress)
            ended = time.monotonic()
        assert result.content[0].text == "Lift-off!"
        assert [message for message, _ in times] == ["3", "2", "1"]
        assert ended - times[0][1] >= 0.6, "progress came with the result, not before it"

    asyncio.run(session())
    assert {"/.well-known/oauth-authorization-server", "/token"} <= set(oauth.asked)


def test_without_a_token_a_client_learns_where_to_get_one(url: str, oauth: OAuthServer) -> None:
    """A Function URL renames WWW-Authenticate, so clients use the well-known address (MCP spec)."""
    refused = httpx.post(url, json=PING, headers=ACCEPT)
    assert refused.status_code == 401
    assert "www-authenticate" not in refused.headers
    assert "resource_metadata" in refused.headers["x-amzn-remapped-www-authenticate"]
    metadata = httpx.get(url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")).json()
    assert metadata["resource"] == url
    assert metadata["authorization_servers"] == [oauth.url]


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": "https://another.example/mcp"}, 401),
        ({"exp": 1}, 401),
        ({"iss": "https://another.example"}, 401),
        ({"scope": "mail"}, 403),
    ],
)
def test_a_token_for_something_else_is_refused(
    url: str, oauth: OAuthServer, claims: dict[str, Any], status: int
) -> None:
    token = oauth.token(**{"aud": url, **claims})
    response = httpx.post(url, json=PING, headers={**ACCEPT, "authorization": f"Bearer {token}"})
    assert response.status_code == status


def test_with_a_wrong_public_url_every_request_is_misdirected(
    serve: Callable[..., Any], oauth: OAuthServer
) -> None:
    """What the SDK's default does to every function: its Host is never localhost."""
    server = serve(**parameters(oauth, "http://another.example"))
    token = oauth.token(aud="http://another.example/mcp")
    response = httpx.post(
        f"{server.url}/mcp", json=PING, headers={**ACCEPT, "authorization": f"Bearer {token}"}
    )
    assert response.status_code == 421


def test_mangum_fails_from_the_second_request_on(serve: Callable[..., Any]) -> None:
    """Mangum runs the lifespan for each request, but the SDK's session manager starts only once."""
    server = serve(template="with_mangum/template.yaml")
    statuses = [
        httpx.post(f"{server.url}/mcp", json=PING, headers=ACCEPT).status_code for _ in range(3)
    ]
    assert statuses == [200, 502, 502]
