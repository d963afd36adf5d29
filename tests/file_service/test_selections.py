"""Some items of a folder as one zip: what is named, all of it, and nothing else."""

import io
import zipfile
from urllib.parse import urlencode

import pytest

from file_service.routes import selections
from tests.file_service.asgi import app_over, call
from tests.file_service.memory_source import MemorySource
from tests.file_service.servers import Answer

FILES = {
    "trip/a.txt": b"alpha",
    "trip/b.txt": b"beta",
    "trip/\u2603 & co=1.txt": b"snow",
    "trip/2026/one.txt": b"1",
    "trip/2026/deep/two.txt": b"22",
    "trip/20/other.txt": b"other",
    "trip/.hidden": b"no",
    "outside.txt": b"no",
}


def post(names: list[str], accept: str = "*/*", folder: str = "trip", **more: float) -> Answer:
    form = urlencode([("name", name) for name in names])
    headers = {"accept": accept, "content-type": "application/x-www-form-urlencoded"}
    app = app_over(MemorySource(FILES))
    return call(
        app,
        f"/archives/{folder}",
        headers,
        method="POST",
        body=form,
        seconds_left=more.get("seconds_left"),
    )


def zipped(answer: Answer) -> dict[str, bytes]:
    assert answer.status == 200, answer.body
    assert answer.length == str(len(answer.body))
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(set(archive.namelist()))
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    ("names", "contents"),
    [
        (["a.txt"], {"a.txt": b"alpha"}),
        (["b.txt", "a.txt", "b.txt"], {"a.txt": b"alpha", "b.txt": b"beta"}),
        (["\u2603 & co=1.txt"], {"\u2603 & co=1.txt": b"snow"}),
        (["2026/"], {"2026/one.txt": b"1", "2026/deep/two.txt": b"22"}),
        (
            ["2026/deep/two.txt", "2026/", "a.txt"],
            {"2026/one.txt": b"1", "2026/deep/two.txt": b"22", "a.txt": b"alpha"},
        ),
        (["2026/deep/two.txt"], {"2026/deep/two.txt": b"22"}),
    ],
)
@pytest.mark.parametrize("many", [1, 20])
def test_the_zip_has_what_is_named(
    names: list[str], contents: dict[str, bytes], many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are either requested one by one, or found in a listing of their folder."""
    monkeypatch.setattr(selections, "_MANY", many)
    answer = post(names)
    assert zipped(answer) == contents
    assert answer.headers["content-disposition"] == 'attachment; filename="trip.zip"'
    measured = post(names, "application/json")
    assert measured.json() == {"files": len(contents), "size": len(answer.body)}


def test_at_the_root() -> None:
    assert zipped(post(["outside.txt", "trip/20/"], folder="")) == {
        "outside.txt": b"no",
        "trip/20/other.txt": b"other",
    }


@pytest.mark.parametrize("many", [1, 20])
@pytest.mark.parametrize(
    ("names", "status"),
    [
        (["gone.txt"], 404),
        (["a.txt", "gone.txt"], 404),
        (["gone/"], 404),
        ([".hidden"], 404),
        (["../outside.txt"], 404),
        (["2026/../../outside.txt"], 404),
        (["/outside.txt"], 404),
        (["a\\b"], 404),
        ([""], 404),
        ([], 422),
    ],
)
def test_what_cannot_be_named(
    names: list[str], status: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selections, "_MANY", many)
    assert post(names).status == status


def test_a_form_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selections, "MOST_BODY_BYTES", 10)
    answer = post(["a.txt", "b.txt"])
    assert answer.status == 413
    assert answer.json()["max_bytes"] == 10


def test_a_form_that_is_not_utf_8() -> None:
    assert (
        call(app_over(MemorySource(FILES)), "/archives/trip", method="POST", body="name=%ff").status
        == 400
    )


def test_what_lambda_cannot_carry_is_refused_before_its_first_byte() -> None:
    app = app_over(MemorySource(FILES), stream_max_bytes=200, stream_burst_bytes=1)
    answer = call(app, "/archives/trip", method="POST", body="name=a.txt", seconds_left=300)
    assert zipped(answer) == {"a.txt": b"alpha"}
    answer = call(
        app, "/archives/trip", method="POST", body="name=a.txt&name=b.txt", seconds_left=300
    )
    assert answer.status == 413
    assert answer.json()["max_bytes"] == 200
