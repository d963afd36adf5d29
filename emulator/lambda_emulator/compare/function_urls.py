"""`compare` for Function URLs: sends each recorded request to a probe and to the emulator."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from lambda_emulator.compare.client import Observed, Target
from lambda_emulator.compare.recorded import (
    CASES,
    NOT_ASKED,
    URLS,
    Case,
    differences,
    octets,
    recording,
)
from lambda_emulator.compare.redact import redacted
from lambda_emulator.compare.running import LOCAL, running_emulator

__all__ = ["compare", "find_urls"]

_TEMPLATE: Final = Path(__file__).with_name("replay") / "template.yaml"
_PATIENCE: Final = 60.0
_HANG_SECONDS: Final = 5.0
"""So long a response that hung when it was recorded is waited for."""

Targets = Mapping[str, Target]


async def find_urls(index: Target) -> Mapping[str, str] | None:
    """Ask the probe's function Index for all URLs. Return None if there is no probe."""
    observed = await index.ask("GET", "/", signed=False)
    try:
        urls = json.loads(observed.body)["function-urls"]
    except (ValueError, KeyError, TypeError):
        return None
    return {str(name): str(url) for name, url in urls.items()}


async def compare(
    targets: Targets, console: Console, *, names: Sequence[str], record: Path | None
) -> int:
    """Run the recorded cases at both places, and show what differs.

    Args:
        targets: The probe's functions, by name.
        console: Where the results are printed.
        names: The cases to run. Empty means all.
        record: The file of a new recording, if any.

    Returns:
        The exit status: 1 if something differs.
    """
    asked = [case for case in CASES if _is_asked(case, targets, names)]
    there = await _run(targets, asked, console, "there")
    async with running_emulator(_TEMPLATE, fronts=len(URLS) + 1) as urls:
        local = {name: Target(url, credentials=LOCAL) for name, url in urls.items()}
        here = await _run(local, asked, console, "emulator")
    found = _table(asked, there, here, console)
    console.print(f"{len(asked)} cases, {found} differ.")
    if not names:
        left_out = [case["name"] for case in CASES if case not in asked]
        reason = "Not run, because they need other policies or another caller"
        console.print(f"{reason}: {', '.join(left_out)}.")
    if record is not None:
        cases = [there.get(case["name"], case) for case in CASES]
        text = json.dumps(cases, indent=1, ensure_ascii=False)
        await asyncio.to_thread(record.write_text, text + "\n", "utf-8")
        console.print(f"The new recording is in {record}.")
    return int(bool(found))


def _is_asked(case: Case, targets: Targets, names: Sequence[str]) -> bool:
    name = case["name"]
    if name in NOT_ASKED:
        return False
    if names and name not in names:
        return False
    return targets["IAM"].is_signed or not _is_signed(case)


def _is_signed(case: Case) -> bool:
    return any(name == "Authorization" for name, _ in case["request"]["headers"])


async def _run(
    targets: Targets, cases: Sequence[Case], console: Console, where: str
) -> dict[str, Case]:
    """Run the cases at one place. Return the recordings, by the case's name."""
    found = {}
    for case in cases:
        name = case["name"]
        console.print(f"{where}: {name}", style="dim")
        target = targets[case["url"]]
        observed = await _ask(target, case)
        found[name] = _redacted(recording(case, observed))
    return found


def _redacted(case: Case) -> Case:
    """Redact what was observed. The request and the runtime's part come from the recording."""
    result = dict(case)
    for key in ("response", "event"):
        if key in case:
            result[key] = redacted(case[key], keep=_KEPT)
    return result


_KEPT: Final = frozenset(
    {
        "urlidurlidurlidurlidurlidurlid00.lambda-url.us-east-1.on.aws",
        "123456789012",
        "192.0.2.1",
    }
)
"""Placeholders in recordings for personal data."""


async def _ask(target: Target, case: Case) -> Observed:
    """Send the recorded request, with the case's name for the probe."""
    request = case["request"]
    headers = [
        (name, value)
        for name, value in request["headers"]
        if name.lower() not in ("host", "x-amz-date", "authorization")
    ]
    end = case["response"].get("end")
    return await target.ask(
        request["method"],
        request["target"],
        [*headers, ("x-probe-case", case["name"])],
        body=octets(request.get("body", {"text": ""})),
        signed=_is_signed(case),
        patience=_HANG_SECONDS if end == "hangs" else _PATIENCE,
        leave_after=1 if end == "client left" else None,
    )


def _table(
    cases: Sequence[Case],
    there: Mapping[str, Case],
    here: Mapping[str, Case],
    console: Console,
) -> int:
    """Print what differs. Return the number of cases in which something does."""
    table = Table("case", "what", "recorded", "there", "emulator", title="What differs")
    names = set()
    for case in cases:
        name = case["name"]
        rows = differences(case, there[name])
        own_rows = differences(case, here[name])
        between = differences(there[name], here[name])
        for what, (recorded, observed) in rows.items():
            _, own = own_rows.get(what, (recorded, recorded))
            table.add_row(name, what, _text(recorded), _text(observed), _text(own))
            names.add(name)
        for what, (observed, own) in between.items():
            if what not in rows:
                table.add_row(name, what, _text(observed), _text(observed), _text(own))
                names.add(name)
    if names:
        console.print(table)
    else:
        console.print("Nothing differs from the recordings, and nothing from the emulator.")
    return len(names)


def _text(value: Any) -> str:
    return "-" if value is None else str(value)
