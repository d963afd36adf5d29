"""What `--watch` sees: replaced folders, files behind links, the template."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lambda_emulator.watch import Watcher
from tests.lambda_emulator.support import RUNTIMES, RunningEmulator, write_template
from tests.patience import PATIENCE


def seen(paths: list[Path], change: Callable[[], object]) -> set[str]:
    """What is noticed of a change."""

    async def look() -> set[str]:
        watcher = Watcher(lambda: paths)
        change()
        async with asyncio.timeout(PATIENCE):
            async for changed in watcher.changes():
                return changed
        raise AssertionError("it ended")

    return asyncio.run(look())


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "package").mkdir(parents=True)
    (folder / "app.py").write_text("1")
    (folder / "package" / "module.py").write_text("1")
    return folder


def test_a_file_is_changed_made_or_removed(code: Path) -> None:
    assert seen([code], lambda: (code / "app.py").write_text("22")) == {str(code / "app.py")}
    assert seen([code], lambda: (code / "new.py").write_text("1")) == {str(code / "new.py")}
    assert seen([code], (code / "new.py").unlink) == {str(code / "new.py")}


def test_a_folder_that_is_replaced(code: Path) -> None:
    """As `sam build` and `git checkout` do."""

    def replace() -> None:
        shutil.rmtree(code)
        code.mkdir()
        (code / "app.py").write_text("from the build")

    assert seen([code], replace) == {str(code / "app.py"), str(code / "package" / "module.py")}
    assert seen([code], lambda: (code / "app.py").write_text("and then edited")) == {
        str(code / "app.py")
    }


def test_files_behind_links(code: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "shared.py").write_text("1")
    (code / "shared").symlink_to(elsewhere)
    (code / "one.py").symlink_to(elsewhere / "shared.py")
    (elsewhere / "loop").symlink_to(code)
    changed = seen([code], lambda: (elsewhere / "shared.py").write_text("22"))
    assert changed == {str(code / "shared" / "shared.py"), str(code / "one.py")}


def test_what_no_one_edits_is_not_looked_at(code: Path) -> None:
    def change() -> None:
        (code / "__pycache__").mkdir()
        (code / "__pycache__" / "app.pyc").write_text("1")
        (code / "app.py").write_text("22")

    assert seen([code], change) == {str(code / "app.py")}


def test_a_file_alone(code: Path) -> None:
    assert seen([code / "app.py"], lambda: (code / "app.py").write_text("22")) == {
        str(code / "app.py")
    }


def test_a_change_of_the_template_is_taken(tmp_path: Path) -> None:
    """New variables, a new invoke mode; and one that is wrong changes nothing."""
    template = write_template(tmp_path, Environment={"Variables": {"PROBE": "old"}})
    command = (sys.executable, str(RUNTIMES / "scripted.py"))
    with RunningEmulator("--template", str(template), "--watch", command=command) as emulator:
        assert emulator.get("/echo").json()["environment"]["PROBE"] == "old"
        template.write_text("Resources: [")
        assert "not YAML" in emulator.wait_for("error")["message"]
        assert emulator.get("/echo").status == 200
        url = {"AuthType": "NONE", "InvokeMode": "BUFFERED"}
        write_template(tmp_path, Environment={"Variables": {"PROBE": "new"}}, FunctionUrlConfig=url)
        while "new" not in str(emulator.get("/echo").json()["environment"]["PROBE"]):
            emulator.drain()
        assert emulator.get("/stream?plain=1&count=1&size=1").header("content-length") == "1"
