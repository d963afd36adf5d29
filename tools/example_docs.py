"""Write docs/examples.md: each example's README and code, so that the docs show what is tested.

python -m tools.example_docs           # writes it
python -m tools.example_docs --check   # fails when it is not up to date
"""

import re
import sys
from pathlib import Path

TOP = Path(__file__).parent.parent
PAGE = TOP / "docs" / "examples.md"
INTRODUCTION = """\
# Examples

Each has a folder with its app, its template.yaml and a test that runs it in the Lambda emulator.
`make examples` sets them up, tests them all, and prints the time to the first byte of each route;
`make examples ARGS="mcp llm"` takes some. This page is made from those folders by
`python -m tools.example_docs`.

To run one on your machine, install its `app/requirements.txt` and lambda-emulator, and start
`lambda-emulator` in its folder. Then `<Url>` is http://127.0.0.1:3000/. If it needs parameters,
such as an OAuth server, the emulator names them.

To build one for AWS, `sam build` needs the Python that `Runtime` names, 3.13, on PATH. Until
lambda-asgi is on PyPI, `PIP_FIND_LINKS` has to name a folder with its wheel.
[From nothing to a deployed URL](first-deployment.md) makes that folder.
"""
LANGUAGES = {".html": "html", ".py": "python"}
ORDER = [
    *(
        "llm",
        "agent",
        "mcp",
        "streams",
        "generators",
        "exports",
        "zip",
        "graphql",
        "http-and-queue",
        "rest-api",
    ),
    *(
        "production",
        "smoke",
        "probe",
        "images",
        "managed-instances",
        "from-mangum",
        "from-lambda-web-adapter",
    ),
    *("starlette", "litestar", "quart", "django", "falcon", "flask"),
]


def page() -> str:
    folders = [TOP / "examples" / name for name in ORDER]
    documented = [folder for folder in folders if (folder / "README.md").exists()]
    contents = "".join(f"- [{title(folder)}](#{anchor(title(folder))})\n" for folder in documented)
    return f"{INTRODUCTION}\n{contents}" + "".join(map(section, documented))


def title(folder: Path) -> str:
    return (folder / "README.md").read_text().partition("\n")[0].removeprefix("# ")


def anchor(text: str) -> str:
    """As GitHub and MkDocs make it."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def section(folder: Path) -> str:
    text = (folder / "README.md").read_text()
    text = re.sub(r"\]\((?!https?://)([^)]+)\)", rf"](../examples/{folder.name}/\1)", text)
    parts = [f"\n#{text.rstrip()}\n"]
    for path in code(folder):
        source = path.read_text().rstrip()
        name, language = path.relative_to(TOP), LANGUAGES[path.suffix]
        parts.append(f"\n[{name}](../{name}):\n\n```{language}\n{source}\n```\n")
    return "".join(parts)


def code(folder: Path) -> list[Path]:
    """The app. Of a migration, what it becomes."""
    for name in ("app", "after", "src"):
        if (folder / name).is_dir():
            return sorted(path for path in (folder / name).iterdir() if path.suffix in LANGUAGES)
    return []


def main() -> int:
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text() != page())
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
