"""A client that hides nothing: when each chunk came, how the body ended, what was not sent."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools

from lambda_emulator.credentials import Credentials
from lambda_emulator.fronts.sigv4 import sign
from lambda_emulator.http.message import Header
from lambda_emulator.template.cloudformation import REGION

__all__ = ["Observed", "Target"]

_KEPT = 64 * 1024


@dataclass(slots=True)
class Observed:
    """One response. Times in seconds since the request's first byte."""

    status: int = 0
    """0: there was none."""
    interim: list[int] = field(default_factory=list)
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    """The first 64 KiB of it."""
    size: int = 0
    chunks: list[float] = field(default_factory=list)
    """When each part of the body came."""
    sizes: list[int] = field(default_factory=list)
    """Of the HTTP chunks, where the body is chunked."""
    head_size: int = 0
    """Of the status line and the headers, in bytes."""
    complete: bool = False
    """The body came to its announced end."""
    first_byte: float | None = None
    seconds: float = 0.0
    failure: str = ""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


class Target:
    """A server to which requests are sent.

    Args:
        url: Its address. Requests go below this URL's path.
        credentials: With them, requests are signed (SigV4).
        region: The region in signatures.

    Raises:
        ValueError: `url` is no http or https address.
    """

    def __init__(
        self, url: str, *, credentials: Credentials | None = None, region: str = REGION
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no http or https address")
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.host = parts.netloc
        self._prefix = parts.path.rstrip("/")
        self._service = "execute-api" if ".execute-api." in parts.netloc else "lambda"
        is_https = parts.scheme == "https"
        default_port = 443 if is_https else 80
        self._address = (parts.hostname, parts.port or default_port)
        self._tls = ssl.create_default_context() if is_https else None
        self._credentials = credentials
        self._region = region

    @property
    def is_signed(self) -> bool:
        return self._credentials is not None

    async def ask(
        self,
        method: str,
        path: str,
        headers: Sequence[Header] = (),
        *,
        body: bytes = b"",
        version: str = "1.1",
        host: str | None = None,
        signed: bool = True,
        patience: float = 120.0,
        leave_after: int | None = None,
    ) -> Observed:
        """Send one request on its own connection.

        Args:
            method: The method.
            path: The path and query, added to the target's own path.
            headers: More headers than Host, Content-Length and the signature.
            body: The request's body.
            version: The version of HTTP in the request line.
            host: The Host header. None means the target's, "" means no header.
            signed: Whether to sign, if there are credentials.
            patience: Seconds until the request fails.
            leave_after: The client closes after this many bytes of the body.

        Returns:
            The response. Every failure is in `failure`, not raised.
        """
        path = self._prefix + path
        if host is None:
            host = self.host
        head = [f"{method} {path} HTTP/{version}"]
        for name, value in self._headers(method, path, headers, body, host, signed):
            head.append(f"{name}: {value}")
        head += ["", ""]
        data = "\r\n".join(head).encode("latin-1")
        observed = Observed()
        started = time.monotonic()
        try:
            async with asyncio.timeout(patience):
                await self._exchange(data, body, method, observed, leave_after, started)
        except TimeoutError:
            observed.failure = f"nothing more within {patience:g} s"
        except (OSError, httptools.HttpParserError) as error:
            observed.failure = f"{type(error).__name__}: {error}"
        observed.seconds = time.monotonic() - started
        return observed

    def _headers(
        self,
        method: str,
        path: str,
        headers: Sequence[Header],
        body: bytes,
        host: str,
        signed: bool,
    ) -> list[Header]:
        lines = [("Host", host)] if host else []
        lines += headers
        names = {name.lower() for name, _ in lines}
        if body and "content-length" not in names:
            lines.append(("Content-Length", str(len(body))))
        if signed and self._credentials is not None:
            lines += sign(
                method,
                path,
                lines,
                body,
                self._credentials,
                region=self._region,
                service=self._service,
                now=time.time(),
            )
        return lines

    async def _exchange(
        self,
        head: bytes,
        body: bytes,
        method: str,
        observed: Observed,
        leave_after: int | None,
        started: float,
    ) -> None:
        reader, writer = await asyncio.open_connection(*self._address, ssl=self._tls)
        sending = asyncio.ensure_future(self._send(writer, head, body))
        try:
            parser = _Parser(observed, method, lambda: time.monotonic() - started)
            while not parser.done and (leave_after is None or observed.size < leave_after):
                data = await reader.read(65536)
                if not data:
                    parser.ended()
                    return
                parser.feed(data)
        finally:
            sending.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await sending
            writer.transport.abort()

    async def _send(self, writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
        writer.write(head)
        for start in range(0, len(body), 65536):
            writer.write(body[start : start + 65536])
            await writer.drain()


class _Parser:
    """Fills an Observed."""

    def __init__(self, observed: Observed, method: str, clock: Callable[[], float]) -> None:
        self.done = False
        self._observed = observed
        self._clock = clock
        self._bodyless = method == "HEAD"
        self._in_body = False
        self._head = b""
        self._chunk = 0
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        if not self._in_body:
            self._head += data
        with contextlib.suppress(httptools.HttpParserUpgrade):
            self._parser.feed_data(data)

    def ended(self) -> None:
        """The server closed its side."""
        names = {name.lower() for name, _ in self._observed.headers}
        if self._in_body and not names & {"content-length", "transfer-encoding"}:
            self._observed.complete = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_body:
            text = value.decode("latin-1").strip()
            self._observed.headers.append((name.decode("latin-1"), text))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            self._observed.interim.append(status)
            self._observed.headers = []
            _, _, self._head = self._head.partition(b"\r\n\r\n")
            return
        head, blank_line, _ = self._head.partition(b"\r\n\r\n")
        self._observed.head_size = len(head) + len(blank_line)
        self._observed.status = status
        self._observed.first_byte = self._clock()
        self._in_body = True
        if self._bodyless or status in (101, 204, 304):
            self._observed.complete = self.done = True

    def on_body(self, body: bytes) -> None:
        observed = self._observed
        observed.chunks.append(self._clock())
        observed.size += len(body)
        self._chunk += len(body)
        observed.body += body[: _KEPT - len(observed.body)]

    def on_chunk_complete(self) -> None:
        if self._chunk:
            self._observed.sizes.append(self._chunk)
        self._chunk = 0

    def on_message_complete(self) -> None:
        if self._in_body:
            self._observed.complete = self.done = True
