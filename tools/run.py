"""`make run`: serves template.yaml through the emulator, with every FILE_ variable that is set.

    FILE_TOKEN=secret python -m tools.run --port 3000

KIND=WebFunction serves the Web Function.
Each setting of the service is a parameter of the template: FILE_TOKEN is FileToken.
One that the template does not have would be ignored, and a setting that protects files must not be:
so the start is refused.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

TEMPLATE = Path(__file__).parent.parent / "template.yaml"


class UnknownSetting(Exception):
    """The message names the variable."""


def parameter_overrides(environment: Mapping[str, str], template: str) -> list[str]:
    """`Name=value` for each FILE_ variable that is set and not empty. Raises `UnknownSetting`."""
    known = set(re.findall(r"^  (File\w+):$", template.partition("\nResources:")[0], re.MULTILINE))
    overrides = ["AuthType=NONE", f"Kind={environment.get('KIND') or 'EventFunction'}"]
    for variable, value in sorted(environment.items()):
        if not variable.startswith("FILE_") or not value:
            continue
        parameter = "".join(map(str.capitalize, variable.split("_")))
        if parameter not in known:
            raise UnknownSetting(
                f"{variable}: template.yaml has no parameter {parameter}, so this would be ignored"
            )
        if variable == "FILE_SOURCE" and "://" not in value:
            value = os.path.abspath(value)  # the function runs in a folder of its own
        overrides.append(f"{parameter}={value}")
    return overrides


def main(arguments: list[str]) -> NoReturn:
    try:
        overrides = parameter_overrides(os.environ, TEMPLATE.read_text())
    except UnknownSetting as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    emulator = str(Path(sys.executable).parent / "lambda-emulator")
    os.execv(emulator, [emulator, *arguments, "--parameter-overrides", *overrides])


if __name__ == "__main__":
    main(sys.argv[1:])
