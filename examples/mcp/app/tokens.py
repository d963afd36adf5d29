"""Who may call: access tokens as signed JWTs, checked with the public keys of the OAuth server."""

import asyncio
from typing import Any

import jwt
from mcp.server.auth.provider import AccessToken


class JWTVerifier:
    """`audience` is the server's URL. A token for another one is refused (RFC 8707, RFC 9068)."""

    def __init__(self, jwks_url: str, *, issuer: str, audience: str) -> None:
        self.keys = jwt.PyJWKClient(jwks_url)
        self.issuer = issuer
        self.audience = audience

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            claims = await asyncio.to_thread(self._claims, token)  # fetches the keys, once
        except jwt.PyJWTError:
            return None
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims.get("scope", "").split(),
            expires_at=int(claims["exp"]),  # RFC 7519 allows fractions of a second
            subject=claims.get("sub"),
            claims=claims,
        )

    def _claims(self, token: str) -> dict[str, Any]:
        key = self.keys.get_signing_key_from_jwt(token).key
        required = {"require": ["exp", "iss", "aud", "client_id"]}
        return jwt.decode(
            token, key, ["RS256"], options=required, issuer=self.issuer, audience=self.audience
        )
