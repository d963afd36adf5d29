"""What RFC 9110 asks of a server of files, as requests and the answers that are due. Data only.

In header values `{etag}`, `{date}`, `{earlier}`, `{later}` stand for the validators
of the requested file, and `{date850}` and `{dateasc}` for its date in the two obsolete forms.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

LETTERS = b"abcdefghijklmnopqrstuvwxyz"

# The corpus, the same in every source.
FILES: Mapping[str, bytes] = {
    "alphabet.txt": LETTERS,
    "empty.bin": b"",
    "page.html": b"<script>alert(1)</script>",
    "backup.tar.gz": b"\x1f\x8b not really",
    "no-extension": b"who knows",
    "photos/2026/snow \u2603.jpg": b"\xff\xd8 not really",
    "photos/na\u00efve r\u00e9sum\u00e9.txt": b"accents",
    "photos/100% + #1 & co;a='b'.txt": b"reserved characters",
    ".secret": b"must not be seen",
    "photos/.thumbs/a.jpg": b"must not be seen",
}

NAIVE = "inline; filename=\"naive resume.txt\"; filename*=UTF-8''na%C3%AFve%20r%C3%A9sum%C3%A9.txt"

ABC = "/files/alphabet.txt"
EMPTY = "/files/empty.bin"


@dataclass(frozen=True)
class Multipart:
    """The ranges (start, stop) that a multipart/byteranges body holds, of the letters."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Case:
    section: str  # of RFC 9110, unless another RFC is named
    name: str
    method: str
    target: str
    request: Mapping[str, str]
    status: int
    headers: Mapping[str, str | None] = field(default_factory=dict)  # None: must be absent
    body: bytes | Multipart | None = None  # None: not looked at
    of_old: bool = False  # due only of a file that has not changed for a minute

    @property
    def id(self) -> str:
        return f"{self.section}: {self.name}"


def whole(body: bytes = LETTERS, **headers: str | None) -> tuple[int, dict[str, str | None], bytes]:
    return 200, {"content-length": str(len(body)), "content-range": None, **_named(headers)}, body


def part(start: int, stop: int) -> tuple[int, dict[str, str | None], bytes]:
    fields = {"content-range": f"bytes {start}-{stop - 1}/26", "content-length": str(stop - start)}
    return (
        206,
        {**fields, "content-type": "text/plain; charset=utf-8", "etag": "{etag}"},
        LETTERS[start:stop],
    )


def parts(*ranges: tuple[int, int]) -> tuple[int, dict[str, str | None], Multipart]:
    return (
        206,
        {"content-range": None, "etag": "{etag}", "accept-ranges": "bytes"},
        Multipart(ranges),
    )


def not_modified() -> tuple[int, dict[str, str | None], bytes]:
    headers = {"etag": "{etag}", "cache-control": "private, no-cache, no-transform"}
    # The type goes along because a Function URL would make one up,
    # which a cache would store (RFC 9111 section 4.3.4).
    headers["content-type"] = "text/plain; charset=utf-8"
    return 304, {**headers, "content-range": None, "content-disposition": None}, b""


def redirect(location: str) -> tuple[int, dict[str, str | None], None]:
    return 308, {"location": location, "etag": None}, None


def precondition_failed() -> tuple[int, dict[str, str | None], None]:
    return 412, {"content-type": "application/problem+json", "content-range": None}, None


def not_satisfiable(size: int = 26) -> tuple[int, dict[str, str | None], None]:
    return (
        416,
        {"content-range": f"bytes */{size}", "content-type": "application/problem+json"},
        None,
    )


def error(status: int) -> tuple[int, dict[str, str | None], None]:
    return (
        status,
        {"content-type": "application/problem+json", "etag": None, "accept-ranges": None},
        None,
    )


Due = tuple[int, dict[str, str | None], bytes | Multipart | None]


def _named(headers: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def get(section: str, name: str, due: Due, target: str = ABC, **request: str) -> Case:
    return _case("GET", section, name, due, target, request)


def head(section: str, name: str, due: Due, target: str = ABC, **request: str) -> Case:
    status, headers, _ = due
    return _case("HEAD", section, name, (status, headers, b""), target, request)


def _case(
    method: str, section: str, name: str, due: Due, target: str, request: Mapping[str, str]
) -> Case:
    sent = {name.replace("_", "-").title(): value for name, value in request.items()}
    return Case(section, name, method, target, sent, *due)


METHODS_AND_METADATA = [
    get("9.3.1", "GET answers with the file", whole(etag="{etag}", last_modified="{date}")),
    head(
        "9.3.2",
        "HEAD answers with its headers and no body",
        whole(etag="{etag}", last_modified="{date}"),
    ),
    head("9.3.2", "HEAD of an empty file", whole(b""), EMPTY),
    get("9.3.1", "GET of an empty file", whole(b""), EMPTY),
    Case(
        "15.5.6",
        "POST is not allowed, and Allow says what is",
        "POST",
        ABC,
        {},
        405,
        {"allow": "GET, HEAD"},
    ),
    Case("15.5.6", "PUT is not allowed", "PUT", ABC, {}, 405, {"allow": "GET, HEAD"}),
    Case("15.5.6", "DELETE is not allowed", "DELETE", ABC, {}, 405, {"allow": "GET, HEAD"}),
    Case("15.5.6", "PATCH is not allowed", "PATCH", ABC, {}, 405, {"allow": "GET, HEAD"}),
    get("14.3", "Accept-Ranges on the whole file", whole(accept_ranges="bytes")),
    head("14.3", "Accept-Ranges on HEAD", whole(accept_ranges="bytes")),
    get("8.3", "text with its charset", whole(content_type="text/plain; charset=utf-8")),
    get(
        "8.3",
        "no extension: octets",
        whole(b"who knows", content_type="application/octet-stream"),
        "/files/no-extension",
    ),
    get(
        "8.4",
        "a compressed file is that type, not an encoding of another",
        whole(FILES["backup.tar.gz"], content_type="application/gzip", content_encoding=None),
        "/files/backup.tar.gz",
        accept_encoding="gzip",
    ),
    get(
        "8.4",
        "no encoding whatever the client accepts",
        whole(content_encoding=None),
        accept_encoding="gzip, br, zstd",
    ),
    get(
        "12.5.1",
        "a file has one representation: Accept is not looked at",
        whole(),
        accept="image/png",
    ),
    get("8.3", "no sniffing", whole(x_content_type_options="nosniff")),
    get(
        "8.3",
        "active content is sandboxed",
        whole(FILES["page.html"], content_security_policy="sandbox"),
        "/files/page.html",
    ),
    get("RFC 9111 5.2", "Cache-Control", whole(cache_control="private, no-cache, no-transform")),
    get(
        "RFC 6266 4",
        "inline by default",
        whole(content_disposition='inline; filename="alphabet.txt"'),
    ),
    get(
        "RFC 6266 4.2",
        "attachment on request",
        whole(content_disposition='attachment; filename="alphabet.txt"'),
        f"{ABC}?download",
    ),
    head(
        "RFC 6266 4.2",
        "attachment on request, HEAD",
        whole(content_disposition='attachment; filename="alphabet.txt"'),
        f"{ABC}?download=1",
    ),
    get(
        "RFC 8187 3.2",
        "filename* beside an ASCII fallback",
        whole(
            FILES["photos/na\u00efve r\u00e9sum\u00e9.txt"],
            content_disposition=NAIVE,
        ),
        "/files/photos/na%C3%AFve%20r%C3%A9sum%C3%A9.txt",
    ),
    get(
        "RFC 8187 3.2",
        "a name with no ASCII likeness",
        whole(
            FILES["photos/2026/snow \u2603.jpg"],
            content_disposition=(
                "inline; filename=\"snow _.jpg\"; filename*=UTF-8''snow%20%E2%98%83.jpg"
            ),
            content_type="image/jpeg",
        ),
        "/files/photos/2026/snow%20%E2%98%83.jpg",
    ),
    get(
        "RFC 3986 2.2",
        "reserved characters in a path",
        whole(FILES["photos/100% + #1 & co;a='b'.txt"]),
        "/files/photos/100%25%20+%20%231%20&%20co;a='b'.txt",
    ),
    get(
        "RFC 3986 2.3",
        "an escape of an unreserved character is that character",
        whole(),
        "/files/%61lphabet.txt",
    ),
    get(
        "RFC 3986 6.2.2.1",
        "escapes in lower case",
        whole(FILES["photos/2026/snow \u2603.jpg"]),
        "/files/photos/2026/snow%20%e2%98%83.jpg",
    ),
]

PATHS = [
    get("15.5.5", "no such file", error(404), "/files/nope.txt"),
    head("15.5.5", "no such file, HEAD", error(404), "/files/nope.txt"),
    get("15.5.5", "no such folder", error(404), "/files/nope/"),
    get("15.4.9", "a folder without its slash", redirect("./photos/"), "/files/photos"),
    head("15.4.9", "a folder without its slash, HEAD", redirect("./photos/"), "/files/photos"),
    get("15.4.9", "a folder below another", redirect("./2026/"), "/files/photos/2026"),
    get("15.5.5", "a file is no folder", error(404), "/files/alphabet.txt/"),
    get("15.5.5", "below a file", error(404), "/files/alphabet.txt/x"),
    get("15.5.5", "dot segments", error(404), "/files/../etc/passwd"),
    get("15.5.5", "dot segments, deep", error(404), "/files/photos/../../../../etc/passwd"),
    get("15.5.5", "dot segments that stay inside", error(404), "/files/photos/../alphabet.txt"),
    get("15.5.5", "a single dot", error(404), "/files/./alphabet.txt"),
    get("15.5.5", "escaped dots", error(404), "/files/%2e%2e/%2e%2e/etc/passwd"),
    get("15.5.5", "an empty segment", error(404), "/files//alphabet.txt"),
    get("15.5.5", "an absolute path", error(404), "/files//etc/passwd"),
    get(
        "15.5.5",
        "escaped twice is a name like any other",
        error(404),
        "/files/%252e%252e/alphabet.txt",
    ),
    get("15.5.5", "dotfile", error(404), "/files/.secret"),
    get("15.5.5", "file in a dot folder", error(404), "/files/photos/.thumbs/a.jpg"),
    get("15.5.5", "dotfile, escaped", error(404), "/files/%2esecret"),
    get("15.5.5", "overlong segment", error(404), f"/files/{'a' * 300}"),
    get("15.5.5", "overlong path", error(404), f"/files/{'a/' * 1000}a"),
    get("15.5.5", "overlong in UTF-8 only", error(404), f"/files/{'%E2%98%83' * 400}"),
    get("15.5.5", "other case", error(404), "/files/Alphabet.txt"),
    get("15.5.5", "newline in a name", error(404), "/files/a%0Ab"),
    get("15.5.5", "pattern characters are no pattern", error(404), "/files/*.txt"),
    get("15.5.1", "escaped slash", error(400), "/files/photos%2F2026"),
    get("15.5.1", "escaped slash, traversal", error(400), "/files/..%2f..%2fetc%2fpasswd"),
    get("15.5.1", "escaped backslash", error(400), "/files/..%5C..%5Cetc%5Cpasswd"),
    get("15.5.1", "backslash", error(400), "/files/..\\..\\etc\\passwd"),
    get("15.5.1", "NUL", error(400), "/files/alphabet.txt%00.jpg"),
    get("15.5.1", "not UTF-8", error(400), "/files/%ff%fe"),
    get("15.5.1", "overlong UTF-8 of a slash", error(400), "/files/..%c0%afetc"),
    get("15.5.1", "a UTF-16 surrogate in UTF-8", error(400), "/files/%ed%a0%80"),
]

CONDITIONS = [
    get("13.1.1", "If-Match: this tag", whole(), if_match="{etag}"),
    get("13.1.1", "If-Match: any", whole(), if_match="*"),
    get("13.1.1", "If-Match: one of several", whole(), if_match='"x", {etag}, "y"'),
    get("13.1.1", "If-Match: another tag", precondition_failed(), if_match='"x"'),
    get("13.1.1", "If-Match: none of several", precondition_failed(), if_match='"x", "y"'),
    get("13.1.1", "If-Match: strong comparison", precondition_failed(), if_match="W/{etag}"),
    get("13.1.1", "If-Match: not a tag", precondition_failed(), if_match="x"),
    get("13.1.1", "If-Match: a comma within a tag", precondition_failed(), if_match='"a,b"'),
    head("13.1.1", "If-Match: another tag, HEAD", precondition_failed(), if_match='"x"'),
    get("13.1.1", "If-Match on nothing", error(404), "/files/nope.txt", if_match="*"),
    get("13.1.2", "If-None-Match: this tag", not_modified(), if_none_match="{etag}"),
    get("13.1.2", "If-None-Match: any", not_modified(), if_none_match="*"),
    get("13.1.2", "If-None-Match: one of several", not_modified(), if_none_match='"x",{etag}'),
    get("13.1.2", "If-None-Match: weak comparison", not_modified(), if_none_match="W/{etag}"),
    get(
        "13.1.2",
        "If-None-Match: one of several, weak",
        not_modified(),
        if_none_match='W/"x", W/{etag}',
    ),
    get("13.1.2", "If-None-Match: another tag", whole(), if_none_match='"x"'),
    get("13.1.2", "If-None-Match: not a tag", whole(), if_none_match="x"),
    get("13.1.2", "If-None-Match: empty elements", not_modified(), if_none_match=", ,{etag},"),
    head("13.1.2", "If-None-Match: this tag, HEAD", not_modified(), if_none_match="{etag}"),
    get("13.1.2", "If-None-Match on nothing", error(404), "/files/nope.txt", if_none_match="*"),
    get("13.1.3", "If-Modified-Since: its date", not_modified(), if_modified_since="{date}"),
    get("13.1.3", "If-Modified-Since: later", not_modified(), if_modified_since="{later}"),
    get("13.1.3", "If-Modified-Since: earlier", whole(), if_modified_since="{earlier}"),
    get("13.1.3", "If-Modified-Since: not a date", whole(), if_modified_since="yesterday"),
    get("13.1.3", "If-Modified-Since: two dates", whole(), if_modified_since="{date}, {date}"),
    head("13.1.3", "If-Modified-Since: its date, HEAD", not_modified(), if_modified_since="{date}"),
    get("5.6.7", "the form of RFC 850", not_modified(), if_modified_since="{date850}"),
    get("5.6.7", "the form of asctime", not_modified(), if_modified_since="{dateasc}"),
    get(
        "5.6.7",
        "a day that does not exist",
        whole(),
        if_modified_since="Tue, 31 Feb 2099 00:00:00 GMT",
    ),
    get(
        "5.6.7",
        "another time zone is no HTTP-date",
        whole(),
        if_modified_since="Thu, 01 Jan 2099 00:00:00 +0000",
    ),
    get("13.1.4", "If-Unmodified-Since: its date", whole(), if_unmodified_since="{date}"),
    get("13.1.4", "If-Unmodified-Since: later", whole(), if_unmodified_since="{later}"),
    get(
        "13.1.4",
        "If-Unmodified-Since: earlier",
        precondition_failed(),
        if_unmodified_since="{earlier}",
    ),
    get("13.1.4", "If-Unmodified-Since: not a date", whole(), if_unmodified_since="yesterday"),
    head(
        "13.1.4",
        "If-Unmodified-Since: earlier, HEAD",
        precondition_failed(),
        if_unmodified_since="{earlier}",
    ),
    get(
        "13.2.2",
        "If-Match before If-Unmodified-Since: holds",
        whole(),
        if_match="{etag}",
        if_unmodified_since="{earlier}",
    ),
    get(
        "13.2.2",
        "If-Match before If-Unmodified-Since: fails",
        precondition_failed(),
        if_match='"x"',
        if_unmodified_since="{later}",
    ),
    get(
        "13.2.2",
        "If-None-Match before If-Modified-Since: matches",
        not_modified(),
        if_none_match="{etag}",
        if_modified_since="{earlier}",
    ),
    get(
        "13.2.2",
        "If-None-Match before If-Modified-Since: differs",
        whole(),
        if_none_match='"x"',
        if_modified_since="{later}",
    ),
    get(
        "13.2.2",
        "If-Match holds, then If-None-Match",
        not_modified(),
        if_match="{etag}",
        if_none_match="{etag}",
    ),
    get(
        "13.2.2",
        "If-Match fails before If-None-Match",
        precondition_failed(),
        if_match='"x"',
        if_none_match="{etag}",
    ),
    get(
        "13.2.2",
        "If-Unmodified-Since fails first",
        precondition_failed(),
        if_unmodified_since="{earlier}",
        if_none_match="{etag}",
    ),
    get(
        "13.2.2",
        "If-Unmodified-Since holds, If-Modified-Since too",
        not_modified(),
        if_unmodified_since="{date}",
        if_modified_since="{date}",
    ),
    get(
        "14.2",
        "conditions come before Range: 304",
        not_modified(),
        if_none_match="{etag}",
        range="bytes=0-4",
    ),
    get(
        "14.2",
        "conditions come before Range: 412",
        precondition_failed(),
        if_match='"x"',
        range="bytes=0-4",
    ),
    get(
        "14.2",
        "conditions come before an unsatisfiable Range",
        not_modified(),
        if_none_match="{etag}",
        range="bytes=99-",
    ),
    get(
        "14.2",
        "conditions that hold, then Range",
        part(0, 5),
        if_match="{etag}",
        if_none_match='"x"',
        range="bytes=0-4",
    ),
]

RANGES = [
    get("14.1.2", "the first bytes", part(0, 5), range="bytes=0-4"),
    get("14.1.2", "in the middle", part(10, 20), range="bytes=10-19"),
    get("14.1.2", "one byte", part(0, 1), range="bytes=0-0"),
    get("14.1.2", "the last byte", part(25, 26), range="bytes=25-25"),
    get("14.1.2", "open", part(20, 26), range="bytes=20-"),
    get("14.1.2", "all of it is a part too", part(0, 26), range="bytes=0-"),
    get("14.1.2", "suffix", part(23, 26), range="bytes=-3"),
    get("14.1.2", "suffix of one", part(25, 26), range="bytes=-1"),
    get("14.1.2", "suffix of exactly all", part(0, 26), range="bytes=-26"),
    get("14.1.2", "suffix longer than the file", part(0, 26), range="bytes=-1000"),
    get("14.1.2", "an end beyond the file is its end", part(20, 26), range="bytes=20-99"),
    get("14.1.2", "an end of 60 digits", part(20, 26), range=f"bytes=20-{'9' * 60}"),
    get("14.1.2", "leading zeros", part(1, 3), range="bytes=0001-00000000000000000000002"),
    get("14.1.2", "a start beyond the file", not_satisfiable(), range="bytes=26-"),
    get("14.1.2", "a start and end beyond the file", not_satisfiable(), range="bytes=30-40"),
    get("14.1.2", "a start of 5000 digits", not_satisfiable(), range=f"bytes={'9' * 5000}-"),
    get("14.1.2", "an empty suffix", not_satisfiable(), range="bytes=-0"),
    get("14.1.2", "an empty file has no first byte", not_satisfiable(0), EMPTY, range="bytes=0-0"),
    get("14.1.2", "an empty file has nothing past 0", not_satisfiable(0), EMPTY, range="bytes=0-"),
    get("14.1.2", "the suffix of an empty file is all of it", whole(b""), EMPTY, range="bytes=-5"),
    get("14.1", "the unit in capitals", part(0, 5), range="BYTES=0-4"),
    get("14.2", "another unit is ignored", whole(), range="items=0-4"),
    get("14.2", "no unit is ignored", whole(), range="0-4"),
    get("14.1.1", "an end before the start is ignored", whole(), range="bytes=4-0"),
    get("14.1.1", "one such end spoils the field", whole(), range="bytes=0-1,4-3"),
    get("14.1.1", "no positions", whole(), range="bytes=-"),
    get("14.1.1", "no ranges", whole(), range="bytes="),
    get("14.1.1", "words", whole(), range="bytes=first-last"),
    get("14.1.1", "signs", whole(), range="bytes=+1-+4"),
    get("14.1.1", "fractions", whole(), range="bytes=0.5-4"),
    get("14.1.1", "hexadecimal", whole(), range="bytes=0x0-0x4"),
    get("14.1.1", "digits of another script", whole(), range="bytes=\u00b2-\u00b3"),
    get("14.1.1", "white space within a range", whole(), range="bytes=0 - 4"),
    get("5.6.1", "white space around elements", parts((0, 2), (4, 6)), range="bytes= 0-1 ,\t4-5 "),
    get("5.6.1.2", "empty elements", parts((0, 2), (4, 6)), range="bytes=,0-1,,4-5,"),
    get("5.6.1.2", "only empty elements", whole(), range="bytes=,,"),
    head("14.2", "Range is for GET only", whole(), range="bytes=0-4"),
    head("14.2", "Range is for GET only, unsatisfiable", whole(), range="bytes=99-"),
    get("15.5.17", "416 tells the size", not_satisfiable(), range="bytes=100-200"),
    get("15.3.7.2", "two ranges", parts((0, 2), (10, 12)), range="bytes=0-1,10-11"),
    get(
        "15.3.7.2",
        "three, one a suffix and one open",
        parts((0, 1), (5, 6), (24, 26)),
        range="bytes=0-0,5-5,24-",
    ),
    get(
        "15.3.7.2", "in the order of the request", parts((20, 22), (0, 2)), range="bytes=20-21,0-1"
    ),
    get("15.3.7.2", "a suffix among others", parts((0, 3), (24, 26)), range="bytes=0-2,-2"),
    get("15.3.7.2", "overlapping ranges become one part", part(0, 11), range="bytes=0-5,3-10"),
    get("15.3.7.2", "the same twice", part(0, 5), range="bytes=0-4,0-4"),
    get("15.3.7.2", "touching ranges become one part", part(0, 10), range="bytes=0-4,5-9"),
    get("15.3.7.2", "a third range joins two", part(0, 15), range="bytes=0-4,10-14,3-11"),
    get(
        "15.3.7.2",
        "joined ones beside another",
        parts((0, 8), (20, 22)),
        range="bytes=0-4,20-21,2-7",
    ),
    get(
        "15.3.7.2",
        "unsatisfiable ones are left out",
        parts((0, 2), (4, 6)),
        range="bytes=0-1,50-60,4-5,-0",
    ),
    get("15.3.7", "one left of several is a single part", part(0, 2), range="bytes=0-1,50-60"),
    get("15.5.17", "none left", not_satisfiable(), range="bytes=50-60,70-"),
    get(
        "17.15", "a hundred ranges are served", part(0, 26), range="bytes=" + ",".join(["0-"] * 100)
    ),
    get("17.15", "more are an attack", not_satisfiable(), range="bytes=" + ",".join(["0-"] * 101)),
    get(
        "14.6",
        "more than a hundred parts",
        not_satisfiable(),
        range="bytes=" + ",".join(["0-0,2-2"] * 60),
    ),
]

IF_RANGE = [
    *(
        replace(case, of_old=True)
        for case in [
            get("13.1.5", "its date", part(0, 5), range="bytes=0-4", if_range="{date}"),
            get(
                "13.1.5",
                "its date in the form of RFC 850",
                part(0, 5),
                range="bytes=0-4",
                if_range="{date850}",
            ),
        ]
    ),
    get("13.1.5", "this tag", part(0, 5), range="bytes=0-4", if_range="{etag}"),
    get("13.1.5", "another tag", whole(), range="bytes=0-4", if_range='"x"'),
    get("13.1.5", "a weak tag never holds", whole(), range="bytes=0-4", if_range="W/{etag}"),
    get("13.1.5", "a later date is not its date", whole(), range="bytes=0-4", if_range="{later}"),
    get("13.1.5", "an earlier date", whole(), range="bytes=0-4", if_range="{earlier}"),
    get("13.1.5", "neither tag nor date", whole(), range="bytes=0-4", if_range="x"),
    get("13.1.5", "a list of tags", whole(), range="bytes=0-4", if_range='"x", {etag}'),
    get("13.1.5", "a star", whole(), range="bytes=0-4", if_range="*"),
    get("13.1.5", "without Range it is ignored", whole(), if_range='"x"'),
    get(
        "13.1.5", "several ranges", parts((0, 1), (4, 5)), range="bytes=0-0,4-4", if_range="{etag}"
    ),
    get(
        "13.1.5",
        "several ranges of another version",
        whole(),
        range="bytes=0-0,4-4",
        if_range='"x"',
    ),
    get(
        "13.1.5",
        "unsatisfiable, of this version",
        not_satisfiable(),
        range="bytes=99-",
        if_range="{etag}",
    ),
    get("13.1.5", "unsatisfiable, of another version", whole(), range="bytes=99-", if_range='"x"'),
    get("13.1.5", "not well-formed, of this version", whole(), range="bytes=x", if_range="{etag}"),
    head(
        "13.1.5", "on HEAD it is ignored with Range", whole(), range="bytes=0-4", if_range="{etag}"
    ),
    get(
        "13.2.2",
        "after If-None-Match",
        not_modified(),
        if_none_match="{etag}",
        range="bytes=0-4",
        if_range="{etag}",
    ),
    get(
        "13.2.2",
        "after If-Match",
        precondition_failed(),
        if_match='"x"',
        range="bytes=0-4",
        if_range="{etag}",
    ),
]

CASES = [*METHODS_AND_METADATA, *PATHS, *CONDITIONS, *RANGES, *IF_RANGE]
