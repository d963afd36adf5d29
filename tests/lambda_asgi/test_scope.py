"""The shared parts of a scope, by tables and by property."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._event_sources.event_source import EventOptions, RequestSource
from lambda_asgi._event_sources.parts import (
    decoded_path,
    encoded_again,
    header_lines,
    merged_header_lines,
    mount_point,
    multi_header_lines,
    nearest_forwarded_for,
    query_parameters,
    request_body,
    single_values,
)
from lambda_asgi.errors import EventError, EventPathForbidden


@pytest.mark.parametrize(
    ("raw_path", "path"),
    [
        (b"/", "/"),
        (b"/a%2Fb", "/a/b"),
        (b"/%E2%98%83", "/☃"),
        (b"/100%25", "/100%"),
        (b"/%252F", "/%2F"),  # once, never twice
        (b"/a+b", "/a+b"),  # a plus is a space in queries only
        (b"/50%", "/50%"),
        (b"/%ZZ", "/%ZZ"),
        (b"/%C3%28", "/\ufffd("),
        (b"/caf\xc3\xa9", "/café"),
        (b"/caf\xe9", "/caf\ufffd"),
        (b"*", "*"),
    ],
)
def test_path_is_decoded_once(raw_path: bytes, path: str) -> None:
    assert decoded_path(raw_path) == path


@given(st.binary().map(lambda data: data.decode("utf-16-le", "ignore")))
def test_any_path_survives_its_encoding(path: str) -> None:
    assert decoded_path(quote(path).encode()) == path


@given(st.binary())
def test_any_bytes_have_a_path(raw_path: bytes) -> None:
    decoded_path(raw_path).encode()  # well-formed text: no lone surrogates


@pytest.mark.parametrize(
    ("path", "prefixes", "root_path"),
    [
        ("/v1/items", ["/v1"], "/v1"),
        ("/v1", ["v1/"], "/v1"),
        ("/v1/", ["/v1/"], "/v1"),
        ("/v10/items", ["/v1"], ""),
        ("/items", ["/v1"], ""),
        ("/items", ["/"], ""),
        ("/items", [""], ""),
        ("/a/b/c", ["a/b"], "/a/b"),
        ("/prod/v1/items", ["prod", "/v1"], "/prod/v1"),
        ("/v1/items", ["prod", "/v1"], "/v1"),
        ("/prod/items", ["prod", "/v1"], "/prod"),
        ("/prod/prod/items", ["prod"], "/prod"),
    ],
)
def test_mount_point(path: str, prefixes: list[str], root_path: str) -> None:
    assert mount_point(path, *prefixes) == root_path


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ([], None),
        ([b"203.0.113.7"], "203.0.113.7"),
        ([b"10.0.0.1, 203.0.113.7"], "203.0.113.7"),
        ([b"10.0.0.1", b"198.51.100.1,203.0.113.7"], "203.0.113.7"),
        ([b"203.0.113.7:51234"], "203.0.113.7"),
        ([b"2001:db8::7"], "2001:db8::7"),
        ([b"10.0.0.1, [2001:db8::7]:51234"], "2001:db8::7"),
        ([b""], ""),
    ],
)
def test_the_peer_of_a_load_balancer_is_the_last_address(
    lines: list[bytes], address: str | None
) -> None:
    assert nearest_forwarded_for([(b"x-forwarded-for", line) for line in lines]) == address


def test_header_names_are_lower_case_and_values_latin_1_where_they_can_be() -> None:
    assert header_lines({"X-Latin": "café", "x-snow": "☃", "X-Lone": "\ud800"}) == [
        (b"x-latin", b"caf\xe9"),
        (b"x-snow", "☃".encode()),
        (b"x-lone", b"\xed\xa0\x80"),
    ]


def test_each_value_is_a_line_but_cookies_are_one() -> None:
    assert multi_header_lines(
        {"X-A": ["1", "2"], "Cookie": ["a=1; b=2", "c=3"], "x-none": [], "x-null": None}
    ) == [
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"cookie", b"a=1; b=2; c=3"),
    ]


def test_a_name_that_takes_one_value_has_its_last() -> None:
    lines = [
        (b"host", b"a"),
        (b"accept", b"1"),
        (b"accept", b"2"),
        (b"host", b"b"),
        (b"content-length", b"5"),
    ]
    assert single_values([*lines, (b"content-length", b"5")]) == [
        (b"accept", b"1"),
        (b"accept", b"2"),
        (b"host", b"b"),
        (b"content-length", b"5"),
    ]


def test_a_name_that_only_headers_has_is_added() -> None:
    event = {"multiValueHeaders": {"A": ["1", "2"]}, "headers": {"a": "2", "B": "3"}}
    assert merged_header_lines(event) == [(b"a", b"1"), (b"a", b"2"), (b"b", b"3")]


def test_a_parameter_counts_in_the_first_source_that_has_it() -> None:
    found = query_parameters({"a": ["1", "2"]}, {"b": "3"}, {"a": "4", "c": "5"})
    assert found == [("a", "1"), ("a", "2"), ("b", "3"), ("c", "5")]


def test_a_decoded_path_may_be_any_text() -> None:
    assert encoded_again("/a b/é\ud800") == (b"/a%20b/%C3%A9%ED%A0%80", "/a b/é\ufffd\ufffd\ufffd")


@pytest.mark.parametrize("headers", [None, {}, []])
def test_no_headers(headers: Any) -> None:
    assert header_lines(headers) == []


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ("text", "headers is a string, not an object"),
        ([1], "headers is a list, not an object"),
        ({"x-a": 1}, "header 'x-a' is a number, not a string"),
        ({"x-a": None}, "header 'x-a' is missing or null, not a string"),
        ({"x-a": ["1"]}, "header 'x-a' is a list, not a string"),
        ({"x-a": True}, "header 'x-a' is a boolean, not a string"),
        ({"x-a": (1,)}, "header 'x-a' is tuple, not a string"),  # not of JSON, but of a test
    ],
)
def test_headers_of_a_wrong_type_are_named(headers: Any, message: str) -> None:
    with pytest.raises(EventError, match=message):
        header_lines(headers)


@pytest.mark.parametrize(
    ("body", "is_base64", "expected"),
    [
        (None, False, b""),
        (None, True, b""),
        ("", True, b""),
        ("snow ☃", False, "snow ☃".encode()),
        ("snow ☃", None, "snow ☃".encode()),
        ("AP/+AQ==", True, b"\x00\xff\xfe\x01"),
    ],
)
def test_body(body: Any, is_base64: Any, expected: bytes) -> None:
    assert request_body(body, is_base64) == expected


@pytest.mark.parametrize(
    ("body", "is_base64", "message"),
    [
        ("AP_-AQ==", True, "is not"),  # the URL-safe alphabet: no front door uses it
        ("AP/+AQ", True, "is not"),
        ("AP/+AQ==☃", True, "is not"),
        ("AP/+AQ==", "true", "base64 flag is a string, not a boolean"),
        ({"a": 1}, False, "body is an object, not a string"),
        (7, False, "body is a number, not a string"),
    ],
)
def test_bodies_that_cannot_be_read_are_refused(body: Any, is_base64: Any, message: str) -> None:
    with pytest.raises(EventError, match=message):
        request_body(body, is_base64)


def test_a_message_shows_no_value() -> None:
    with pytest.raises(EventError) as caught:
        header_lines({"authorization": ["Bearer secret"]})
    assert "secret" not in str(caught.value)


class Made(RequestSource):
    """A request whose parts are those that a test gives."""

    name = "made"

    def __init__(self, options: EventOptions | None = None, **changes: Any) -> None:
        super().__init__({}, options=options)
        self.given: dict[str, Any] = {
            "method": "GET",
            "raw_path": b"/",
            "headers": [],
            "body": b"",
            "client_ip": None,
            "protocol": None,
            "domain_name": None,
        }
        self.given |= changes

    def method(self) -> Any:
        return self.given["method"]

    def url_path(self) -> tuple[bytes, str]:
        return self.given["raw_path"], decoded_path(self.given["raw_path"])

    def query_string(self) -> bytes:
        return b""

    def headers(self) -> RawHeaders:
        return list(self.given["headers"])

    def body(self) -> bytes:
        return bytes(self.given["body"])

    def client_address(self, headers: RawHeaders) -> Any:
        return self.given["client_ip"]

    def protocol(self) -> Any:
        return self.given["protocol"]

    def domain_name(self) -> Any:
        return self.given["domain_name"]

    def result(self, status: int, headers: RawHeaders, body: bytes) -> Any:
        raise NotImplementedError


def scope(**changes: Any) -> Any:
    return Made(**changes).request()[0]


@pytest.mark.parametrize(
    ("protocol", "version"),
    [
        ("HTTP/1.1", "1.1"),
        ("HTTP/1.0", "1.0"),
        ("HTTP/2.0", "2"),
        ("HTTP/3", "3"),
        (None, "1.1"),
        ("x", "1.1"),
        ([], "1.1"),
    ],
)
def test_http_version(protocol: Any, version: str) -> None:
    assert scope(protocol=protocol)["http_version"] == version


@pytest.mark.parametrize(
    ("forwarded", "scheme"),
    [(b"http", "http"), (b"https", "https"), (b"javascript", "https"), (b"", "https")],
)
def test_scheme(forwarded: bytes, scheme: str) -> None:
    assert scope(headers=[(b"x-forwarded-proto", forwarded)])["scheme"] == scheme


@pytest.mark.parametrize("client_ip", [None, "", 7, ["203.0.113.7"]])
def test_no_client_without_an_address(client_ip: Any) -> None:
    assert scope(client_ip=client_ip)["client"] is None


@pytest.mark.parametrize("method", [None, "", 7, ["GET"]])
def test_a_request_has_a_method(method: Any) -> None:
    with pytest.raises(EventError, match="HTTP method"):
        scope(method=method)


def test_method_is_upper_case() -> None:
    assert scope(method="patch")["method"] == "PATCH"


@pytest.mark.parametrize(
    ("headers", "body", "length"),
    [([], b"ab", [b"2"]), ([], b"", []), ([(b"content-length", b"7")], b"ab", [b"7"])],
)
def test_a_body_has_a_length(headers: Any, body: bytes, length: list[bytes]) -> None:
    lines = scope(headers=headers, body=body)["headers"]
    assert [value for name, value in lines if name == b"content-length"] == length


def test_what_one_app_writes_into_a_scope_the_next_does_not_see() -> None:
    scope()["asgi"]["spec_version"] = "9.9"
    assert scope()["asgi"] == {"version": "3.0", "spec_version": "2.4"}


@pytest.mark.parametrize(
    "malformed", [b"good.example/public?", b"[:::]", b"a b", b"user@example.com", b"", b"a:99999"]
)
def test_a_malformed_host_reaches_no_app(malformed: bytes) -> None:
    """Frameworks build URLs from it: the path of `good.example/public?` would be `/public`."""
    headers = [(b"host", malformed), (b"accept", b"*/*")]
    made = scope(headers=headers)
    assert (made["server"], made["headers"]) == (None, [(b"accept", b"*/*")])
    named = scope(headers=headers, domain_name="api.example.com")
    assert named["server"] == ("api.example.com", 443)
    assert named["headers"] == [(b"accept", b"*/*"), (b"host", b"api.example.com")]


def test_a_forwarded_port_is_the_servers() -> None:
    port = (b"x-forwarded-port", b"8443")
    assert scope(headers=[(b"host", b"example.com"), port])["server"] == ("example.com", 8443)
    assert scope(headers=[port], domain_name="a.example")["server"] == ("a.example", 8443)


def test_a_malformed_domain_name_is_no_server() -> None:
    assert scope(headers=[(b"host", b"/")], domain_name="a/b")["server"] is None


def test_a_missing_host_is_not_made_up() -> None:
    made = scope(domain_name="api.example.com")
    assert (made["server"], made["headers"]) == (("api.example.com", 443), [])


@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_no_host_changes_what_a_framework_sees_of_the_path(host: str) -> None:
    made = scope(headers=[(b"host", host.encode("latin-1"))])
    request = Request({**made, "path": "/secret", "query_string": b""})
    assert request.url.path == "/secret"
    assert request.url.port is None or 0 <= request.url.port <= 65535


@pytest.mark.parametrize(
    ("raw_path", "base_path", "seen"),
    [
        (b"/v1/items", "/v1", (b"/items", "/items", "/v1")),
        (b"/v1/a%2Fb", "/v1", (b"/a%2Fb", "/a/b", "/v1")),
        (b"/v1", "/v1", (b"/", "/", "/v1")),
        (b"/v1/", "/v1", (b"/", "/", "/v1")),
        (b"/v10/items", "/v1", (b"/v10/items", "/v10/items", "")),
        (b"/a/b//c", "/a/b", (b"//c", "//c", "/a/b")),
    ],
)
def test_the_root_path_can_be_stripped(
    raw_path: bytes, base_path: str, seen: tuple[bytes, str, str]
) -> None:
    made = scope(raw_path=raw_path, options=EventOptions(base_path=base_path, strip_root_path=True))
    assert (made["raw_path"], made["path"], made["root_path"]) == seen


@pytest.mark.parametrize(
    "raw_path", [b"/events", b"/events/", b"//events", b"/%65vents", b"/v1/events", b"/v1//events/"]
)
def test_an_http_request_cannot_pose_as_an_event(raw_path: bytes) -> None:
    options = EventOptions(base_path="/v1")
    with pytest.raises(EventPathForbidden) as caught:
        scope(method="post", raw_path=raw_path, options=options)
    assert (caught.value.status, caught.value.shown) == (404, "Not Found")
    assert scope(method="POST", raw_path=raw_path, options=options._replace(allow_http_events=True))


@pytest.mark.parametrize(
    ("method", "raw_path"),
    [("GET", b"/events"), ("POST", b"/events/7"), ("POST", b"/Events"), ("POST", b"/v2/events")],
)
def test_other_requests_are_not_refused(method: str, raw_path: bytes) -> None:
    assert scope(method=method, raw_path=raw_path)["aws.event_source"] == "made"
