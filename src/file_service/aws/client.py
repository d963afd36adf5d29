"""Send signed requests over kept connections, and retry them. Blocking: call it from threads."""

import http.client
import random
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from file_service.aws.credentials import CredentialProvider
from file_service.aws.sigv4 import query_string, signed_headers

_TRIES = 5
_RETRY_SECONDS = 0.05  # Doubled for each retry. The actual pause is a random part of it.
_TIMEOUT = 15
_REPEAT = {429, 500, 502, 503, 504}


class Reply(NamedTuple):
    """A response: its status, and its whole body."""

    status: int
    body: bytes


class AwsClient:
    """A client for one `service` of `region` at `endpoint` (a URL)."""

    def __init__(
        self, endpoint: str, region: str, service: str, credentials: CredentialProvider
    ) -> None:
        address = urlsplit(endpoint)
        self._host = address.netloc
        self._tls: ssl.SSLContext | None = None
        if address.scheme == "https":
            self._tls = ssl.create_default_context()
        self._region = region
        self._service = service
        self._credentials = credentials
        self._idle: list[http.client.HTTPConnection] = []

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        """Send a request and return the reply, whatever its status.

        A request that fails, or that the service asks to repeat later, is sent again. Use this
        method only for requests that change nothing.

        Args:
            method: The HTTP method.
            path: The path, already percent-encoded.
            query: The query parameters, not encoded.
            headers: Additional headers. They are signed too.
            body: The request body.

        Raises:
            OSError: There is no reply.
            NoCredentials: There are no credentials to sign with.
        """
        encoded = query_string(query)
        target = f"{path}?{encoded}" if encoded else path
        failed: Exception | None = None
        for tried in range(_TRIES):
            if tried:
                longest = _RETRY_SECONDS * 2 ** (tried - 1)
                time.sleep(longest * random.uniform(0.5, 1))
            signed = signed_headers(
                method,
                self._host,
                path,
                encoded,
                body,
                headers or {},
                self._credentials.get(),
                self._region,
                self._service,
                datetime.now(UTC),
            )
            try:
                reply = self._exchange(method, target, signed, body)
            except (OSError, http.client.HTTPException) as error:
                failed = error
                continue
            if reply.status not in _REPEAT:
                return reply
            failed = None
        if failed is not None:
            raise OSError(f"{self._host} does not answer: {failed!r}") from failed
        return reply

    def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            connection.request(method, target, body or None, dict(headers))
            response = connection.getresponse()
            reply = Reply(response.status, response.read())
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return reply

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, timeout=_TIMEOUT)
        return http.client.HTTPSConnection(self._host, timeout=_TIMEOUT, context=self._tls)

    def close(self) -> None:
        """Close the idle connections. A later request opens new ones."""
        while self._idle:
            self._idle.pop().close()
