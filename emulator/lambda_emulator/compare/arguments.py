"""Arguments that `compare` and `smoke` share."""

import argparse
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lambda_emulator.compare.client import Target
from lambda_emulator.credentials import Credentials
from lambda_emulator.template.cloudformation import REGION

__all__ = ["add_target", "is_chosen", "target", "write"]


def add_target(parser: argparse.ArgumentParser, url: str) -> None:
    """Add the arguments that `target` reads. `url` is the help on the address."""
    parser.add_argument("--url", required=True, action="append", metavar="URL", help=url)
    parser.add_argument(
        "--sigv4",
        action="store_true",
        help="sign, with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
    )
    parser.add_argument("--region", help="to sign for (default: as the address says)")


def target(
    parser: argparse.ArgumentParser, given: argparse.Namespace, url: str | None = None
) -> Target:
    """Return the server to send requests to. End the command if its address or keys are missing.

    Args:
        parser: Prints the error.
        given: The parsed arguments.
        url: The address. None means the last one of the command line.
    """
    address = url or given.url[-1]
    try:
        return Target(
            address,
            credentials=_credentials() if given.sigv4 else None,
            region=given.region or _region(address),
        )
    except ValueError as error:
        parser.error(str(error))


def is_chosen(name: str, names: Sequence[str] | None, *, slow: bool, quick: bool) -> bool:
    """Return whether to run a case or a check.

    Args:
        name: Its name.
        names: The names that the user gave, if any.
        slow: It takes minutes.
        quick: The user wants to skip what is slow.
    """
    return name in names if names else not (slow and quick)


def write(document: Any, path: str) -> None:
    """Write JSON to a file, or to standard output for `-`."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    if path == "-":
        print(text)
    else:
        Path(path).write_text(f"{text}\n")


def _credentials() -> Credentials:
    """Those of the environment. Raises ValueError where there are none."""
    variables: Any = os.environ
    access, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        raise ValueError("--sigv4 needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return Credentials(access, secret, variables.get("AWS_SESSION_TOKEN") or None)


def _region(url: str) -> str:
    """As the address of a Function URL, a Web Function or a REST API says."""
    found = re.search(r"\.([a-z]{2,}(?:-[a-z]+)+-\d)\.(?:on\.aws|amazonaws\.)", url)
    return found[1] if found else REGION
