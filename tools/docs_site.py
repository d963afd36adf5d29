"""Hooks of the documentation site (mkdocs.yml).

Pages in docs/ are also read on GitHub, so their links are relative paths in the repository.
On the site, a link to a page stays relative, and a link to any other file goes to the repository.
The site also has pages that are made from files outside docs/, and a page of all public docstrings.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

TOP = Path(__file__).parent.parent

# The site's pages that are files elsewhere: {page: path in the repository}
ELSEWHERE = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
PUBLIC_MODULES = (
    "lambda_asgi",
    "lambda_asgi.testing",
    "lambda_asgi.stream_safety",
    "lambda_asgi.logging",
    "lambda_asgi.errors",
)
LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not files in docs/."""
    for page, source in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(TOP / source).read_text()))
    details = "\n\n".join(f"::: {module}" for module in PUBLIC_MODULES)
    files.append(
        File.generated(config, "api-details.md", content=f"# API in detail\n\n{details}\n")
    )
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links into links of the site, or of the repository."""
    source = ELSEWHERE.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    pages = {path: name for name, path in ELSEWHERE.items()}

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        anchor = match[2] or ""
        if target in pages:
            return pages[target] + anchor
        if target.startswith("docs/"):
            return target.removeprefix("docs/") + anchor
        if not (TOP / target).exists():
            return match[0]  # the strict build reports it
        return f"{config.repo_url}/blob/main/{target}{anchor}"

    return LINK.sub(link, markdown)
