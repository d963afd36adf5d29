"""An event source: one event, read as a request, and the result that its sender expects."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from lambda_asgi._asgi import RawHeaders, Scope
from lambda_asgi._event_sources.authority import server_address
from lambda_asgi._event_sources.parts import (
    ASGI_VERSIONS,
    HTTP_VERSIONS,
    decoded_path,
    describe,
    mount_point,
    single_values,
    utf8,
)
from lambda_asgi.errors import EventError, EventPathForbidden


class EventOptions(NamedTuple):
    """The user's settings for events and their results."""

    base_path: str = ""
    """The prefix that a custom domain's mapping adds to the path, such as "/shop". It becomes the
    `root_path` of requests below it.
    """
    event_path: str = "/events"
    """Where non-HTTP events are POSTed."""
    event_host: str = "localhost"
    """The Host of requests that represent non-HTTP events."""
    allow_http_events: bool = False
    """Whether HTTP requests may also POST to `event_path`."""
    strip_root_path: bool = False
    """Remove the `root_path` from `path` and `raw_path`, for frameworks that ignore it."""
    custom_handlers: tuple[type[Any], ...] = ()
    """Mangum handler classes, tried first."""
    text_types: tuple[str, ...] = ()
    """Additional media types, or parts of them, whose bodies are text in a buffered result."""
    exclude_headers: frozenset[bytes] = frozenset()
    """Names, in lower case, of response headers to remove."""


class EventSource(ABC):
    """One event and its shape. Each subclass is for one shape."""

    name: ClassVar[str]
    """For logs and tests, such as "function-url"."""

    is_http: ClassVar[bool] = True
    """Whether the sender expects an HTTP response."""

    def __init__(
        self, event: Any, context: Any = None, options: EventOptions | None = None
    ) -> None:
        self.event = event
        self.context = context
        self.options = options or EventOptions()

    @abstractmethod
    def request(self) -> tuple[Scope, bytes]:
        """Return the ASGI scope, without "state" and "extensions", and the whole body.

        Raises:
            EventError: The event cannot be served.
        """

    @abstractmethod
    def result(self, status: int, headers: RawHeaders, body: bytes) -> Any:
        """Return the function's result for a whole response: a value for `json.dumps`."""


class RequestSource(EventSource):
    """An event that is an HTTP request. A subclass says where the event has each part.

    Anyone who may call `Invoke` makes events, so a part may be missing, null or of another type
    than documented. Each method raises EventError for a value that cannot be served, and nothing
    else.
    """

    def request(self) -> tuple[Scope, bytes]:
        """Return the ASGI scope, without "state" and "extensions", and the whole body.

        Raises:
            EventError: The event cannot be served.
            EventPathForbidden: It is an HTTP request to the path for non-HTTP events.
        """
        method = self.method()
        if not isinstance(method, str) or not method:
            raise EventError(
                f"the event's HTTP method is {describe(method)}, not a word such as GET"
            )
        method = method.upper()
        raw_path, path = self.url_path()
        stage, base_path = self.stage(), self.options.base_path
        root_path = mount_point(path, stage, base_path) if stage or base_path else ""
        self._keep_event_path(method, path, root_path)
        if self.options.strip_root_path:
            raw_path, path = _below(root_path, raw_path, path)
        body = self.body()
        headers = self.headers()
        found = dict(headers)
        if len(found) < len(headers):
            headers = single_values(headers)
        if body and b"content-length" not in found:
            # REST APIs remove it (recorded), and WSGI apps read no body without it.
            headers.append((b"content-length", b"%d" % len(body)))
        scheme = self.scheme(found)
        headers, server = self._addressed(headers, found, scheme)
        client = self.client_address(headers)
        protocol = self.protocol()
        http_version = "1.1"
        if isinstance(protocol, str):
            http_version = HTTP_VERSIONS.get(protocol, "1.1")
        scope = {
            "type": "http",
            "asgi": ASGI_VERSIONS.copy(),
            "http_version": http_version,
            "method": method,
            "scheme": scheme,
            "path": path,
            "raw_path": raw_path,
            "query_string": self.query_string(),
            "root_path": root_path,
            "headers": headers,
            "client": (client, 0) if client and isinstance(client, str) else None,
            "server": server,
            "aws.event": self.event,
            "aws.event_source": self.name,
            "aws.context": self.context,
        }
        return scope, body

    def _addressed(
        self, headers: RawHeaders, found: dict[bytes, bytes], scheme: str
    ) -> tuple[RawHeaders, tuple[str, int] | None]:
        """Return `headers` with a valid Host, if any, and the scope's `server`.

        The domain name replaces a malformed Host. Without a Host, it is the `server`.
        """
        port = found.get(b"x-forwarded-port")
        host = found.get(b"host")
        server = None if host is None else server_address(host.decode("latin-1"), port, scheme)
        if server is not None:
            return headers, server
        domain = self.domain_name()
        if isinstance(domain, str):
            server = server_address(domain, port, scheme)
        if host is not None:
            headers = [line for line in headers if line[0] != b"host"]
            if server is not None:
                headers.append((b"host", domain.encode()))
        return headers, server

    def _keep_event_path(self, method: str, path: str, root_path: str) -> None:
        """Raise EventPathForbidden if an HTTP request imitates a non-HTTP event.

        Frameworks route `/events/` and `//events` to the same place, some with and some without the
        root path.
        """
        if method != "POST" or not self.is_http or self.options.allow_http_events:
            return
        reserved = _segments(decoded_path(self.options.event_path.encode()))
        if reserved in (_segments(path), _segments(path[len(root_path) :])):
            raise EventPathForbidden(
                f"an HTTP request may not POST to {self.options.event_path}, "
                "where non-HTTP events go: "
                "set allow_http_events=True, or another LAMBDA_ASGI_EVENT_PATH"
            )

    @abstractmethod
    def method(self) -> Any: ...

    @abstractmethod
    def url_path(self) -> tuple[bytes, str]:
        """Return the URL's whole path, including the stage, raw and decoded once."""

    @abstractmethod
    def query_string(self) -> bytes:
        """Return the query, undecoded as far as the event has it so."""

    @abstractmethod
    def headers(self) -> RawHeaders: ...

    @abstractmethod
    def body(self) -> bytes: ...

    @abstractmethod
    def client_address(self, headers: RawHeaders) -> Any:
        """Return the client's IP address, or None if the event does not have it."""

    def stage(self) -> str:
        """Return the part of the path that belongs to the sender. It becomes the `root_path`."""
        return ""

    def domain_name(self) -> Any:
        """Return the name that replaces a missing Host.

        Without either, the scope's `server` is None.
        """
        return None

    def scheme(self, headers: dict[bytes, bytes]) -> str:
        return "http" if headers.get(b"x-forwarded-proto") == b"http" else "https"

    def protocol(self) -> Any:
        return None


def wire_path(path: str) -> tuple[bytes, str]:
    """Return the result of `url_path` for an undecoded path."""
    if path.isascii() and "%" not in path:  # most paths
        return path.encode(), path
    raw_path = utf8(path)
    return raw_path, decoded_path(raw_path)


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _below(root_path: str, raw_path: bytes, path: str) -> tuple[bytes, str]:
    """Return both paths without `root_path`."""
    depth = root_path.count("/")
    below = b"".join(b"/" + segment for segment in raw_path.split(b"/")[depth + 1 :])
    return below or b"/", path[len(root_path) :] or "/"
