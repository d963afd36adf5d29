"""Lint every template, and the production template in each combination of its switches.

    python -m tools.check_templates

cfn-lint reads the templates as they are, and `sam validate --lint` the production template.
Of that one, cfn-lint and checkov also read what would be deployed: the transformed template for
combinations in which every two values of two switches meet. checkov is not among the project's
dependencies (it pins many of its own): it is installed once, in `.cache/checkov`.
"""

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.examples import sam
from tests.examples.test_production_template import TEMPLATE, few

TOP = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
CHECKOV = TOP / ".cache" / "checkov"
CHECKOV_VERSION = "3.3.30"

ALWAYS = {
    "CKV_AWS_116": (
        "a dead-letter queue is for asynchronous invocations; both doors invoke synchronously"
    ),
    "CKV_AWS_120": "API Gateway does not cache streamed responses",
}
UNLESS = {
    "ReservedConcurrency": {
        "CKV_AWS_115": "reserved concurrency takes from the account's pool: a decision of its owner"
    },
    "SubnetIds": {
        "CKV_AWS_117": "Function URLs do not support response streaming within a VPC environment"
    },
    "KmsKeyArn": {
        "CKV_AWS_158": "logs are encrypted with AWS's key unless one is given",
        "CKV_AWS_173": "variables are encrypted with AWS's key unless one is given",
    },
    "DomainName": {"CKV_AWS_174": "the minimum of cloudfront.net's own certificate cannot be set"},
    "WebAclArn": {
        "CKV_AWS_68": (
            "a web ACL costs money and does not inspect streamed bodies: a decision of its owner"
        )
    },
    "LogBucket": {"CKV_AWS_86": "access logs need a bucket that exists"},
}
"""checkov's complaints that are justified unless the parameter is given."""


def main() -> int:
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    templates = [TOP / "template.yaml", *sorted(TOP.glob("examples/*/template.yaml"))]
    failed = run("cfn-lint", *map(str, templates))
    failed += run("sam", "validate", "--lint", "--region", "us-east-1", "-t", str(TEMPLATE))
    with tempfile.TemporaryDirectory() as folder:
        combinations = dict(enumerate(few()))
        for number, combination in combinations.items():
            (Path(folder) / f"{number}.json").write_text(
                json.dumps(sam.deployed(TEMPLATE, **combination))
            )
        print(f"The production template in {len(combinations)} combinations of its switches:")
        failed += run("cfn-lint", *map(str, sorted(Path(folder).iterdir())))
        found = checkov(Path(folder))
        for number, combination in combinations.items():
            allowed = set(ALWAYS).union(
                *(checks for name, checks in UNLESS.items() if name not in combination)
            )
            for check, resource in sorted(found.get(number, set())):
                if check not in allowed:
                    failed += 1
                    print(f"{check} {resource}: with {combination}")
    print(
        "failed"
        if failed
        else f"cfn-lint and checkov are clean, but for {len(ALWAYS)} exceptions and 7 by switch"
    )
    return int(failed > 0)


def run(tool: str, *arguments: str) -> int:
    return int(subprocess.run([str(BIN / tool), *arguments], check=False).returncode != 0)


def checkov(folder: Path) -> dict[int, set[tuple[str, str]]]:
    """Failed checks and their resources, by the number of the combination."""
    python = CHECKOV / "bin" / "python"
    if not (CHECKOV / ".ready").exists():
        uv("venv", "-q", "--clear", "--python", sys.executable, str(CHECKOV))
        uv("pip", "install", "-q", "--python", str(python), f"checkov=={CHECKOV_VERSION}")
        (CHECKOV / ".ready").touch()
    command = [
        "-d",
        str(folder),
        "--framework",
        "cloudformation",
        "--compact",
        "--quiet",
        "-o",
        "json",
    ]
    done = subprocess.run(
        [str(python), str(CHECKOV / "bin" / "checkov"), *command],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    found: dict[int, set[tuple[str, str]]] = {}
    for failure in report["results"]["failed_checks"]:
        number = int(Path(failure["file_path"]).stem)
        found.setdefault(number, set()).add((failure["check_id"], failure["resource"]))
    return found


def uv(*arguments: str) -> None:
    local: Sequence[Path] = [path for path in (BIN / "uv",) if path.exists()]
    subprocess.run([str(local[0]) if local else "uv", *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main())
