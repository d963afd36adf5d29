"""One Chromium and one server for all tests of the page."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from tests.file_service.page.browser import Page, started_chromium
from tests.file_service.page.door import Door, door_before
from tests.file_service.servers import ROOT, Server, service

LARGE = bytes(range(256)) * 4096 * 40  # 40 MiB: more than one piece of the page's downloads
RIGHT_TO_LEFT = "\u202e"  # what follows is shown backwards


LONG = "a folder with a rather long name/another one below it/and the last of them"
TABLE = 'name;value;note\r\n"semi; colon";1,5;"two\nlines"\r\n"a ""quote""";-20;\r\n'

MARKDOWN = """# Title of it

Some *emphasis*, **strong**, `code`, [a neighbour](table.csv), [the web](https://example.org/) and
[a script](javascript:alert(1)).

<script>parent.document.title = "owned"</script><img src=x onerror="parent.document.title='owned'">

- one
  - inner
- two

| a | b |
|---|--:|
| 1 | 2 |

![waves](../waves.png) ![elsewhere](https://example.org/pixel.png)
"""


def _written(folder: Path, sizes: dict[str, int]) -> None:
    """Files of these sizes, each a day younger than the one before."""
    folder.mkdir()
    for day, (name, size) in enumerate(sizes.items()):
        (folder / name).write_bytes(b"x" * size)
        os.utime(folder / name, (1_700_000_000 - day * 86_400,) * 2)


SLOW = 5e5  # bytes a second and connection: no download ends while a test looks at it


def start_slow_download(page: Page, door: Door, path: str = "large.bin") -> None:
    """Return when some of it has arrived. `door.bytes_per_second` is still SLOW then."""
    door.bytes_per_second = SLOW
    page.open(f"#/{path}")
    page.click("Download")
    page.until(lambda: page.progress() > 0)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    shutil.copytree(ROOT / "src" / "samples", folder, dirs_exist_ok=True)
    (folder / "large.bin").write_bytes(LARGE)
    (folder / "photos" / "na\u00efve & co #1").mkdir(parents=True)
    (folder / "photos" / "na\u00efve & co #1" / "100% <b>.txt").write_text("odd name")
    (folder / "many").mkdir()
    for number in range(3000):
        (folder / "many" / f"{number:04}.txt").write_text(f"{number}")
    (folder / "active.html").write_text("<script>document.title = 'owned'</script>")
    _written(
        folder / "sorted", {"a10.txt": 20, "a2.txt": 50, "B.txt": 30, "\u00e7.txt": 10, "d.txt": 40}
    )
    (folder / "sorted" / "Z folder").mkdir()
    os.utime(folder / "sorted" / "B.txt")
    deep = folder / "deep"
    (deep / "one" / "two" / "needles").mkdir(parents=True)
    (deep / LONG).mkdir(parents=True)
    (deep / LONG / "file.txt").write_text("deep down")
    (deep / "one" / "two" / "a needle.txt").write_text("found")
    (deep / "one" / "needle.txt").write_text("found too")
    (deep / "one" / "two" / "needles" / "pin.txt").write_text("a pin")
    documents = folder / "documents"
    documents.mkdir()
    (documents / "page.md").write_text(MARKDOWN)
    (documents / "table.csv").write_text(TABLE)
    (documents / "empty.txt").touch()
    odd = folder / "odd"
    odd.mkdir()
    (odd / "line\nbreak.txt").write_text("two lines")
    (odd / f"invoice{RIGHT_TO_LEFT}fdp.exe").write_text("an exe")
    with open(os.fsencode(odd) + b"/invalid-\xff.txt", "wb") as file:
        file.write(b"not UTF-8")
    return folder


@pytest.fixture
def brief(files: Path) -> Iterator[Path]:
    """A folder that is there for one test: other tests know what the root holds."""
    folder = files / "brief"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server(files: Path) -> Iterator[Server]:
    with service("lambda", {"FILE_SOURCE": str(files)}) as server:
        yield server


@pytest.fixture
def door(server: Server) -> Iterator[Door]:
    with door_before(server.url) as door:
        yield door


@pytest.fixture
def behind(chromium: tuple[webdriver.Chrome, Path], door: Door) -> Iterator[Page]:
    """The page behind a door that the test can change."""
    page = Page(chromium[0], door.url, chromium[1])
    page.complaints()
    yield page
    page.open("#/sorted/")  # nothing is under way when the door closes
    assert page.complaints() == []


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[webdriver.Chrome, Path]]:
    saved = tmp_path_factory.mktemp("saved")
    browser = started_chromium(saved)
    yield browser, saved
    browser.quit()


@pytest.fixture
def page(chromium: tuple[webdriver.Chrome, Path], server: Server) -> Iterator[Page]:
    page = Page(chromium[0], server.url, chromium[1])
    page.browser.get(f"{server.url}/healthz")
    page.run("sessionStorage.clear()")  # the page keeps the place in a list there
    page.complaints()  # of another test
    yield page
    assert page.complaints() == []
