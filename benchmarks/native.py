"""The peers that are not Python, built from source with lock files.

They are Lambda Web Adapter, and the works in Rust and Go.
"""

import os
import shutil
import subprocess
from collections.abc import Callable

from benchmarks.places import GO, HERE, PREPARED, RUST, WEB_ADAPTER

ADAPTER_VERSION = "1.0.0-rc1"  # the newest that is published as a crate
_CARGO = ("cargo", "--quiet")
_TARGET = PREPARED / "cargo"


def build(say: Callable[[str], None]) -> None:
    """What is there already is left alone: the first time takes some minutes."""
    builds = (
        ("cargo", "Lambda Web Adapter", WEB_ADAPTER.exists, build_web_adapter),
        ("cargo", "Rust: lambda_http and axum", lambda: False, build_rust),
        ("go", "Go: lambdaurl", lambda: False, build_go),
    )
    for tool, name, built, make in builds:
        if built():
            continue
        if shutil.which(tool) is None:
            say(f"No {tool}: {name} is skipped.")
            continue
        say(f"Building {name} ...")
        try:
            make()
        except subprocess.CalledProcessError:
            say(f"That failed: {name} is skipped.")


def build_web_adapter() -> None:
    crate = ("lambda_web_adapter", "--version", ADAPTER_VERSION, "--locked")
    root = WEB_ADAPTER.parent.parent
    command = (*_CARGO, "install", *crate, "--root", root, "--target-dir", _TARGET)
    subprocess.run(command, check=True)


def build_rust() -> None:
    command = (*_CARGO, "build", "--release", "--locked", "--target-dir", _TARGET)
    subprocess.run(command, cwd=HERE / "rust", check=True)
    shutil.copy(_TARGET / "release" / "bench-rust", RUST)


def build_go() -> None:
    # lambda.norpc: without what only the old go1.x runtime needs, as AWS recommends.
    command = ("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", GO)
    environment = os.environ | {"CGO_ENABLED": "0"}
    subprocess.run((*command, "."), cwd=HERE / "go", env=environment, check=True)
