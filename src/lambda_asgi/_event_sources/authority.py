"""The authority of a request: the host and port that the client asked for. Pure.

The client chooses the Host header, and frameworks build URLs from it: `Host: example.com/public?`
would make `request.url.path` be `/public`. So only an authority of RFC 3986 section 3.2 is
accepted.
"""

import re
from functools import lru_cache

DEFAULT_PORTS = {"https": 443, "http": 80}

# RFC 3986 section 3.2.2: reg-name (which includes IPv4 addresses), or an IPv6 address in brackets.
# User information is not accepted: RFC 9110 deprecates it (section 4.2.4), and Host has none
# (section 7.2).
_AUTHORITY = re.compile(
    r"(?P<name>(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
    r"|\[(?P<ipv6>[0-9A-Fa-f:.]+)\])"
    r"(?::(?P<port>[0-9]*))?"
)


@lru_cache(maxsize=16)  # Most functions have one name.
def server_address(
    authority: str, forwarded_port: bytes | None, scheme: str
) -> tuple[str, int] | None:
    """Return (host, port) of an authority such as `example.com:8080` or `[::1]:8080`.

    Without a port, the port is `forwarded_port` if that is valid, otherwise the scheme's. The
    result is None if the authority is malformed.
    """
    match = _AUTHORITY.fullmatch(authority)
    if match is None or (match["ipv6"] and not _is_ipv6(match["ipv6"])):
        return None
    port = match["port"]
    if port and int(port) > 65535:
        return None
    if not port:
        port = forwarded_port.decode("latin-1") if forwarded_port else ""
    return match["ipv6"] or match["name"], _port_number(port) or DEFAULT_PORTS[scheme]


def _is_ipv6(text: str) -> bool:
    # Importing this takes 2 ms of a cold start, and IPv6 addresses are rare here.
    from ipaddress import IPv6Address

    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _port_number(text: str) -> int | None:
    """Return a port from 1 to 65535, or None."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        return None
    port = int(text)
    return port if 0 < port <= 65535 else None
