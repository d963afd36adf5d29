"""Which method and path of an API a request is for. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

__all__ = ["Route", "find_route"]

_PARAMETER: Final = re.compile(r"\{([^{}+]+)(\+?)\}")
_Target = TypeVar("_Target")


@dataclass(frozen=True)
class Route(Generic[_Target]):
    """One method and resource path of an API, and what serves it."""

    method: str
    """"ANY" for all."""
    resource: str
    target: _Target
    names: tuple[str, ...] = field(init=False)
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        names = []
        pattern = ""
        end = 0
        for found in _PARAMETER.finditer(self.resource):
            name, plus = found.groups()
            names.append(name)
            literal = self.resource[end : found.start()]
            pattern += re.escape(literal)
            pattern += "(.+)" if plus else "([^/]+)"
            end = found.end()
        pattern += re.escape(self.resource[end:])
        object.__setattr__(self, "names", tuple(names))
        object.__setattr__(self, "pattern", re.compile(pattern))

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the path parameters, still escaped, or None if this route does not match."""
        if self.method not in ("ANY", method):
            return None
        found = self.pattern.fullmatch(path)
        if found is None and path != "/":
            found = self.pattern.fullmatch(path.rstrip("/"))
        if found is None:
            return None
        return dict(zip(self.names, found.groups(), strict=True))

    @property
    def rank(self) -> tuple[list[int], bool]:
        """Return the sort key: in each segment a literal, then {one}, then {many+}.

        A method comes before ANY.
        """
        ranks = []
        for segment in self.resource.split("/"):
            found = _PARAMETER.fullmatch(segment)
            if found is None:
                ranks.append(0)
            else:
                ranks.append(2 if found[2] else 1)
        return ranks, self.method == "ANY"


def find_route(
    routes: Iterable[Route[_Target]], method: str, path: str
) -> tuple[Route[_Target], dict[str, str]] | None:
    """Return the route that AWS chooses, and its path parameters.

    Args:
        routes: All routes of the API. Their order does not matter.
        method: The request's method.
        path: The request's path, still escaped.
    """
    for route in sorted(routes, key=lambda route: route.rank):
        parameters = route.match(method, path)
        if parameters is not None:
            return route, parameters
    return None
