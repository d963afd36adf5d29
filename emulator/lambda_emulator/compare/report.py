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
    """Facts inside of facts have dotted names."""
    found: Comparison = {}
    for name, result in there.items():
        flat, other = _flat(result.facts), _flat(here[name].facts)
        differing = {
            fact: (flat.get(fact), other.get(fact))
            for fact in [*flat, *(fact for fact in other if fact not in flat)]
            if flat.get(fact) != other.get(fact)
        }
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
    """All that was found, for a file."""
    return {
        "cases": {
            case.name: {
                "question": case.question,
                "there": {
                    "facts": dict(there[case.name].facts),
                    "figures": dict(there[case.name].figures),
                },
                "emulator": {
                    "facts": dict(here[case.name].facts),
                    "figures": dict(here[case.name].figures),
                },
                "differs": {
                    fact: {"there": values[0], "emulator": values[1]}
                    for fact, values in differences.get(case.name, {}).items()
                },
            }
            for case in cases
        },
        "differing": sorted(differences),
    }


def show(
    console: Console,
    cases: tuple[Case, ...],
    there: Mapping[str, Result],
    differences: Comparison,
) -> None:
    """The facts that differ, then the figures from there."""
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
