"""Proactive content negotiation by Accept, RFC 9110 section 12.5.1. Pure."""

from collections.abc import Sequence


def preferred(accept: str, offers: Sequence[str]) -> str:
    """The offer that the client likes best; the first of equals, and the first of all when it likes none."""
    ranges: dict[str, float] = {}
    for element in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in element.split(";"))
        ranges[media_range] = _quality(parameters)

    def quality(offer: str) -> float:
        for media_range in (offer, f"{offer.partition('/')[0]}/*", "*/*"):  # the most specific one counts
            if media_range in ranges:
                return ranges[media_range]
        return 0.0

    return max(offers, key=quality)


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
