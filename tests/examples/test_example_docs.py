"""docs/examples.md shows the code that is tested, and no example is forgotten."""

import tomllib
from pathlib import Path

from tools.example_docs import ORDER, PAGE, page

TOP = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run python -m tools.example_docs"


def test_every_example_is_on_it() -> None:
    examples = {path.parent.name for path in (TOP / "examples").glob("*/README.md")}
    assert examples <= set(ORDER)


def test_every_example_is_short_to_read_and_can_be_deployed() -> None:
    for readme in (TOP / "examples").glob("*/README.md"):
        if readme.parent.name != "production":
            assert len(readme.read_text().splitlines()) <= 30, readme
        assert list(readme.parent.glob("**/template.yaml")), readme


def test_sam_build_asks_nothing() -> None:
    """It asks before it uses a beta, and ends where nobody answers."""
    templates = [
        path
        for path in [TOP / "template.yaml", *(TOP / "examples").glob("**/template.yaml")]
        if "BuildMethod: python-uv" in path.read_text()
    ]
    assert len(templates) > 1
    for path in templates:
        options = tomllib.loads(path.with_name("samconfig.toml").read_text())
        assert options["default"]["global"]["parameters"]["beta_features"] is True, path
