"""The viewer: pictures, films, documents and tables. None may run as a part of the page."""

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

from tests.file_service.page.browser import Keys, Page, needs_chromium
from tests.patience import PATIENCE

pytestmark = needs_chromium

GALLERY = 12


def png(width: int, height: int, grey: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([grey]) * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


PDF = b"""%PDF-1.1
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 144]>>endobj
trailer<</Root 1 0 R/Size 4>>
%%EOF"""


@pytest.fixture(scope="session", autouse=True)
def album(files: Path) -> Path:
    album = files / "documents" / "album"
    album.mkdir()
    for number in range(GALLERY):
        (album / f"{number:02}.png").write_bytes(png(600 + number, 400, number * 20))
    (album / "drawing.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
        '<script>top.document.title="owned"</script>'
        '<rect width="9" height="9"/></svg>'
    )
    (album / "from a phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (files / "documents" / "paper.pdf").write_bytes(PDF)
    (files / "documents" / "song.mp3").write_bytes(b"no song")
    (files / "documents" / "data.bin").write_bytes(b"\0\1")
    return album


def test_thumbnails_are_made_in_the_gallery(page: Page) -> None:
    page.open("#/documents/album/")
    page.until(page.names)
    page.click("Gallery")
    try:
        size = (
            "return [...document.querySelectorAll('#tiles canvas')].map(e => [e.width, e.height])"
        )
        page.until(lambda: len(page.run(size)) == GALLERY + 1)  # the drawing, too
        assert [400, 267] in page.run(size)  # smaller than the picture, in its shape
        assert (
            page.run("return document.querySelectorAll('#tiles .icon').length") == 1
        )  # HEIC keeps its icon
        page.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        page.until(lambda: page.focused() == "02.png")
        page.press(Keys.SPACE)
        page.until(lambda: "1 item selected" in page.text())
        page.press(Keys.ENTER)
        page.until(lambda: width(page) == 602)
    finally:
        page.press(Keys.ESCAPE, Keys.ESCAPE)
        page.click("List")
    assert page.browser.title != "owned"


def width(page: Page) -> Any:
    return page.run("return document.querySelector('#viewer img')?.naturalWidth")


def test_next_and_previous_by_keys_buttons_and_swipes(page: Page) -> None:
    page.open("#/documents/album/00.png")
    page.until(lambda: "1 of 14" in page.text())
    length = page.run("return history.length")
    page.press(Keys.ARROW_RIGHT)
    page.until(lambda: width(page) == 601)
    page.click("Next file")
    page.until(lambda: width(page) == 602)
    page.press(Keys.ENTER)  # the button keeps the focus
    page.until(lambda: width(page) == 603)
    page.click("Previous file")
    page.until(lambda: width(page) == 602)
    page.command("Emulation.setTouchEmulationEnabled", {"enabled": True})
    swipe(page, 600, 200)
    page.until(lambda: width(page) == 603)
    swipe(page, 200, 600)
    page.until(lambda: width(page) == 602)
    page.command("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert page.run("return history.length") == length  # Back leads out of the album at once
    page.press(Keys.ESCAPE)
    page.until(lambda: page.focused() == "02.png")


def swipe(page: Page, start: int, end: int) -> None:
    for kind, x in (("touchStart", start), ("touchMove", (start + end) // 2), ("touchMove", end)):
        page.command(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": 300}]}
        )
    page.command("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "album/from a phone.heic",
            "This browser cannot show this HEIC image. Download it to see it.",
        ),
        ("song.mp3", "This browser cannot play this audio. Download it to play it."),
        ("empty.txt", "This file is empty."),
        ("data.bin", "There is no preview for files of this kind."),
    ],
)
def test_what_cannot_be_shown_is_said(page: Page, path: str, said: str) -> None:
    page.open(f"#/documents/{path}")
    page.until(lambda: said in page.text())
    assert "Download" in page.text()


def test_images_and_videos_are_shown(page: Page) -> None:
    page.open("#/waves.png")
    page.until(lambda: width(page) == 640)
    page.open("#/counting.mp4")
    page.until(
        lambda: page.run("return document.querySelector('#viewer video')?.videoWidth") == 320
    )


def test_a_video_can_be_sought(page: Page) -> None:
    """Chromium seeks by Range; what it then shows is the frame of that moment."""
    page.open("#/counting.mp4")
    page.until(lambda: page.run("return document.querySelector('#viewer video')?.readyState >= 1"))
    page.run("document.querySelector('#viewer video').currentTime = 9")
    page.until(
        lambda: page.run(
            "const v = document.querySelector('#viewer video');"
            " return !v.seeking && v.readyState >= 2"
        )
    )
    assert page.run("return document.querySelector('#viewer video').currentTime") == 9
    assert page.run("return document.querySelector('#viewer video').error") is None
    assert page.run(
        "return document.querySelector('#viewer video').seekable.end(0)"
    ) == pytest.approx(12, abs=0.2)


def test_a_pdf_is_shown_by_the_browser(page: Page) -> None:
    page.open("#/documents/paper.pdf")
    page.until(lambda: page.all("#viewer iframe") or "does not show PDF" in page.text())
    if frames := page.all("#viewer iframe"):
        assert frames[0].get_attribute("src") == f"{page.url}/files/documents/paper.pdf"
        assert frames[0].get_attribute("title") == "paper.pdf"


def test_markdown_is_rendered_in_a_sandbox(page: Page) -> None:
    """It is a document of its own, with no origin and no scripts; its raw HTML is text."""
    page.open("#/documents/page.md")
    frame = page.until(lambda: next(iter(page.all("#viewer iframe")), None))
    assert frame.get_attribute("sandbox") == "allow-popups allow-popups-to-escape-sandbox"
    page.browser.switch_to.frame(frame)
    try:
        page.until(lambda: "Title of it" in page.text())
        assert [each.text for each in page.all("h1, em, strong, code, td")] == [
            *["Title of it", "emphasis", "strong", "code", "1", "2"]
        ]
        assert '<script>parent.document.title = "owned"</script>' in page.text()
        links = {each.text: each.get_attribute("href") for each in page.all("a")}
        assert links == {
            "a neighbour": f"{page.url}/#/documents/table.csv",
            "the web": "https://example.org/",
            "elsewhere": "https://example.org/pixel.png",  # not fetched: a link
        }
        page.until(
            lambda: page.run("return document.querySelector('img[alt=waves]').naturalWidth") == 640
        )
        assert page.run("return self.origin") == "null"
        page.until(
            lambda: page.run("return getComputedStyle(document.body).maxWidth") == "736px"
        )  # its style sheet
    finally:
        page.browser.switch_to.default_content()
    assert page.browser.title != "owned"
    page.click("Show the source")
    page.until(lambda: (page.viewed() or "").startswith("# Title of it"))


def test_csv_is_a_table(page: Page) -> None:
    page.open("#/documents/table.csv")
    page.until(lambda: page.all("#viewer td"))
    assert "CSV table" in page.text()
    assert "charset" not in page.text()
    cells = page.run(
        "return [...document.querySelectorAll('#viewer tr')]"
        ".map(row => [...row.cells].map(cell => cell.textContent))"
    )
    assert cells == [
        ["name", "value", "note"],
        ["semi; colon", "1,5", "two\nlines"],
        ['a "quote"', "-20", ""],
    ]


def test_html_is_shown_as_text_and_opened_without_its_scripts(page: Page) -> None:
    page.open("#/active.html")
    page.until(lambda: page.viewed() == "<script>document.title = 'owned'</script>")
    page.browser.get(f"{page.url}/files/active.html")
    assert page.browser.title != "owned"
    # The other one that may be there is of the icon that browsers look for.
    assert (
        len([each for each in page.complaints() if "active.html" in each and "script" in each]) == 1
    )


def test_the_modules_agree_with_the_specifications(page: Page) -> None:
    """SHA-256 as the browser computes it, for lengths around its blocks; CSV as in RFC 4180."""
    page.open()
    page.until(page.names)
    result = page.browser.execute_async_script("""
        const done = arguments[0];
        const base = document.querySelector('script').src.replace('app.js', '');
        (async () => {
          const { Sha256 } = await import(base + 'sha256.js');
          const { rowsOf } = await import(base + 'csv.js');
          const { sortKey } = await import(base + 'order.js');
          const wrong = [];
          for (let size = 0; size < 200; size++) {
            const bytes = crypto.getRandomValues(new Uint8Array(size));
            const digest = await crypto.subtle.digest('SHA-256', bytes);
            const expected = Array.from(new Uint8Array(digest),
              byte => byte.toString(16).padStart(2, '0')).join('');
            const hash = new Sha256();
            for (let at = 0; at < size; at += 37) hash.update(bytes.subarray(at, at + 37));
            if (hash.hex() !== expected) wrong.push(size);
          }
          const texts = ['a,b\\r\\nc,d\\r\\n', 'a,b\\nc,d', '"a","b""c"\\r\\n',
            '"a\\r\\nb",c', 'a,,\\n', ''];
          const csv = texts.map(text => rowsOf(text, ','));
          const names = ['a10', 'a9', 'A1', 'b', '\\u00e4', 'a'];
          const order = names.sort((x, y) => sortKey(x) < sortKey(y) ? -1 : 1);
          done({ wrong, csv, order });
        })().catch(error => done(String(error)));""")
    assert result["wrong"] == []
    assert result["csv"] == [
        [["a", "b"], ["c", "d"]],
        [["a", "b"], ["c", "d"]],
        [["a", 'b"c']],
        [["a\r\nb", "c"]],
        [["a", "", ""]],
        [],
    ]
    assert result["order"] in (
        ["\u00e4", "a", "A1", "a9", "a10", "b"],
        ["a", "\u00e4", "A1", "a9", "a10", "b"],
    )


HOSTILE = [
    *[
        "*",
        "**a ",
        "_a",
        "`",
        "[",
        "[a](",
        "[a](b)[",
        "![",
        "<",
        "~~a",
        "> ",
        "- ",
        "# ",
        " ",
        "|-",
        "-|",
        "```",
    ],
    *["h", "&", "a\n", "1. ", "\\", '"', '"",'],
]


@pytest.mark.parametrize("end", ["", "x", "\n", "`"])
def test_no_text_keeps_markdown_or_csv_busy(page: Page, end: str) -> None:
    """Patterns of regular expressions can take hours for a text of some kilobytes."""
    page.browser.set_script_timeout(PATIENCE)
    page.open()
    page.until(page.names)
    page.browser.execute_async_script(
        """
        const [texts, end, done] = arguments;
        const base = document.querySelector('script').src.replace('app.js', '');
        (async () => {
          const { renderedMarkdown } = await import(base + 'markdown.js');
          const { tableOf } = await import(base + 'csv.js');
          for (const text of texts) {
            const long = text.repeat(2 ** 17 / text.length);
            renderedMarkdown(long + end, 'a/b.md');
            renderedMarkdown('a | b\\n' + long + end, 'a/b.md');
            tableOf('"1' + long + end, 'text/csv', false);
            tableOf('1' + long + end, 'text/csv', false);
          }
          done();
        })();""",
        HOSTILE,
        end,
    )


def test_keys_of_a_film_are_the_films_own(page: Page) -> None:
    page.open("#/counting.mp4")
    page.until(lambda: page.run("return document.querySelector('#viewer video')?.readyState >= 1"))
    video = page.all("#viewer video")[0]
    webdriver.ActionChains(page.browser).send_keys_to_element(video, Keys.ARROW_RIGHT).perform()
    assert page.run("return location.hash") == "#/counting.mp4"
