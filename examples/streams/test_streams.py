import shutil
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait


@pytest.fixture(scope="module")
def emulator(serve: Callable[..., Any]) -> Any:
    return serve(fronts=2)


@pytest.fixture(scope="module")
def urls(emulator: Any) -> dict[str, str]:
    event_function, web_function = emulator.urls
    return {"Event Function": event_function, "Web Function": web_function}


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-background-networking"):
        options.add_argument(f"--{argument}")
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as browser:
        yield browser


@pytest.mark.parametrize("kind", ["Event Function", "Web Function"])
def test_a_stream_stops_when_another_request_says_so(urls: dict[str, str], kind: str) -> None:
    clock = f"{urls[kind]}/clock/{uuid.uuid4()}"
    with httpx.stream("GET", clock, timeout=30) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines()
        assert next(lines).startswith("data: ")
        assert httpx.delete(clock, timeout=30).status_code == 202
        assert [line for line in lines if line][-2:] == ["event: stopped", "data:"]


@pytest.mark.parametrize("how", ["the button", "leaving"])
def test_the_page_stops_its_stream(emulator: Any, browser: webdriver.Chrome, how: str) -> None:
    """Long before the minute that the stream may last, the invocation has ended."""
    browser.get(emulator.url)
    clock = browser.execute_script("return clock")
    status = browser.find_element(By.TAG_NAME, "p")
    wait = WebDriverWait(browser, 60)
    wait.until(lambda _: ":" in status.text)
    if how == "the button":
        browser.find_element(By.TAG_NAME, "button").click()
        wait.until(lambda _: status.text == "Stopped")
    else:
        browser.get("about:blank")
    (request,) = emulator.wait_for(
        lambda event: (
            event["event"] == "request"
            and (event["method"], event["target"]) == ("GET", f"/{clock}")
            and [event["requestId"]]
        )
    )
    assert emulator.wait_for(
        lambda event: event["event"] == "end" and event["requestId"] == request
    )


@pytest.mark.parametrize("kind", ["Event Function", "Web Function"])
@pytest.mark.parametrize("name", ["short", "..%2F..%2Fetc%2Fpasswd", "a" * 65])
def test_a_name_is_never_a_path(urls: dict[str, str], kind: str, name: str) -> None:
    assert httpx.delete(f"{urls[kind]}/clock/{name}", timeout=30).status_code in (404, 422)
