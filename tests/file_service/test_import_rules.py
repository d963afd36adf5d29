"""What decides is pure: no I/O, no event loop, no framework. Read from the source."""

from pathlib import Path

import pytest

from tests.lambda_asgi.test_import_rules import FILE_SERVICE, IMPURE, imports

PURE = [
    "aws/sigv4",
    "errors",
    "http/byte_ranges",
    "http/conditional",
    "http/content_disposition",
    "http/multipart",
    "http/negotiation",
    "http/selection",
    "identity/caller",
    "identity/credentials",
    "identity/signing",
    "known_digests",
    "limits",
    "listing_formats",
    "media_types",
    "packing/tar_writer",
    "packing/zip_writer",
    "paths",
    "streams",
]


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_do_no_io(name: str) -> None:
    modules = {module for module, _ in imports(FILE_SERVICE / f"{name}.py")}
    assert not modules & (
        IMPURE | {"os", "pathlib", "aiofiles", "obstore", "fastapi", "file_service.settings"}
    )


@pytest.mark.parametrize(
    "path", sorted((FILE_SERVICE / "sources").glob("*.py")), ids=lambda path: path.name
)
def test_sources_know_nothing_of_http(path: Path) -> None:
    modules = {module.partition(".")[0] for module, _ in imports(path)}
    assert not modules & {"fastapi", "starlette", "lambda_asgi"}
