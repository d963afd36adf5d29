"""Headless Chromium reads a fetch body and Server-Sent Events piece by piece.

The page opens a gate for each piece that it has got, and the function writes the next one only
then: were anything held back on the way, neither would ever end.
"""

import json
import time
from pathlib import Path

import pytest

from tests.lambda_emulator.support import CHROMIUM, RunningEmulator, chromium, write_template
from tests.patience import PATIENCE


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_chromium_reads_streams_incrementally(tmp_path: Path) -> None:
    template = write_template(tmp_path, Timeout=30)
    gate = tmp_path / "gate"
    done = Path(f"{gate}.done")
    with RunningEmulator("--template", str(template)) as emulator:
        with chromium(tmp_path / "profile", f"{emulator.url}/page?gate={gate}") as browser:
            deadline = time.monotonic() + 2 * PATIENCE
            while not done.exists():
                assert time.monotonic() < deadline, f"the page did not finish: {emulator.drain()}"
                assert browser.poll() is None, "chromium ended"
                time.sleep(0.02)
        assert json.loads(done.read_text()) == {
            "fetch": ["chunk 0\n", "chunk 1\n", "chunk 2\n"],
            "events": ["event 0", "event 1", "event 2"],
        }
