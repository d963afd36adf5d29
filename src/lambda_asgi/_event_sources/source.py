"""What an event source is."""

from abc import ABC, abstractmethod
from typing import Any

from lambda_asgi._asgi import RawHeaders, Scope


class EventSource(ABC):
    """One shape of event: how to read a request from it, and how its sender takes a buffered answer.

    Sources hold no state of a request: one instance serves all.
    """

    name: str
    """For logs and tests, such as "function-url"."""

    can_stream = False
    """Whether the front door can pass a streamed answer on. Whether it is set up to do so, no event tells."""

    @abstractmethod
    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        """The ASGI scope of the request (without "state" and "extensions") and its whole body.

        `base_path` is the prefix of the URL's path that the front door adds, not the app: it becomes the `root_path` of
        the requests under it. `event_path` is where events that are no HTTP requests go.

        Raises EventError when the event cannot be served.
        """

    @abstractmethod
    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        """The function's result for a whole response: a value for `json.dumps`."""
