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
from typing import Final

from rich.console import Console

from lambda_emulator.compare.arguments import add_target, is_chosen, target, write
from lambda_emulator.compare.cases import CASES, Case, Result
from lambda_emulator.compare.client import Target
from lambda_emulator.compare.redact import redacted
from lambda_emulator.compare.report import compared, document, show
from lambda_emulator.credentials import Credentials

__all__ = ["PROBE", "main", "parser"]

PROBE: Final = Path(__file__).with_name("probe")
_TIMEOUT: Final = 10
"""Of the probe's template in examples/probe, too."""


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="lambda-emulator compare",
        description="Send the same requests to a deployed probe and to the emulator; print the differences.",
    )
    add_target(result, "of the deployed probe")
    add = result.add_argument
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
        case
        for case in CASES
        if is_chosen(case.name, given.case, slow=case.slow, quick=given.quick)
    )
    there = target(parser(), given)
    console = Console(file=sys.stderr if given.json == "-" else sys.stdout)
    return asyncio.run(_compare(there, cases, console, given.json))


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
        await asyncio.to_thread(write, document(cases, there, here, differences), path)
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
