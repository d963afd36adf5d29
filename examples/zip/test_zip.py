import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    (folder / "2026").mkdir(parents=True)
    (folder / "2026" / "text.txt").write_text("one line\n" * 1000)
    (folder / "random.bin").write_bytes(os.urandom(5_000_000))
    (folder / "empty").touch()
    (folder / "link").symlink_to("/etc/passwd")
    return folder


def test_the_zip_holds_every_file_and_no_link(serve: Callable[..., Any], folder: Path) -> None:
    url = serve(Folder=str(folder)).url
    chunks = 0
    body = io.BytesIO()
    with httpx.stream("GET", f"{url}/download") as response:
        assert response.headers["content-disposition"] == 'attachment; filename="reports.zip"'
        for chunk in response.iter_raw():
            chunks += 1
            body.write(chunk)
    assert chunks > 10
    with zipfile.ZipFile(body) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["2026/text.txt", "empty", "random.bin"]
        assert archive.read("random.bin") == (folder / "random.bin").read_bytes()


def test_the_folder_that_comes_with_the_code(serve: Callable[..., Any]) -> None:
    found = httpx.get(f"{serve().url}/download", timeout=60).content
    with zipfile.ZipFile(io.BytesIO(found)) as archive:
        assert archive.namelist() == ["README.txt"]


def test_a_folder_that_is_missing_gives_no_empty_zip(serve: Callable[..., Any]) -> None:
    with pytest.raises(AssertionError, match="did not start: FileNotFoundError"):
        serve(Folder="nothing")
