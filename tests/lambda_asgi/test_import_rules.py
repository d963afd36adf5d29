"""Who may import what. The pure core stays pure, and the packages stay apart."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAMBDA_ASGI = ROOT / "src" / "lambda_asgi"
FILE_SERVICE = ROOT / "src" / "file_service"
LAMBDA_EMULATOR = ROOT / "emulator" / "lambda_emulator"

PURE = [
    *(
        LAMBDA_ASGI / f"{name}.py"
        for name in [
            "_asgi",
            "_describe",
            "_environment",
            "_error_report",
            "_headers",
            "_invocation",
            "_prelude",
            "_response_mode",
            "_response",
            "errors",
            "_records",
        ]
    ),
    LAMBDA_ASGI / "_runtime_api" / "protocol.py",
    LAMBDA_ASGI / "_handler_mode" / "results.py",
    *sorted((LAMBDA_ASGI / "_event_sources").glob("*.py")),
]
IMPURE = {
    "asyncio",
    "socket",
    "anyio",
    "selectors",
    "select",
    "ssl",
    "threading",
    "subprocess",
    "http",
    "urllib.request",
}


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Return (module, name) of each import in a file. The name of a whole module is ""."""
    for node in ast.walk(ast.parse(path.read_bytes(), path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide who imports whom"
            for alias in node.names:
                yield node.module or "", alias.name


def of_package(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def modules(package: Path) -> list[Path]:
    found = sorted(package.rglob("*.py"))
    assert found, package
    return found


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PURE, ids=relative)
def test_the_pure_core_does_no_input_or_output(path: Path) -> None:
    for module, name in imports(path):
        for impure in IMPURE:
            assert not of_package(module, impure), f"{relative(path)} imports {module}"
            assert f"{module}.{name}" != impure
        assert (module, name) != ("os", "environ")
    for node in ast.walk(ast.parse(path.read_bytes())):
        assert not (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")), (
            relative(path)
        )


def test_the_pure_core_imports_only_itself() -> None:
    """It imports only pure modules of lambda_asgi, so that nothing impure comes in indirectly."""
    pure = {
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
        for path in PURE
    }
    pure |= {"lambda_asgi._version"}
    for path in PURE:
        for module, name in imports(path):
            if of_package(module, "lambda_asgi"):
                assert module in pure or f"{module}.{name}" in pure, (
                    f"{relative(path)} imports {module}"
                )


@pytest.mark.parametrize(
    ("package", "others"),
    [
        (LAMBDA_ASGI, ["file_service", "lambda_emulator"]),
        (FILE_SERVICE, ["lambda_emulator"]),
        (LAMBDA_EMULATOR, ["lambda_asgi", "file_service"]),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else None,
)
def test_the_packages_stay_apart(package: Path, others: list[str]) -> None:
    for path in modules(package):
        for module, _ in imports(path):
            assert not any(of_package(module, other) for other in others), (
                f"{relative(path)} imports {module}"
            )


def test_the_service_knows_lambda_asgi_in_one_place() -> None:
    """It is an ASGI app, which runs under uvicorn without lambda_asgi."""
    found = [
        (path.name, module, name)
        for path in modules(FILE_SERVICE)
        for module, name in imports(path)
        if of_package(module, "lambda_asgi")
    ]
    assert found == [
        ("main.py", "lambda_asgi", "LambdaASGI"),
        ("main.py", "lambda_asgi.stream_safety", "StreamSafety"),
    ]


def imported_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "src", capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_runtime_imports_itself_without_garbage_collections() -> None:
    """What it has imported is frozen. The collector is on again before the app is imported."""
    code = "import lambda_asgi.__main__, gc; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "src", capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]


@pytest.mark.parametrize("module", ["lambda_asgi", "lambda_asgi.__main__"])
def test_importing_lambda_asgi_is_cheap(module: str) -> None:
    """A cold start pays for every import. Frameworks belong to the app; Mangum is imported late."""
    loaded = imported_by(f"import {module}")
    assert "lambda_asgi" in loaded
    if "coverage" in loaded:
        pytest.skip("coverage.py measures child processes, too, and imports more in them")
    for name in (
        "mangum",
        "fastapi",
        "starlette",
        "pydantic",
        "anyio",
        "uvicorn",
        "h11",
        "typing_extensions",
        "dataclasses",  # a frozen data class with slots takes three times a named tuple's start
    ):
        assert name not in loaded
