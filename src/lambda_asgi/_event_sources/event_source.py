"""What an event source is: one event, read as a request, and the result that its sender takes."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from lambda_asgi._asgi import RawHeaders, Scope
from lambda_asgi._event_sources.parts import (
    ASGI_VERSIONS,
    HTTP_VERSIONS,
    decoded_path,
    describe,
    mount_point,
    server_address,
)
from lambda_asgi.errors import EventError


class EventOptions(NamedTuple):
    """What a user sets about events.

    `base_path` is the prefix of the URL's path that a custom domain's mapping adds: it becomes the
    `root_path` of the requests below it. `event_path` is where events that are not HTTP requests
    go. `custom_handlers` are Mangum handler classes.
    """

    base_path: str = ""
    event_path: str = "/events"
    custom_handlers: tuple[type[Any], ...] = ()


class EventSource(ABC):
    """One event with what made it. A subclass stands for one shape of event."""

    name: ClassVar[str]
    """For logs and tests, such as "function-url"."""

    is_http: ClassVar[bool] = True
    """Whether the sender waits for an HTTP response."""

    def __init__(self, event: Any, context: Any = None, options: EventOptions | None = None) -> None:
        self.event = event
        self.context = context
        self.options = options or EventOptions()

    @abstractmethod
    def request(self) -> tuple[Scope, bytes]:
        """The ASGI scope of the request, without "state" and "extensions", and its whole body.

        Raises EventError when the event cannot be served.
        """

    @abstractmethod
    def result(self, status: int, headers: RawHeaders, body: bytes) -> Any:
        """The function's result for a whole response: a value for `json.dumps`."""


class RequestSource(EventSource):
    """An event read as an HTTP request. A subclass says where the event has each part.

    A part may be missing, null or of another type than documented: anyone who may call `Invoke`
    makes events. Each method raises EventError for a value that cannot be served, and nothing else.
    """

    def request(self) -> tuple[Scope, bytes]:
        method = self.method()
        if not isinstance(method, str) or not method:
            raise EventError(f"the event's HTTP method is {describe(method)}, not a word such as GET")
        raw_path, path = self.url_path()
        headers = self.headers()
        body = self.body()
        found = dict(headers)
        if body and b"content-length" not in found:
            # REST APIs drop it (recorded), and WSGI apps read no body without it.
            headers.append((b"content-length", b"%d" % len(body)))
        scheme = "http" if (self.forwarded_proto(found)) == b"http" else "https"
        authority = found.get(b"host")
        host = authority.decode("latin-1") if authority else self.domain_name()
        client = self.client_address(headers)
        protocol = self.protocol()
        scope = {
            "type": "http",
            "asgi": ASGI_VERSIONS.copy(),
            "http_version": HTTP_VERSIONS.get(protocol, "1.1") if isinstance(protocol, str) else "1.1",
            "method": method.upper(),
            "scheme": scheme,
            "path": path,
            "raw_path": raw_path,
            "query_string": self.query_string(),
            "root_path": mount_point(path, self.stage(), self.options.base_path),
            "headers": headers,
            "client": (client, 0) if client and isinstance(client, str) else None,
            "server": server_address(host, found.get(b"x-forwarded-port"), scheme) if isinstance(host, str) else None,
            "aws.event": self.event,
            "aws.context": self.context,
        }
        return scope, body

    @abstractmethod
    def method(self) -> Any: ...

    @abstractmethod
    def url_path(self) -> tuple[bytes, str]:
        """All of the URL's path, stage included: as on the wire, and decoded once."""

    @abstractmethod
    def query_string(self) -> bytes:
        """As on the wire, as far as the event has it so."""

    @abstractmethod
    def headers(self) -> RawHeaders: ...

    @abstractmethod
    def body(self) -> bytes: ...

    @abstractmethod
    def client_address(self, headers: RawHeaders) -> Any:
        """The IP address of the sender's peer; None where the event does not have it."""

    def stage(self) -> str:
        """The part of the path that belongs to the sender: it becomes the `root_path`."""
        return ""

    def domain_name(self) -> Any:
        """Stands in for a missing Host header. Without either, the scope's `server` is None."""
        return None

    def forwarded_proto(self, headers: dict[bytes, bytes]) -> bytes | None:
        return headers.get(b"x-forwarded-proto")

    def protocol(self) -> Any:
        return None


def wire_path(raw_path: bytes) -> tuple[bytes, str]:
    """What `url_path` gives for a path that arrives as it was on the wire."""
    return raw_path, decoded_path(raw_path)
