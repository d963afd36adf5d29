"""The CORS configuration of a Function URL or an HTTP API.

The front answers preflights without the function, and adds headers to other responses. All rules
are recorded for Function URLs, except those for the wildcard: docs/fidelity.md.
"""

from dataclasses import dataclass, field

from lambda_emulator.http.message import Header, Request

__all__ = ["Cors"]


@dataclass(frozen=True, slots=True)
class Cors:
    """As `Cors` of AWS::Lambda::Url. An empty block is no CORS. `https://*` matches every https
    origin.
    """

    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    allow_credentials: bool | None = None
    max_age: int | None = None
    _lower_headers: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "_lower_headers", frozenset(name.lower() for name in self.allow_headers)
        )

    def __bool__(self) -> bool:
        return bool(
            self.allow_origins or self.allow_methods or self.allow_headers or self.expose_headers
        )

    def is_preflight(self, request: Request) -> bool:
        """Whether it is OPTIONS with Origin and Access-Control-Request-Method. Otherwise the
        function runs.
        """
        return bool(
            self
            and request.method == "OPTIONS"
            and request.header("origin")
            and request.header("access-control-request-method")
        )

    def preflight(self, request: Request) -> list[Header]:
        """Return the headers of a preflight's response (200, empty): none if anything is not
        allowed.
        """
        origin = request.header("origin") or ""
        if not self._allows(request):
            return []
        headers = [("Access-Control-Allow-Origin", self._granted_origin(origin))]
        if self.allow_headers:
            headers.append(("Access-Control-Allow-Headers", ",".join(self.allow_headers)))
        headers.append(("Vary", "Origin"))
        headers.append(("Access-Control-Allow-Methods", ",".join(self.allow_methods)))
        if self.max_age is not None:
            headers.append(("Access-Control-Max-Age", str(self.max_age)))
        if self.allow_credentials:
            headers.append(("Access-Control-Allow-Credentials", "true"))
        return headers

    def grants(self, request: Request) -> list[Header]:
        """Return the headers to add to a function's response, in lower case: none without a
        matching Origin.
        """
        origin = request.header("origin")
        if not self or origin is None or not self._allows_origin(origin):
            return []
        headers = [
            ("access-control-allow-origin", self._granted_origin(origin)),
            ("vary", "Origin"),
        ]
        if self.expose_headers:
            headers.append(("access-control-expose-headers", ",".join(self.expose_headers)))
        if self.allow_credentials:
            headers.append(("access-control-allow-credentials", "true"))
        return headers

    def _allows(self, request: Request) -> bool:
        """Whether the preflight's origin, method and headers are allowed."""
        method = request.header("access-control-request-method") or ""
        asked = [
            name.strip().lower()
            for name in (request.header("access-control-request-headers") or "").split(",")
        ]
        return (
            self._allows_origin(request.header("origin") or "")
            and (method in self.allow_methods or "*" in self.allow_methods)
            and ("*" in self.allow_headers or self._lower_headers.issuperset(filter(None, asked)))
        )

    def _allows_origin(self, origin: str) -> bool:
        scheme = origin.partition("//")[0]
        return not {origin, "*", f"{scheme}//*"}.isdisjoint(self.allow_origins)

    def _granted_origin(self, origin: str) -> str:
        """Return `*` if all origins are allowed without credentials, else the origin.

        Source: Fetch 3.3.5.
        """
        is_for_all = "*" in self.allow_origins and origin not in self.allow_origins
        return "*" if is_for_all and not self.allow_credentials else origin
