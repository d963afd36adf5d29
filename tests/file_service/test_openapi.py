"""Schemathesis sends what the OpenAPI document allows, and what it does not.

No answer is a 500 or undocumented.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.file_service.servers import BIN, service
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

CHECKS = (
    "not_a_server_error,status_code_conformance,"
    "content_type_conformance,response_schema_conformance"
)
FILES = {"a.txt": b"alpha", "folder/b c.txt": b"beta", "empty": b""}


@pytest.mark.skipif(not (BIN / "schemathesis").exists(), reason="needs Schemathesis")
@pytest.mark.parametrize("front", ["uvicorn", "lambda", "web"])
def test_no_request_makes_it_fail(front: str, tmp_path: Path) -> None:
    for path, data in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    examples = os.environ.get("SCHEMATHESIS_EXAMPLES", "10")
    with service(front, {"FILE_SOURCE": str(tmp_path)}) as server:
        command = [
            str(BIN / "schemathesis"),
            "run",
            f"{server.url}/openapi.json",
            "--max-examples",
            examples,
        ]
        command += ["--checks", CHECKS, "--seed", "5", "--no-color"]
        ran = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr
