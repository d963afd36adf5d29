"""Messages in any order, compared with a plain model of ASGI."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lambda_asgi import _prelude as prelude
from lambda_asgi._response import Response, State
from lambda_asgi.errors import ResponseTooLarge, UnexpectedMessage
from tests.lambda_asgi.support import body, start


class Model(RuleBasedStateMachine):
    """Messages in any order: what is sent is what the model would send."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.started = False
        self.opened = False
        self.ended = False
        self.failed = False
        self.accepted = b""

    @initialize(head=st.booleans(), limit=st.sampled_from([200, 10_000]))
    def begin(self, head: bool, limit: int) -> None:
        self.made = Response(head=head, limit=limit, fill_empty=False)
        self.head = head
        self.limit = limit

    def take(self, parts: list[bytes]) -> None:
        self.sent += b"".join(parts)

    @rule(status=st.sampled_from([200, 204, 304, 404]))
    def start(self, status: int) -> None:
        legal = not (self.started or self.failed)
        try:
            self.take(self.made.send(start(status, (b"x-status", str(status).encode()))))
        except UnexpectedMessage:
            assert not legal
        else:
            assert legal
            self.started, self.status = True, status

    @rule(content=st.binary(max_size=60), more=st.booleans())
    def body(self, content: bytes, more: bool) -> None:
        legal = self.started and not (self.ended or self.failed)
        before = self.made.state
        try:
            self.take(self.made.send(body(content, more=more)))
        except ResponseTooLarge:
            assert legal
            assert len(self.sent) + len(content) + (0 if self.opened else 90) > self.limit
            assert self.made.state is before
        except UnexpectedMessage:
            assert not legal
        else:
            assert legal
            self.opened = True
            self.ended = not more
            if not self.head and self.status not in (204, 304):
                self.accepted += content

    @rule()
    def wait(self) -> None:
        self.take(self.made.flush())
        self.opened = self.opened or (self.started and not self.failed)

    @rule()
    def fail(self) -> None:
        self.take(self.made.fail(500, "broken", "Runtime.X"))
        if not (self.ended or self.failed):
            self.failed = True
            if not self.opened:
                self.status, self.accepted = 500, b"" if self.head else b"broken"
                self.opened = True

    @invariant()
    def what_went_out(self) -> None:
        if not self.opened:
            assert self.sent == b""
            return
        found = prelude.split(self.sent)
        assert found is not None
        (status, headers, _), content = found
        assert (status, content) == (self.status, self.accepted)
        assert headers.get("x-status", "500") == str(self.status)
        assert self.made.body_bytes == len(content)
        assert len(self.sent) <= self.limit
        if self.ended:
            assert self.made.state is State.COMPLETE
        elif self.failed:
            assert self.made.state is State.FAILED


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=200, stateful_step_count=12, deadline=None)
