"""Which responses are streamed, and which are buffered. Pure.

The user asks for streaming. An event does not contain the invoke mode of its Function URL, and the
two must match (both recorded on AWS):

- A `BUFFERED` URL in front of a streamed response keeps status and headers, and loses the body.
- A `RESPONSE_STREAM` URL in front of a buffered response shows the client the result's JSON.
"""

from typing import NamedTuple, Self

# Names of _event_sources. No other event source can stream.
CAN_STREAM = ("function-url", "rest-api")

MODES = ("streaming", "buffered")

EXPECTED = (
    "streaming, buffered, or a mode for each event source, "
    "such as function-url=streaming,rest-api=buffered"
)


class ResponseMode(NamedTuple):
    """`streaming` has the names of the event sources whose responses are streamed."""

    streaming: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one mode for all event sources that can stream, or a mode for each of them.

        The second form has `source=mode` pairs, separated by commas. A source that is not named is
        buffered.

        Raises:
            ValueError: The text is invalid. EXPECTED describes valid values.
        """
        choices = {source: text.strip() for source in CAN_STREAM}
        if "=" in text:
            choices = {}
            for pair in text.split(","):
                source, _, mode = (word.strip() for word in pair.partition("="))
                if source in choices:
                    raise ValueError(text)
                choices[source] = mode
        if not (choices.keys() <= set(CAN_STREAM) and set(choices.values()) <= set(MODES)):
            raise ValueError(text)
        return cls(frozenset(source for source, mode in choices.items() if mode == "streaming"))

    def __str__(self) -> str:
        """Return the mode and the settings that belong to it, for the log of the start."""
        if not self.streaming:
            return "buffered (InvokeMode BUFFERED, the default)"
        settings = {
            "function-url": "InvokeMode RESPONSE_STREAM",
            "rest-api": "ResponseTransferMode RESPONSE_STREAM",
        }
        sources = [source for source in CAN_STREAM if source in self.streaming]
        named = " and ".join(f"{source} ({settings[source]})" for source in sources)
        return f"streaming for {named}"


BUFFERED = ResponseMode()
