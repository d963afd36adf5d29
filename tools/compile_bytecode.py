"""Compile a built function's modules: `sam build` ships none, and Lambda cannot write any into /var/task.

    python tools/compile_bytecode.py .aws-sam/build/FileServiceFunction

Importing FastAPI from a fresh zip takes about half as long with bytecode (docs/performance.md). It has to come from the
Python version of the function: where that is not on PATH, this says so, and the zip works without.
"""

import re
import subprocess
import sys
from pathlib import Path


def main(folder: str) -> int:
    """The exit code: an absent interpreter is no failure."""
    match = re.search(r"Runtime: python(\d+\.\d+)", Path("template.yaml").read_text())
    assert match, "template.yaml names no Python runtime"
    version = match[1]
    python = _interpreter(version)
    if python is None:
        print(f"No Python {version} on PATH: the zip has no bytecode; a cold start takes about half a second longer.")
        return 0
    # unchecked-hash: Lambda gives every file the same date, so the usual check by date would be worth nothing.
    command = [python, "-m", "compileall", "-q", "-j0", "--invalidation-mode", "unchecked-hash", folder]
    return subprocess.run(command, check=False).returncode


def _interpreter(version: str) -> str | None:
    check = f"import sys; sys.exit('{version}' != '%d.%d' % sys.version_info[:2])"
    for python in (f"python{version}", sys.executable, "python3"):
        try:
            if subprocess.run([python, "-c", check], check=False, capture_output=True).returncode == 0:
                return python
        except FileNotFoundError:
            continue
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
