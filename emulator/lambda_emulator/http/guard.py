"""Refuse requests that other sites' web pages make a browser send.

A page could otherwise invoke functions without the user's knowledge, by a cross-site request or
under a name of its own that resolves to this machine (DNS rebinding). A page cannot forge what a
browser says about a request: the Host header, Origin, and Sec-Fetch-Site (Fetch Metadata).
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from lambda_emulator.http.message import Request, RequestError

__all__ = ["Guard"]

_OURS = (".localhost", ".on.aws")
"""Names that no other site can use. Only AWS assigns the names of Function URLs, and a test may
send them."""
_ADVICE = "; if that is meant, allow it with --allow-host"


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules for one server.

    Attributes:
        hosts: Allowed names and addresses, in addition to this machine's. A wildcard address allows
            all addresses.
        origins: Pages of other sites that may call.
        lenient: A foreign Origin is allowed unless the browser says that the request is cross-site,
            so that curl can test CORS.
        any_host: The front knows its own names, and responds to others as AWS does.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    lenient: bool = False
    any_host: bool = False

    @classmethod
    def of(
        cls,
        hosts: Iterable[str],
        *,
        origins: Iterable[str] = (),
        lenient: bool = False,
        any_host: bool = False,
    ) -> "Guard":
        return cls(frozenset(host.lower() for host in hosts), frozenset(origins), lenient, any_host)

    def check(self, request: Request) -> None:
        """Raise RequestError 403 if the request is not allowed."""
        host = request.header("host")
        if host is not None and not self.any_host and not self._is_ours(_hostname(f"//{host}")):
            raise RequestError(403, f"The Host {host!r} is not this machine's{_ADVICE}.")
        origin, site = request.header("origin"), request.header("sec-fetch-site")
        if origin is not None:
            is_foreign = origin not in self.origins and not self._is_ours(_hostname(origin))
            is_refused = is_foreign and not (self.lenient and site is None)
        else:
            is_refused = site == "cross-site" and not _is_navigation(request)
        if is_refused:
            raise RequestError(
                403, f"A page of another site ({origin or 'unnamed'}) may not call this{_ADVICE}."
            )

    def _is_ours(self, name: str | None) -> bool:
        if name is None:
            return False
        if name in self.hosts or name == "localhost" or name.endswith(_OURS):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or bool(self.hosts & {"0.0.0.0", "::"})


def _hostname(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:
        return None


def _is_navigation(request: Request) -> bool:
    """Whether a user followed a link to here. The page with the link cannot see the response."""
    return (
        request.method == "GET"
        and request.header("sec-fetch-mode") == "navigate"
        and request.header("sec-fetch-dest") == "document"
    )
