"""Headless Chromium reads a fetch body and Server-Sent Events piece by piece.

The page opens a gate for each piece that it has got, and the function writes the next one only
then: were anything held back on the way, neither would ever end.
"""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.lambda_emulator.support import RunningEmulator, write_template
from tests.patience import PATIENCE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_chromium_reads_streams_incrementally(tmp_path: Path) -> None:
    assert CHROMIUM is not None
    template = write_template(tmp_path, Timeout=30)
    gate = tmp_path / "gate"
    done = Path(f"{gate}.done")
    with RunningEmulator("--template", str(template)) as emulator:
        command = [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
            "--remote-debugging-port=0",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"{emulator.url}/page?gate={gate}",
        ]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as browser:
            try:
                deadline = time.monotonic() + 2 * PATIENCE
                while not done.exists():
                    assert time.monotonic() < deadline, (
                        f"the page did not finish: {emulator.drain()}"
                    )
                    assert browser.poll() is None, "chromium ended"
                    time.sleep(0.02)
            finally:
                browser.terminate()
        assert json.loads(done.read_text()) == {
            "fetch": ["chunk 0\n", "chunk 1\n", "chunk 2\n"],
            "events": ["event 0", "event 1", "event 2"],
        }
