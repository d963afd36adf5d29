"""template.yaml's own function, started by its bootstrap: a large file, in little memory."""

import hashlib
import http.client
import os
from pathlib import Path

import pytest

from tests.lambda_emulator.support import RunningEmulator, environments
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

TOP = Path(__file__).parent.parent.parent
MIB = 1024 * 1024

LARGEST_GROWTH = 8 * MIB
"""The promise of the design: so much more memory, at most, for a file of any size."""


def test_a_big_file_comes_whole_and_in_little_memory(tmp_path: Path) -> None:
    block = os.urandom(MIB)
    digest = hashlib.sha256()
    with (tmp_path / "big.bin").open("wb") as file:
        for _ in range(190):
            file.write(block)
            digest.update(block)
    overrides = ("--parameter-overrides", "AuthType=NONE", f"FileSource={tmp_path}")
    options = ("--template", str(TOP / "template.yaml"), "--concurrency", "1", *overrides)
    with RunningEmulator(*options, command=()) as emulator:
        assert emulator.get("/healthz").status == 200
        [process] = environments(emulator.process.pid)
        before = resident(process)
        client = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=PATIENCE)
        client.request("GET", "/files/big.bin")
        response = client.getresponse()
        assert response.status == 200
        received = hashlib.sha256()
        while piece := response.read(MIB):
            received.update(piece)
        client.close()
        assert received.hexdigest() == digest.hexdigest()
        assert resident(process) - before <= LARGEST_GROWTH


def resident(process: int) -> int:
    """Return the peak of the process's resident memory, in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(
        int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")
    )
