"""Stands where Lambda's own bootstrap.py stands: runs the managed Python runtime's handler loop.

Started by the emulator with the function's environment, directly or by an exec wrapper that runs "$@". It is alone in
its folder, and takes that off the path: nothing of the emulator stands before a function's own modules.
"""

import os
import sys


def main() -> None:
    sys.path[:] = [
        entry for entry in sys.path if entry != os.path.dirname(os.path.abspath(__file__))
    ]
    try:
        from awslambdaric.__main__ import main as run  # type: ignore[import-untyped]
    except ImportError:
        sys.exit(
            "lambda-emulator: a Python function without AWS_LAMBDA_EXEC_WRAPPER runs under AWS's own loop; "
            "install it into this environment: pip install awslambdaric"
        )
    sys.path.insert(0, os.environ.get("LAMBDA_TASK_ROOT", os.getcwd()))
    run(["bootstrap", os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
