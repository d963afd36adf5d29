"""Content negotiation by the Accept field, RFC 9110 section 12.5.1. Pure."""

from collections.abc import Sequence


def preferred(accept: str, offers: Sequence[str]) -> str:
    """Return the offer with the highest quality. It always returns one of the offers.

    If several have the same quality, the one that the client names most exactly wins, then the
    first.
    """
    ranges: dict[str, float] = {}
    for element in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in element.split(";"))
        ranges[media_range] = _quality(parameters)

    def rank(offer: str) -> tuple[float, int]:
        kind, _, _ = offer.partition("/")
        candidates = [offer, f"{kind}/*", "*/*"]
        for place, media_range in enumerate(candidates):
            if media_range in ranges:  # The most specific media range counts.
                return ranges[media_range], -place
        return 0.0, -len(candidates)

    return max(offers, key=rank)


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
