"""Where what the benchmarks need lies, once `python -m benchmarks prepare` has made it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "benchmarks"
PREPARED = HERE / "results" / "prepared"
VENV = PREPARED / "venv"
"""The function's Python with the packages that ship, and the Python peers."""
BUILT = PREPARED / "built"
"""The function as `make build` leaves it."""
PLAIN = PREPARED / "plain"
"""The same without bytecode: what `sam build` alone leaves."""
RUNTIME_CLIENT = PREPARED / "awslambdaric"
LIBRARIES = PREPARED / "libraries"
"""A folder for each S3 client, with what it would add to a zip and nothing else."""
UVICORN = PREPARED / "uvicorn"
"""What a zip behind Lambda Web Adapter has besides the function: the server."""
WEB_ADAPTER = PREPARED / "web_adapter" / "bin" / "lambda-adapter"
RUST = PREPARED / "bench-rust"
GO = PREPARED / "bench-go"
NODE_MODULES = HERE / "node" / "node_modules"
