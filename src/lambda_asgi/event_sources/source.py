"""What an event source is."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from lambda_asgi.asgi import RawHeaders, Scope


class EventSource(ABC):
    """One shape of event: how to read a request from it, and how its sender wants a buffered answer.

    Sources hold no state of a request: one instance serves all.
    """

    name: ClassVar[str]
    can_stream: ClassVar[bool] = False
    """Whether the front door can pass a streamed answer on. Whether it is configured to, no event tells."""

    @abstractmethod
    def request(
        self, event: Any, context: Any, *, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        """The ASGI scope of the request (without "state" and "extensions") and its whole body.

        `base_path` is a prefix that belongs to the front door, not to the app's routes: it becomes the `root_path` of
        the requests under it. `event_path` is where events that are no HTTP requests go.

        Raises EventError when the event cannot be served.
        """

    @abstractmethod
    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        """The function's result for a whole response: a value for `json.dumps`."""
