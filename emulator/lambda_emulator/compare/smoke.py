"""The command line of `lambda-emulator smoke`."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lambda_emulator.compare.arguments import add_target, is_chosen, target, write
from lambda_emulator.compare.checks import CHECKS, Check, Outcome
from lambda_emulator.compare.client import Target

__all__ = ["main", "parser"]


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="lambda-emulator smoke",
        description="Check that a deployed function (examples/smoke) streams correctly.",
    )
    names = [check.name for check in CHECKS]
    add_target(result, "of the probe: a Function URL, a REST API with its stage, a Web Function")
    add = result.add_argument
    add("--quick", action="store_true", help="skip the check very-large, which downloads 150 MiB")
    add("--check", action="append", metavar="NAME", choices=names, help="only this one; may repeat")
    add("--json", metavar="FILE", help="write the results to FILE as JSON; - is standard output")
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command. Return 0 if all checks passed, 1 if some failed, 2 if there was no response.

    With 2, no results are written.
    """
    given = parser().parse_args(arguments)
    checks = [
        check
        for check in CHECKS
        if is_chosen(check.name, given.check, slow=check.slow, quick=given.quick)
    ]
    probe = target(parser(), given)
    console = Console(file=sys.stderr if given.json == "-" else sys.stdout)
    outcomes = asyncio.run(run(probe, checks, console))
    if outcomes is None:
        return 2
    show(console, checks, outcomes)
    if given.json is not None:
        write(document(checks, outcomes), given.json)
    return int(any(outcome.problem for outcome in outcomes.values()))


async def run(
    target: Target, checks: Sequence[Check], console: Console
) -> Mapping[str, Outcome] | None:
    """Run the checks.

    Args:
        target: The deployed function.
        checks: The checks to run.
        console: Where progress is printed.

    Returns:
        The outcome of each check by its name, or None if no server responds.
        This is only tested if every check failed.
    """
    outcomes = {}
    for check in checks:
        console.print(f"{check.name}: {check.question}", style="dim")
        outcomes[check.name] = await check.run(target)
    if all(outcome.problem for outcome in outcomes.values()):
        hello = await target.ask("GET", "/scope")
        if hello.status == 0:
            print(f"lambda-emulator: no response from the URL: {hello.failure}", file=sys.stderr)
            return None
        print(f"lambda-emulator: {_hint(hello.status)}", file=sys.stderr)
    return outcomes


def _hint(status: int) -> str:
    """Return what to do if every check failed."""
    if status in (401, 403):
        return (
            f"every check failed, and the status is {status}: if the URL has AuthType AWS_IAM, "
            "use --sigv4 with keys that may invoke it"
        )
    return "every check failed: is the URL that of examples/smoke? Other apps have no checks"


def show(console: Console, checks: Sequence[Check], outcomes: Mapping[str, Outcome]) -> None:
    """Print a line for each check."""
    table = Table("check", "", "figures")
    for check in checks:
        outcome = outcomes[check.name]
        figures = ", ".join(f"{name} {value}" for name, value in outcome.figures.items())
        verdict = "[green]passed[/]"
        if outcome.problem:
            verdict = f"[red]failed[/]: {escape(outcome.problem)}"
        table.add_row(check.name, verdict, figures)
    console.print(table)


def document(checks: Sequence[Check], outcomes: Mapping[str, Outcome]) -> dict[str, object]:
    """Return the results as JSON for a file."""
    by_name = {}
    for check in checks:
        outcome = outcomes[check.name]
        by_name[check.name] = {
            "question": check.question,
            "passed": not outcome.problem,
            "problem": outcome.problem,
            "figures": dict(outcome.figures),
        }
    passed = all(not outcome.problem for outcome in outcomes.values())
    return {"passed": passed, "checks": by_name}
