"""The CORS configuration of a Function URL or an HTTP API.

The front responds to preflights without the function, and adds headers to other responses.
All rules are recorded for Function URLs, except those for the wildcard: docs/fidelity.md.
"""

from dataclasses import dataclass, field

from lambda_emulator.http.message import Header, Request

__all__ = ["Cors"]


@dataclass(frozen=True, slots=True)
class Cors:
    """A block like `Cors` of AWS::Lambda::Url.

    An empty block means no CORS. `https://*` matches every https origin.
    """

    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    allow_credentials: bool | None = None
    max_age: int | None = None
    _lower_headers: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = frozenset(name.lower() for name in self.allow_headers)
        object.__setattr__(self, "_lower_headers", names)

    def __bool__(self) -> bool:
        allowed = self.allow_origins or self.allow_methods or self.allow_headers
        return bool(allowed or self.expose_headers)

    def is_preflight(self, request: Request) -> bool:
        """Whether it is OPTIONS with Origin and Access-Control-Request-Method.

        Otherwise the function runs.
        """
        if not self or request.method != "OPTIONS":
            return False
        origin = request.header("origin")
        method = request.header("access-control-request-method")
        return bool(origin and method)

    def preflight(self, request: Request) -> list[Header]:
        """Return the headers of a preflight's response, which is empty with status 200.

        There are none if anything is not allowed.
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
        """Return the headers to add to a function's response, in lower case.

        There are none without a matching Origin.
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
        if not self._allows_origin(request.header("origin") or ""):
            return False
        method = request.header("access-control-request-method") or ""
        if method not in self.allow_methods and "*" not in self.allow_methods:
            return False
        if "*" in self.allow_headers:
            return True
        names = (request.header("access-control-request-headers") or "").split(",")
        asked = {name.strip().lower() for name in names}
        return asked - {""} <= self._lower_headers

    def _allows_origin(self, origin: str) -> bool:
        scheme, _, _ = origin.partition("//")
        patterns = (origin, "*", f"{scheme}//*")
        return any(pattern in self.allow_origins for pattern in patterns)

    def _granted_origin(self, origin: str) -> str:
        """Return `*` if all origins are allowed without credentials, else the origin.

        Source: Fetch 3.3.5.
        """
        if origin in self.allow_origins or self.allow_credentials:
            return origin
        return "*" if "*" in self.allow_origins else origin
