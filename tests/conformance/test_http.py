"""Every case of `http_cases.py`, on a folder and on S3, under uvicorn and through Lambda.

All four give the same response.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import pytest

from tests.conformance.http_cases import ABC, CASES, EMPTY, FILES, LETTERS, Case, Multipart, whole
from tests.file_service.servers import Answer, Server, s3_server, service

assert len(CASES) >= 120
assert len({case.id for case in CASES}) == len(CASES)

FRONTS = ["uvicorn", "lambda", "web"]

# What the fronts add or rename:
# a Function URL has its own framing, ids and trace, a Web Function its ids.
_OF_THE_FRONT = re.compile(
    r"date|server|connection|content-length|transfer-encoding|keep-alive|x-amzn-.*|lambda-web-.*"
)


@pytest.fixture(scope="module", params=["local", "s3"])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Server]]:
    """The service over one source, behind each front."""
    with contextlib.ExitStack() as stack:
        if request.param == "local":
            folder = tmp_path_factory.mktemp("files")
            for path, data in FILES.items():
                _write(folder / path, data)
            settings, environment = {"FILE_SOURCE": str(folder)}, {}
        else:
            s3 = stack.enter_context(s3_server())
            s3.put({f"corpus/{path}": data for path, data in FILES.items()})
            settings, environment = {"FILE_SOURCE": f"s3://{s3.BUCKET}/corpus"}, s3.environment()
        yield {
            front: stack.enter_context(service(front, settings, environment)) for front in FRONTS
        }


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (1_700_000_000, 1_700_000_000.5))


@pytest.fixture(scope="module")
def validators(servers: dict[str, Server]) -> dict[str, dict[str, str]]:
    """The values that stand for the placeholders of the cases, by target."""
    return {target: _validators(servers["uvicorn"].ask("HEAD", target)) for target in (ABC, EMPTY)}


def _validators(answer: Answer) -> dict[str, str]:
    modified = parsedate_to_datetime(answer.headers["last-modified"]).astimezone(UTC)
    return {
        "etag": answer.headers["etag"],
        "date": _imf(modified),
        "earlier": _imf(modified - timedelta(seconds=1)),
        "later": _imf(modified + timedelta(seconds=1)),
        "date850": modified.strftime("%A, %d-%b-%y %H:%M:%S GMT"),
        "dateasc": modified.strftime("%a %b %e %H:%M:%S %Y"),
    }


def _imf(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(
    case: Case, servers: dict[str, Server], validators: dict[str, dict[str, str]]
) -> None:
    known = validators.get(case.target.partition("?")[0], {})
    request = {name: value.format(**known) for name, value in case.request.items()}
    if case.of_old and _young(known["date"]):
        case = _of_young_file(case)
    answers = {
        front: server.ask(case.method, case.target, request) for front, server in servers.items()
    }
    for front, answer in answers.items():
        assert answer.status == case.status, (front, answer)
        for name, value in case.headers.items():
            due = value.format(**known) if value is not None else None
            if name == "allow":
                assert _sorted(answer.headers.get(name)) == _sorted(due), front
            elif name == "content-range" and (case.method, front) == ("HEAD", "lambda"):
                pass  # it tells the size that a Function URL hides
            elif name != "content-length":
                assert answer.headers.get(name) == due, (front, name)
            elif case.method == "GET" or front != "lambda":
                assert answer.length == due, (front, answer)
        if isinstance(case.body, Multipart):
            assert _parts(answer) == [_part(start, stop) for start, stop in case.body.ranges]
            assert answer.length == str(len(answer.body))
        elif case.body is not None:
            assert answer.body == case.body, front
    for front in ("lambda", "web"):
        assert _comparable(answers["uvicorn"]) == _comparable(answers[front])


def _young(date: str) -> bool:
    return datetime.now(UTC) - parsedate_to_datetime(date) < timedelta(seconds=60)


def _of_young_file(case: Case) -> Case:
    """What is due where the file has just been put: its date alone does not tell its version."""
    status, headers, body = whole()
    return replace(case, status=status, headers=headers, body=body)


def _sorted(field: str | None) -> str:
    return ", ".join(sorted((field or "").split(", ")))


def _part(start: int, stop: int) -> tuple[bytes, bytes]:
    head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Range: bytes {start}-{stop - 1}/26"
    return head.encode(), LETTERS[start:stop]


def _parts(answer: Answer) -> list[tuple[bytes, bytes]]:
    """The heads and bodies of a multipart body, taken apart as RFC 2046 section 5.1.1 has it."""
    boundary = (
        answer.headers["content-type"].removeprefix("multipart/byteranges; boundary=").encode()
    )
    preamble, *parts, epilogue = answer.body.split(b"\r\n--" + boundary)
    assert preamble == b""
    assert epilogue == b"--\r\n"
    pairs = (part.removeprefix(b"\r\n").partition(b"\r\n\r\n") for part in parts)
    return [(head, body) for head, _, body in pairs]


def _comparable(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """An answer without what the front adds and without its random boundary."""
    boundary = answer.headers.get("content-type", "").partition("boundary=")[2]
    headers = {
        name: value for name, value in answer.headers.items() if not _OF_THE_FRONT.fullmatch(name)
    }
    if answer.status == 200:
        headers.pop("content-range", None)
    headers["allow"] = _sorted(headers.get("allow"))
    if boundary:
        headers["content-type"] = headers["content-type"].replace(boundary, "BOUNDARY")
    return (
        answer.status,
        headers,
        answer.body.replace(boundary.encode(), b"BOUNDARY") if boundary else answer.body,
    )
