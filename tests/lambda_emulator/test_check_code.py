"""`check-code` on real ELF files, and on copies with another processor in the header."""

import os
import sys
import zipfile
from pathlib import Path

import pytest

from lambda_emulator.__main__ import main
from lambda_emulator.check_code import foreign_modules, processor

MACHINE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(os.uname().machine)
OTHER = {"x86_64": "arm64", "arm64": "x86_64"}
PATCHED = {"x86_64": 62, "arm64": 183}

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or MACHINE is None, reason="the tests take this machine's own ELF files"
)


def native(architecture: str) -> bytes:
    """A real module of this machine, or the same with the other processor in its header."""
    import httptools.parser.parser as module

    data = bytearray(Path(module.__file__).read_bytes())
    data[18:20] = PATCHED[architecture].to_bytes(2, "little")
    return bytes(data)


def test_a_real_module_is_for_this_machine() -> None:
    import httptools.parser.parser as module

    assert processor("parser.so", Path(module.__file__).read_bytes()[:20]) == MACHINE


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_modules_of_the_other_processor_are_refused(
    tmp_path: Path, packed: bool, architecture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "code"
    (folder / "package").mkdir(parents=True)
    (folder / "main.py").write_text("app = None")
    (folder / "package" / "_right.so").write_bytes(native(architecture))
    path = folder

    def check() -> int:
        nonlocal path
        if packed:
            path = tmp_path / "code.zip"
            with zipfile.ZipFile(path, "w") as archive:
                for file in folder.rglob("*"):
                    archive.write(file, file.relative_to(folder))
        return main(["check-code", str(path), "--architecture", architecture])

    assert check() == 0
    (folder / "package" / "_wrong.cpython-313-linux-gnu.so").write_bytes(
        native(OTHER[architecture])
    )
    assert check() == 1
    said = capsys.readouterr().err
    assert (
        "package/_wrong.cpython-313-linux-gnu.so: "
        f"built for {OTHER[architecture]}, not for {architecture}"
    ) in said
    assert "_right" not in said
    assert foreign_modules(path, OTHER[architecture])


@pytest.mark.parametrize(
    ("name", "head", "built_for"),
    [
        ("a.so", b"\xcf\xfa\xed\xfe" + bytes(16), "macOS"),
        ("a.dylib", b"\xca\xfe\xba\xbe" + bytes(16), "macOS"),
        ("a.pyd", b"MZ" + bytes(18), "Windows"),
        ("Main.class", b"\xca\xfe\xba\xbe" + bytes(16), None),
        ("notes.txt", b"MZ and other letters", None),
        ("a.so", b"\x7fELF", None),
        ("libcrypto.so.3", b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xf3\x00", "machine 243"),
        ("empty.so", b"", None),
    ],
)
def test_by_the_first_bytes(name: str, head: bytes, built_for: str | None) -> None:
    assert processor(name, head) == built_for


def test_nothing_to_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-code", str(tmp_path / "missing.zip")]) == 2
    (tmp_path / "text.zip").write_text("no zip")
    assert main(["check-code", str(tmp_path / "text.zip")]) == 2
    assert "missing.zip: No such file" in capsys.readouterr().err
