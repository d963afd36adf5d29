"""docs/llms.txt links to each page once, and each page exists."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_its_links_are_pages() -> None:
    links = re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "llms.txt").read_text())
    assert len(links) == len(set(links)) > 10
    assert not [link for link in links if not (DOCS / link).exists()]
