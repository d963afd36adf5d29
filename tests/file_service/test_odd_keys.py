"""Keys of a bucket that are no paths, folder markers, and names that are a file and a folder."""

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator

import pytest

from tests.file_service.moto_server import Moto, moto_server
from tests.file_service.servers import Server, service

GOOD = {
    "a.txt": b"alpha",
    "folder/b.txt": b"beta",
    "folder/deep/c.txt": b"gamma",
    "folder/sp ace +%&=.txt": b"punctuation",
    "name": b"a file",
    "name/x.txt": b"in a folder of the same name",
    "tail/z": b"z",
}
MARKERS = {"folder/": b"", "marked/": b"", "folder/marked/": b""}
# By the folder whose listing tells of it: the key
ODD = {
    "": ["/leading", "../up", "./dot", "ctrl\x1b[2J", "back\\slash", "new\nline", "bytes/"],
    "folder/": ["folder//empty", "folder/./dot", "folder/../up", "folder/tab\there"],
}


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with moto_server() as server:
        odd = {key: b"odd" for keys in ODD.values() for key in keys}
        server.put({f"pre/{key}": data for key, data in {**GOOD, **MARKERS, **odd}.items()})
        yield server


@pytest.fixture(scope="module")
def server(moto: Moto) -> Iterator[Server]:
    with service(
        "uvicorn", {"FILE_SOURCE": f"s3://{Moto.BUCKET}/pre"}, moto.environment()
    ) as server:
        yield server


def listing(server: Server, folder: str) -> tuple[list[str], int]:
    answer = server.get(f"/files/{folder}", {"Accept": "application/json"})
    assert answer.status == 200, answer.body
    page = answer.json()
    return [entry["path"] for entry in page["entries"]], page["skipped"]


def test_odd_keys_are_left_out_and_counted(server: Server) -> None:
    assert listing(server, "") == (
        ["a.txt", "bytes/", "folder/", "marked/", "name", "name/", "tail/"],
        6,  # `bytes/` is a folder; that it holds bytes is told in it
    )
    assert listing(server, "folder/") == (
        ["folder/b.txt", "folder/deep/", "folder/marked/", "folder/sp ace +%&=.txt"],
        4,
    )
    assert listing(server, "bytes/") == ([], 1)
    assert listing(server, "name/") == (["name/x.txt"], 0)
    assert listing(server, "marked/") == ([], 0)


def test_every_form_of_a_listing_ends_with_the_count(server: Server) -> None:
    lines = server.get("/files/folder/", {"Accept": "application/x-ndjson"}).body.splitlines()
    assert json.loads(lines[-1]) == {"type": "end", "entries": 4, "skipped": 4}
    assert b"4 names cannot be shown." in server.get("/files/folder/").body
    assert b"cannot be shown" not in server.get("/files/name/").body


def test_they_are_logged_with_what_is_odd_about_them(server: Server) -> None:
    server.get("/files/folder/")
    told = [line for line in server.output if "no URL can name" in line]
    assert any(r"pre/folder/tab\there" in line for line in told)
    assert not [line for line in told if "\x1b" in line]


def test_each_listed_file_can_be_read_and_no_odd_one(server: Server) -> None:
    for path, data in GOOD.items():
        quoted = path.replace("%", "%25").replace(" ", "%20").replace("+", "%2B")
        assert server.get(f"/files/{quoted}").body == data
    for target in ("//leading", "/../up", "/./dot", "/ctrl%1b[2J", "/back%5cslash", "/new%0aline"):
        assert server.get(f"/files{target}").status in (400, 404)
    assert server.get("/files/bytes").status == 308
    assert server.get("/files/marked").status == 308
    assert server.get("/files/name").body == b"a file"


@pytest.mark.parametrize("name", ["zip", "tar"])
def test_archives_hold_the_same_and_say_what_is_missing(server: Server, name: str) -> None:
    answer = server.get(f"/archives/?format={name}")
    assert answer.status == 200
    assert answer.headers["x-skipped"] == "11"
    data = io.BytesIO(answer.body)
    if name == "zip":
        with zipfile.ZipFile(data) as zipped:
            held = {each: zipped.read(each) for each in zipped.namelist()}
    else:
        with tarfile.open(fileobj=data) as tar:
            held = {}
            for each in tar:
                content = tar.extractfile(each)
                assert content is not None
                held[each.name] = content.read()
    assert held == GOOD
    assert "x-skipped" not in server.get("/archives/name").headers


def test_sums_leave_them_out_too(server: Server) -> None:
    assert server.get("/digests/").body.splitlines()[-1] == b"# 7 files"


def test_pages_go_past_odd_keys_to_the_end(server: Server) -> None:
    found: list[str] = []
    skipped = 0
    cursor = ""
    for _ in range(20):
        page = server.get(f"/files/?limit=1&cursor={cursor}").json()
        found += [entry["path"] for entry in page["entries"]]
        skipped += page["skipped"]
        if page["cursor"] is None:
            break
        cursor = page["cursor"]
    assert found == listing(server, "")[0]
    assert skipped >= 6  # one that lies between two pages is told with both
