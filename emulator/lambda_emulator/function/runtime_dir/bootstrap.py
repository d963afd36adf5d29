"""Run the managed Python runtime's loop, as Lambda's own bootstrap.py does.

The emulator starts it with the function's environment, directly or by an exec wrapper that runs
"$@".
It is alone in its folder, and removes the folder from the path, so that no module of the emulator
hides one of the function's.
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
            "lambda-emulator: a Python function without AWS_LAMBDA_EXEC_WRAPPER runs under AWS's "
            "own loop; "
            "install it into this environment: pip install awslambdaric"
        )
    sys.path.insert(0, os.environ.get("LAMBDA_TASK_ROOT", os.getcwd()))
    run(["bootstrap", os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
