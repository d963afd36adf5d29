"""The recipes of docs/observability.md, as the files that a function would have."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "observability.md"
BLOCK = re.compile(r"^```python\n# (\w+\.py)(?:: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

OURS = 'LambdaASGI(app, response_mode="streaming")'
IMPORT = "from lambda_asgi import LambdaASGI\n"
CONTROLS = {
    "mangum": (f"from mangum import Mangum\n{IMPORT}", 'Mangum(app, lifespan="off")'),
    "none": (IMPORT, "lambda event, context: 1 / 0"),
}
"""What stands in a recipe in place of this project's adapter: the import, and the handler."""


def recipe(title: str) -> dict[str, str]:
    """File name -> text: the recipe of that title, and what all recipes share."""
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    files = {file: text for file, its, text in blocks if its in ("", title)}
    assert "main.py" in files, (
        f"there is no recipe {title!r}; there is: {[its for _, its, _ in blocks]}"
    )
    return files


def with_control(text: str, adapter: str) -> str:
    """The same recipe with another adapter, or with a handler that only raises."""
    imports, made = CONTROLS[adapter]
    assert text.count(OURS) == 1
    assert text.count(IMPORT) == 1
    return text.replace(OURS, made).replace(IMPORT, imports)


def titles() -> list[str]:
    return [title for _, title, _ in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if title]
