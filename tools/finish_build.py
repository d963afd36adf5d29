"""Make what `sam build` has built small, quick to import, and the same every time.

    python -m tools.finish_build --python 3.13 .aws-sam/build/FileServiceFunction

It removes what a function never reads, compiles the modules,
and gives files the same modes and dates wherever and whenever they were built.
Beside the folder it makes a zip.
Two builds of one commit are equal byte for byte, if the same release of Python compiled them:
3.13.0 and 3.13.5 compile some modules differently. The same holds for the zip and zlib.
So the last lines name both.

Bytecode has to come from the Python version of the function:
where there is none, this says so, and the zip works without.
`sam build` ships none, and Lambda cannot write any into /var/task.
docs/performance.md has what it saves.
"""

import argparse
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

# Only installers, type checkers and compilers read these. Metadata and licences stay.
UNUSED = (
    "__pycache__",
    ".lock",
    "bin",
    "requirements.txt",
    "*.dist-info/INSTALLER",
    "*.dist-info/RECORD",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/uv_cache.json",
    "**/__pycache__",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.pxd",
)
SAME_DATE = 946_684_800
"""2000-01-01, in UTC. A zip cannot hold dates before 1980."""


def main(arguments: Sequence[str]) -> int:
    """The exit code: an absent interpreter is no failure."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.finish_build", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="what sam build has made of one function")
    parser.add_argument(
        "--python", required=True, help="the function's Python version, such as 3.13"
    )
    parser.add_argument(
        "--module", default="file_service.main", help="whose import is timed (default: %(default)s)"
    )
    given = parser.parse_args(arguments)
    remove_unused(given.folder)
    python = interpreter(given.python)
    if python is None:
        print(
            f"No Python {given.python} was found: "
            "the zip has no bytecode, and a cold start takes longer."
        )
    elif not compile_modules(given.folder, python):
        return 1
    make_uniform(given.folder)
    print(size(given.folder, archive(given.folder)))
    compiled = "no bytecode" if python is None else f"bytecode by Python {release(python)}"
    print(
        f"The same bytes come from this commit, {compiled}, and zlib {zlib.ZLIB_RUNTIME_VERSION}."
    )
    if python is not None:
        print(import_time(given.folder, python, given.module))
    return 0


def remove_unused(folder: Path) -> None:
    for pattern in UNUSED:
        for path in list(folder.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()


def interpreter(version: str) -> str | None:
    """A Python of this version: from PATH, the one that runs this, or pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    known = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    check = f"import sys; sys.exit('{version}' != '%d.%d' % sys.version_info[:2])"
    for python in (f"python{version}", sys.executable, "python3", *map(str, known)):
        try:
            if (
                subprocess.run([python, "-c", check], check=False, capture_output=True).returncode
                == 0
            ):
                return python
        except FileNotFoundError:
            continue
    return None


def compile_modules(folder: Path, python: str) -> bool:
    """Tracebacks name the files as they lie on Lambda, wherever this ran.

    unchecked-hash: Lambda gives every file the same date,
    so the usual check by date would be worth nothing.
    """
    where = ["-s", str(folder), "-p", "/var/task"]
    mode = ["--invalidation-mode", "unchecked-hash"]
    return (
        subprocess.run(
            [python, "-m", "compileall", "-q", *where, *mode, str(folder)], check=False
        ).returncode
        == 0
    )


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def make_uniform(folder: Path) -> None:
    """Modes and dates, of files and folders."""
    for path in [*folder.rglob("*"), folder]:
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
        os.utime(path, (SAME_DATE, SAME_DATE))


def archive(folder: Path) -> Path:
    """The function as a zip beside its folder, its entries in one order."""
    path = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in files(folder):
            entry = zipfile.ZipInfo(
                str(file.relative_to(folder)), date_time=time.gmtime(SAME_DATE)[:6]
            )
            entry.external_attr = file.stat().st_mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, file.read_bytes())
    return path


def size(folder: Path, zipped: Path) -> str:
    sizes = [path.stat().st_size for path in files(folder)]
    return (
        f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB; "
        f"{zipped.stat().st_size / 1e6:.1f} MB as a zip "
        f"(Lambda takes 262.1 MB and 52.4 MB)\n"
        f"{zipped}: sha256 {hashlib.sha256(zipped.read_bytes()).hexdigest()}"
    )


def import_time(folder: Path, python: str, module: str) -> str:
    """The median of five, each in a new process."""
    code = (
        f"import sys, time; sys.path.insert(0, {str(folder)!r}); start = time.perf_counter()\n"
        f"import {module}; print((time.perf_counter() - start) * 1000)"
    )
    times = []
    for _ in range(5):
        done = subprocess.run(
            [python, "-I", "-B", "-c", code], capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it failed"])[-1]
            return f"import {module}: not measured here ({last})"
        times.append(float(done.stdout))
    median = statistics.median(times)
    return f"import {module}: {median:.0f} ms with Python {release(python)} on this machine"


def release(python: str) -> str:
    """Such as 3.13.5."""
    said = subprocess.check_output([python, "--version"], text=True)
    return said.strip().removeprefix("Python ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
