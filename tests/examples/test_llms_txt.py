"""docs/llms.txt links to each page once, and each page exists."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_each_page_is_linked_once() -> None:
    links = re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "llms.txt").read_text())
    # performance.md leads to the two pages of its results.
    pages = {path.name for path in DOCS.glob("*.md")} - {
        f"performance-{build}.md" for build in ("optimised", "unoptimised")
    }
    assert sorted(links) == sorted(pages)
