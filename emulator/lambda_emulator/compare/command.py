"""The command line of `lambda-emulator compare`."""

import argparse
import asyncio
import contextlib
import json
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from lambda_emulator.compare.cases import CASES, Case, Result
from lambda_emulator.compare.client import Target
from lambda_emulator.compare.redact import redacted
from lambda_emulator.compare.report import compared, document, show
from lambda_emulator.credentials import Credentials
from lambda_emulator.template.cloudformation import REGION

__all__ = ["PROBE", "credentials", "main", "parser", "region"]

PROBE: Final = Path(__file__).with_name("probe")
_TIMEOUT: Final = 10
"""Of the probe's template in examples/probe, too."""


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="lambda-emulator compare",
        description="Send the same requests to a deployed probe and to the emulator; print the differences.",
    )
    add = result.add_argument
    add("--url", required=True, help="of the deployed probe")
    add(
        "--sigv4",
        action="store_true",
        help="sign, with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
    )
    add("--region", help="to sign for (default: as the address says)")
    add(
        "--quick",
        action="store_true",
        help="leave out what waits for timeouts or moves hundreds of megabytes",
    )
    add(
        "--case",
        action="append",
        metavar="NAME",
        choices=[case.name for case in CASES],
        help="only this one; may repeat",
    )
    add("--json", metavar="FILE", help="write all that was found there; - is standard output")
    return result


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 nothing differs, 1 something does, 2 there is nothing to compare with."""
    given = parser().parse_args(arguments)
    cases = tuple(
        case for case in CASES
        if (case.name in given.case if given.case else not (case.slow and given.quick))
    )  # fmt: skip
    try:
        target = Target(
            given.url,
            credentials=credentials() if given.sigv4 else None,
            region=given.region or region(given.url),
        )
    except ValueError as error:
        parser().error(str(error))
    console = Console(file=sys.stderr if given.json == "-" else sys.stdout)
    return asyncio.run(_compare(target, cases, console, given.json))


async def _compare(
    target: Target, cases: tuple[Case, ...], console: Console, path: str | None
) -> int:
    first = await target.ask("GET", "/runtime")
    if first.status != 200 or b'"lifespan"' not in first.body:
        print(
            f"lambda-emulator: no probe answers there: status {first.status} {first.failure}",
            file=sys.stderr,
        )
        return 2
    there = await _run(target, cases, console, "there")
    async with _emulator(signed=target.is_signed) as own:
        here = await _run(own, cases, console, "emulator")
    differences = compared(there, here)
    show(console, cases, there, differences)
    if path is not None:
        text = json.dumps(document(cases, there, here, differences), indent=2, ensure_ascii=False)
        if path == "-":
            print(text)
        else:
            await asyncio.to_thread(Path(path).write_text, text + "\n")
    return 1 if differences else 0


async def _run(
    target: Target, cases: tuple[Case, ...], console: Console, where: str
) -> Mapping[str, Result]:
    results = {}
    for case in cases:
        console.print(f"{where}: {case.name}: {case.question}", style="dim")
        result = await case.run(target)
        results[case.name] = Result(redacted(result.facts), redacted(result.figures))
    return results


@contextlib.asynccontextmanager
async def _emulator(*, signed: bool) -> AsyncIterator[Target]:
    """The emulator with the probe, as a Web Function: on any free port, until the block ends."""
    properties = {
        "Runtime": "python3.13",
        "CodeUri": str(PROBE),
        "Timeout": _TIMEOUT,
        "AuthType": "IamAuth" if signed else "ApplicationManaged",
    }
    resources = {"Probe": {"Type": "AWS::Serverless::WebFunction", "Properties": properties}}
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith("AWS_")
    } | keys
    with tempfile.TemporaryDirectory(prefix="lambda-emulator-") as folder:
        template = Path(folder) / "template.json"
        template.write_text(json.dumps({"Resources": resources}))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lambda_emulator", "--template", str(template), "--port", "0", "--json",
            env=variables, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            line = (await process.stdout.readline()).decode()
            found = re.search(r"http://\S+", line)
            if found is None:
                raise RuntimeError(
                    "the emulator did not start the probe: run lambda-emulator --web in its folder to see why"
                )
            yield Target(found[0], credentials=Credentials("local", "local") if signed else None)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


def credentials() -> Credentials:
    """Those of the environment. Raises ValueError where there are none."""
    variables: Any = os.environ
    access, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        raise ValueError("--sigv4 needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return Credentials(access, secret, variables.get("AWS_SESSION_TOKEN") or None)


def region(url: str) -> str:
    """As the address of a Function URL, a Web Function or a REST API says."""
    found = re.search(r"\.([a-z]{2,}(?:-[a-z]+)+-\d)\.(?:on\.aws|amazonaws\.)", url)
    return found[1] if found else REGION
