"""The snippets of docs/your-own-app.md, "With other tools".

Those run that need neither an account nor Docker. The tools are installed from PyPI and npm, which
takes minutes, so this needs `-m other_tools`. No package registry has Terraform itself, so
python-hcl2 reads its snippet. test_images.py builds the image.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.build.conftest import TOP, UV

pytestmark = [pytest.mark.other_tools, pytest.mark.timeout(900)]

PAGE = (TOP / "docs" / "your-own-app.md").read_text()
MODES = (TOP / "docs" / "modes.md").read_text()

# In the page's snippet, Docker makes the packages. Here, CDK's local bundling copies what pip has
# installed.
CDK_PROGRAM = """
import shutil
import sys

import aws_cdk as cdk
import aws_cdk.aws_lambda as lambda_
import jsii

snippet, installed, out = sys.argv[1:]


@jsii.implements(cdk.ILocalBundling)
class Installed:
    def try_bundle(self, output_dir, *args, **kwargs):
        shutil.copytree(installed, output_dir, dirs_exist_ok=True)
        return True


class Site(cdk.Stack):
    def __init__(self, *args):
        super().__init__(*args)
        names = {"self": self, "cdk": cdk, "lambda_": lambda_, "Installed": Installed}
        exec(snippet.replace("image=", "local=Installed(), image=", 1), names)


app = cdk.App(outdir=out)
Site(app, "Site")
app.synth()
"""

# What `cdk deploy` zips an asset with.
ZIP_PROGRAM = """
const { zipDirectory } = require("cdk-assets/lib/private/archive");
zipDirectory(process.argv[1], process.argv[2], () => {});
"""


def snippet(title: str) -> str:
    found = re.search(rf"^### {title}\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def run(command: list[str], folder: Path, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def _asked_for(request: pytest.FixtureRequest) -> None:
    if "other_tools" not in request.config.getoption("-m"):
        pytest.skip("installs tools, which takes minutes: ask for it with -m other_tools")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that has CDK and python-hcl2."""
    folder = tmp_path_factory.mktemp("tools")
    run([UV, "venv", "-q", "--python", sys.executable, "venv"], folder)
    interpreter = str(folder / "venv" / "bin" / "python")
    packages = ["aws-cdk-lib>=2.200", "python-hcl2"]
    run([UV, "pip", "install", "-q", "--python", interpreter, *packages], folder)
    return interpreter


def npm(folder: Path, package: str) -> Path:
    """A folder with a package of npm."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm")
    run(["npm", "install", "--no-audit", "--no-fund", "--silent", package], folder)
    return folder


def test_cdk(python: str, wheels: Path, tmp_path: Path) -> None:
    """The stack that the snippet makes, and the execute bit in the zip that would be deployed."""
    app, installed, out = tmp_path / "app", tmp_path / "installed", tmp_path / "out"
    app.mkdir()
    (app / "main.py").write_text("")
    offline = ["--no-deps", "--find-links", str(wheels)]
    run(
        [
            UV,
            "pip",
            "install",
            "-q",
            "--python",
            python,
            *offline,
            "--target",
            str(installed),
            "lambda-asgi",
        ],
        tmp_path,
    )
    run([python, "-c", CDK_PROGRAM, snippet("CDK"), str(installed), str(out)], tmp_path)
    template = json.loads((out / "Site.template.json").read_text())
    of_type = {
        resource["Type"]: resource["Properties"] for resource in template["Resources"].values()
    }
    function, url = of_type["AWS::Lambda::Function"], of_type["AWS::Lambda::Url"]
    assert (function["Handler"], function["Runtime"]) == ("main.handler", "python3.13")
    assert (url["AuthType"], url["InvokeMode"]) == ("NONE", "RESPONSE_STREAM")
    (asset,) = out.glob("asset.*")
    node = npm(tmp_path, "cdk-assets@3")
    run(["node", "-e", ZIP_PROGRAM, str(asset), str(tmp_path / "asset.zip")], node)
    with zipfile.ZipFile(tmp_path / "asset.zip") as archive:
        mode = archive.getinfo("lambda_asgi/bootstrap").external_attr >> 16
    keeps = "yes" if mode & 0o111 else "no"
    assert f"| CDK (`Code.from_asset`) | {keeps} |" in MODES


def test_terraform(python: str, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(snippet("Terraform"))
    program = "import hcl2, json; print(json.dumps(hcl2.load(open('main.tf'))))"
    document = json.loads(run([python, "-c", program], tmp_path).replace('\\"', ""))
    resources: dict[str, Any] = {}
    for resource in document["resource"]:
        ((kind, named),) = resource.items()
        ((_, properties),) = named.items()
        resources[kind.strip('"')] = properties
    assert resources["aws_lambda_function"]["handler"] == "main.handler"
    url = resources["aws_lambda_function_url"]
    assert (url["authorization_type"], url["invoke_mode"]) == ("NONE", "RESPONSE_STREAM")


def test_serverless_framework(tmp_path: Path) -> None:
    """The last version that needs no account."""
    head = "service: app\nframeworkVersion: '3'\nprovider:\n  name: aws\n"
    (tmp_path / "serverless.yml").write_text(head + snippet("Serverless Framework"))
    program = str(
        npm(tmp_path, "serverless@3") / "node_modules" / "serverless" / "bin" / "serverless.js"
    )
    said = run(["node", program, "print"], tmp_path, SLS_TELEMETRY_DISABLED="1")
    function = yaml.safe_load(said[said.index("service:") :])["functions"]["app"]
    assert (function["handler"], function["runtime"]) == ("main.handler", "python3.13")
    assert function["url"] == {"authorizer": "none", "invoke": "response_stream"}
