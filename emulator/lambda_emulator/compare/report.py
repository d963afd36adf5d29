"""What differs between two runs of the cases, as a table and as JSON.

Pure, but for the console that is handed in.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from lambda_emulator.compare.cases import Case, Result

__all__ = ["Comparison", "compared", "document", "show"]

Comparison = dict[str, dict[str, tuple[Any, Any]]]
"""By case, then by fact: (there, in the emulator), where these are not the same."""


def compared(there: Mapping[str, Result], here: Mapping[str, Result]) -> Comparison:
    """Return what differs between two runs. Nested facts have dotted names.

    Args:
        there: The results of the cases on AWS, by name.
        here: The results in the emulator.
    """
    found: Comparison = {}
    for name, result in there.items():
        flat = _flat(result.facts)
        other = _flat(here[name].facts)
        differing = {}
        for fact in flat | other:
            values = (flat.get(fact), other.get(fact))
            if values[0] != values[1]:
                differing[fact] = values
        if differing:
            found[name] = differing
    return found


def _flat(facts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            result |= _flat(value, f"{prefix}{name}.")
        else:
            result[f"{prefix}{name}"] = value
    return result


def document(
    cases: tuple[Case, ...],
    there: Mapping[str, Result],
    here: Mapping[str, Result],
    differences: Comparison,
) -> dict[str, Any]:
    """Return all results as JSON for a file.

    Args:
        cases: The cases that ran.
        there: Their results on AWS, by name.
        here: Their results in the emulator.
        differences: What `compared` returned.
    """
    by_name = {}
    for case in cases:
        differs = {}
        for fact, (value, ours) in differences.get(case.name, {}).items():
            differs[fact] = {"there": value, "emulator": ours}
        by_name[case.name] = {
            "question": case.question,
            "there": _document(there[case.name]),
            "emulator": _document(here[case.name]),
            "differs": differs,
        }
    return {"cases": by_name, "differing": sorted(differences)}


def _document(result: Result) -> dict[str, Any]:
    return {"facts": dict(result.facts), "figures": dict(result.figures)}


def show(
    console: Console,
    cases: tuple[Case, ...],
    there: Mapping[str, Result],
    differences: Comparison,
) -> None:
    """Print the facts that differ, then the figures from AWS.

    Args:
        console: Where to print.
        cases: The cases that ran.
        there: Their results on AWS, by name.
        differences: What `compared` returned.
    """
    if differences:
        table = Table("case", "fact", "there", "emulator", title="What differs from the emulator")
        for name, facts in differences.items():
            for fact, (value, ours) in facts.items():
                table.add_row(name, fact, _text(value), _text(ours))
        console.print(table)
    else:
        console.print("Nothing differs from the emulator.")
    figures = Table("case", "figure", "there", title="Measured there")
    for case in cases:
        for name, value in there[case.name].figures.items():
            figures.add_row(case.name, name, _text(value))
    console.print(figures)
    console.print(f"{len(cases)} cases, {len(differences)} differ.")


def _text(value: Any) -> str:
    return "-" if value is None else str(value)
