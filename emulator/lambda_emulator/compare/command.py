"""The command line of `lambda-emulator compare`.

A probe is a function whose responses show how the platform treats it (examples/probe). `compare`
sends the same requests to a deployed probe and to one in the emulator, and prints the differences.
"""

import argparse
import asyncio
import contextlib
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from lambda_emulator.compare import function_urls
from lambda_emulator.compare.arguments import add_target, is_chosen, target, write
from lambda_emulator.compare.cases import CASES, Case, Result
from lambda_emulator.compare.client import Target
from lambda_emulator.compare.recorded import CASES as RECORDED
from lambda_emulator.compare.recorded import URLS
from lambda_emulator.compare.redact import redacted
from lambda_emulator.compare.report import compared, document, show
from lambda_emulator.compare.running import LOCAL, running_emulator

__all__ = ["PROBE", "main", "parser"]

PROBE: Final = Path(__file__).with_name("probe")
_TIMEOUT: Final = 10
"""The probe's timeout in seconds. It is the same in the template of examples/probe."""
_EXAMPLES: Final = """\
examples:
  lambda-emulator compare --url https://ID.lambda-web.REGION.on.aws --sigv4
                                    the Web Function of examples/probe
  lambda-emulator compare --url https://ID.lambda-url.REGION.on.aws --sigv4 --record cases.json
                                    the Function URLs of compare/replay/template.yaml
exit status: 0 nothing differs; 1 something does; 2 no probe there, or wrong usage
"""


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="lambda-emulator compare",
        description="Send the same requests to a probe and to the emulator; print the differences.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_target(
        result,
        "of the deployed probe: a Web Function, or the Index of the Function URLs; or NAME=URL of "
        "each of these",
    )
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
        choices=[*(case.name for case in CASES), *(case["name"] for case in RECORDED)],
        help="only this one; may repeat",
    )
    add(
        "--record",
        type=Path,
        metavar="FILE",
        help="Function URLs: write a new recording there, without personal data",
    )
    add(
        "--json",
        metavar="FILE",
        help="Web Functions: write all that was found there; - is standard output",
    )
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command, and return its exit status.

    Returns:
        0: Nothing differs.
        1: Something differs.
        2: There is nothing to compare with.
    """
    given = parser().parse_args(arguments)
    return asyncio.run(_compare(given))


async def _compare(given: argparse.Namespace) -> int:
    """Compare Function URLs if `--url` names them, otherwise what is at the single URL.

    That may be a probe's function Index, which lists Function URLs. Otherwise it is taken for a Web
    Function.
    """
    console = Console(file=sys.stderr if given.json == "-" else sys.stdout)
    urls = dict(word.split("=", 1) for word in given.url if re.match(r"\w+=", word))
    if not urls:
        there = target(parser(), given)
        urls = dict(await function_urls.find_urls(there) or {})
    if not urls:
        return await _compare_web_function(there, given, console)
    if missing := set(URLS) - set(urls):
        parser().error(f"--url lacks {', '.join(sorted(missing))}")
    targets = {name: target(parser(), given, url) for name, url in urls.items()}
    return await function_urls.compare(
        targets, console, names=given.case or (), record=given.record
    )


async def _compare_web_function(target: Target, given: argparse.Namespace, console: Console) -> int:
    cases = tuple(
        case
        for case in CASES
        if is_chosen(case.name, given.case, slow=case.slow, quick=given.quick)
    )
    first = await target.ask("GET", "/runtime")
    if first.status != 200 or b'"lifespan"' not in first.body:
        print(
            f"lambda-emulator: no probe at this address: status {first.status} {first.failure}",
            file=sys.stderr,
        )
        return 2
    there = await _run(target, cases, console, "there")
    async with _emulator(signed=target.is_signed) as own:
        here = await _run(own, cases, console, "emulator")
    differences = compared(there, here)
    show(console, cases, there, differences)
    if given.json is not None:
        await asyncio.to_thread(write, document(cases, there, here, differences), given.json)
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
    """Run the emulator with the probe as a Web Function. Yields how to reach it."""
    properties = {
        "Runtime": "python3.13",
        "CodeUri": str(PROBE),
        "Timeout": _TIMEOUT,
        "AuthType": "IamAuth" if signed else "ApplicationManaged",
    }
    resources = {"Probe": {"Type": "AWS::Serverless::WebFunction", "Properties": properties}}
    with tempfile.TemporaryDirectory(prefix="lambda-emulator-") as folder:
        template = Path(folder) / "template.json"
        template.write_text(json.dumps({"Resources": resources}))
        async with running_emulator(template) as urls:
            yield Target(urls[""], credentials=LOCAL if signed else None)
