"""An MCP server. Tool calls stream their progress. Each carries a token of the OAuth server."""

import asyncio
import os
from urllib.parse import urlsplit

from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from tokens import JWTVerifier

from lambda_asgi import LambdaASGI

PUBLIC_URL = os.environ["PUBLIC_URL"]
RESOURCE = f"{PUBLIC_URL}/mcp"
ISSUER = os.environ["ISSUER"]

server = MCPServer(
    "example",
    auth=AuthSettings(
        issuer_url=ISSUER,
        resource_server_url=RESOURCE,
        required_scopes=["tools"],
        validate_token_resource=False,  # tokens.py checks the audience
    ),
    token_verifier=JWTVerifier(os.environ["JWKS_URL"], issuer=ISSUER, audience=RESOURCE),
)


@server.tool()
async def count_down(start: int, context: Context) -> str:
    """Count down from a number, and report each one."""
    for done in range(start):
        await context.report_progress(done, start, f"{start - done}")
        await asyncio.sleep(0.3)
    return "Lift-off!"


app = server.streamable_http_app(
    # The next request may reach another execution environment, which knows of no session.
    stateless_http=True,
    # By default the SDK answers 421 to every Host but localhost's.
    transport_security=TransportSecuritySettings(allowed_hosts=[urlsplit(PUBLIC_URL).netloc]),
)
handler = LambdaASGI(app, response_mode="streaming")
