"""Layers, zips, inline code, assets of CDK and images without Docker: read, and run."""

import json
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest

from lambda_emulator.template.code import overlay
from lambda_emulator.template.dockerfile import Copy, Skipped, read_dockerfile
from lambda_emulator.template.reader import load
from tests.lambda_emulator.support import RunningEmulator, curled

PROJECT = Path(__file__).parents[2]
SITE_PACKAGES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


def write(path: Path, text: str, *, executable: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if executable:
        path.chmod(0o755)
    return path


def write_json(folder: Path, resources: dict[str, Any]) -> Path:
    return write(folder / "template.json", json.dumps({"Resources": resources}))


def function(**properties: Any) -> dict[str, Any]:
    given = {"Runtime": RUNTIME, "Handler": "index.handler", **properties}
    return {"Type": "AWS::Serverless::Function", "Properties": given}


def invoked(template: Path, name: str = "F") -> Any:
    """What the function returns to boto3."""
    options = ("--template", str(template), "--lambda-port", "0")
    with RunningEmulator(*options, command=()) as emulator:
        client = boto3.client(
            "lambda",
            endpoint_url=emulator.url,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )
        response = client.invoke(FunctionName=name, Payload=b"{}")
        value = json.loads(response["Payload"].read())
    assert "FunctionError" not in response, value
    return value


READS_LAYERS = """\
import os, subprocess
import first, second, shared

def handler(event, context):
    tool = subprocess.run(["layer-tool"], capture_output=True, text=True).stdout.strip()
    return [first.NAME, second.NAME, shared.NAME, tool]
"""


def test_layers_lie_over_each_other(tmp_path: Path) -> None:
    """A later layer wins; packages come from both folders that AWS looks in; bin is on the PATH."""
    write(tmp_path / "code" / "index.py", READS_LAYERS)
    one = tmp_path / "one"
    write(one / "python" / "first.py", "NAME = 'first'")
    write(one / "python" / "shared" / "__init__.py", "from shared.part import NAME")
    write(one / "python" / "shared" / "part.py", "NAME = 'one'")
    write(one / "bin" / "layer-tool", "#!/bin/sh\necho tool of one\n", executable=True)
    write(tmp_path / "two" / "python" / "shared" / "part.py", "NAME = 'two'")
    write(tmp_path / "two" / "python" / SITE_PACKAGES / "second.py", "NAME = 'second'")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for path in (tmp_path / "two").rglob("*.py"):
            archive.write(path, path.relative_to(tmp_path / "two"))
    template = write_json(
        tmp_path,
        {
            "One": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "one"}},
            "Two": {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": "two.zip"}},
            "F": function(CodeUri="code", Layers=[{"Ref": "One"}, {"Ref": "Two"}]),
        },
    )
    assert invoked(template) == ["first", "second", "two", "tool of one"]
    assert (one / "python" / "shared" / "part.py").read_text() == "NAME = 'one'"


def test_a_layer_that_sam_builds_is_laid_out_as_built(tmp_path: Path) -> None:
    write(tmp_path / "layer" / "helper.py", "NAME = 'helper'")
    write(tmp_path / "layer" / "requirements.txt", "requests\n")
    layer = {
        "Type": "AWS::Serverless::LayerVersion",
        "Properties": {"ContentUri": "layer"},
        "Metadata": {"BuildMethod": RUNTIME},
    }
    inline = "import helper\ndef handler(event, context): return helper.NAME"
    template = write_json(
        tmp_path,
        {
            "Layer": layer,
            "F": function(InlineCode=inline, Layers=[{"Ref": "Layer"}]),
        },
    )
    assert invoked(template) == "helper"
    (caution,) = [c for c in load(template).cautions if c.message.startswith("Layer:")]
    assert "requirements.txt must be installed" in caution.message


def test_zips_and_inline_code(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("index.py", "def handler(event, context): return 'zip'")
    zipped = write_json(tmp_path, {"F": function(CodeUri="code.zip")})
    assert invoked(zipped) == "zip"
    code = {"ZipFile": "def handler(event, context): return 'inline'"}
    plain = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Runtime": RUNTIME, "Handler": "index.handler", "Code": code},
    }
    assert invoked(write_json(tmp_path, {"F": plain})) == "inline"


def test_assets_of_cdk(tmp_path: Path) -> None:
    """As `cdk synth` writes cdk.out: code and layers in a bucket, with the path as metadata."""
    out = tmp_path / "cdk.out"
    write(out / "asset.f" / "index.py", "import dep\ndef handler(event, context): return dep.NAME")
    write(out / "asset.l" / "python" / "dep.py", "NAME = 'from the asset'")

    def asset(kind: str, name: str, **properties: Any) -> dict[str, Any]:
        key = "Content" if "Layer" in kind else "Code"
        bucket = {"S3Bucket": {"Fn::Sub": "cdk-assets-${AWS::AccountId}"}, "S3Key": f"{name}.zip"}
        return {
            "Type": kind,
            "Properties": {key: bucket, **properties},
            "Metadata": {"aws:asset:path": f"asset.{name}", "aws:asset:property": key},
        }

    template = write_json(
        out,
        {
            "Layer1": asset("AWS::Lambda::LayerVersion", "l"),
            "F2": asset(
                "AWS::Lambda::Function",
                "f",
                Handler="index.handler",
                Runtime=RUNTIME,
                Layers=[{"Ref": "Layer1"}],
            ),
        },
    )
    assert invoked(template, "F2") == "from the asset"


# ---- images


NUMBERS = [b"data: 1", b"data: 2", b"data: 3"]


def test_the_images_of_the_examples_run_without_docker(tmp_path: Path) -> None:
    """One on AWS's base image, with its runtime; one on a plain Python image, with its own loop."""
    example = tmp_path / "images"
    shutil.copytree(PROJECT / "examples" / "images", example)
    options = ("--template", str(example / "template.yaml"))
    with RunningEmulator(*options, command=(), fronts=2) as emulator:
        answers = [curled(f"http://127.0.0.1:{port}/numbers", "--raw") for port in emulator.ports]
        emulator.stop()
        warnings = [event for event in emulator.drain() if event["event"] == "warning"]
    assert [answer.status for answer in answers] == [200, 200]
    for answer in answers:
        assert re.findall(rb"[0-9a-f]+\r\n(data: \d)\n\n\r\n", answer.body) == NUMBERS
    skipped = [
        event["message"] for event in warnings if "no container is started" in event["message"]
    ]
    assert len(skipped) == 2
    assert "RUN pip install --no-cache-dir -r requirements.txt" in skipped[0]


DOCKERFILE = """\
# syntax=docker/dockerfile:1
ARG VERSION=3.12
FROM node:22 AS assets
COPY web/ /web/
RUN npm run build

FROM public.ecr.aws/lambda/python:${VERSION} AS base
ENV NAME=value OTHER="two words"
COPY requirements.txt ${LAMBDA_TASK_ROOT}
RUN pip install \\
    # a comment between
    -r requirements.txt

FROM base
COPY --from=assets /web/dist ${LAMBDA_TASK_ROOT}/static
COPY app/ lib ${LAMBDA_TASK_ROOT}/
ADD https://example.com/tool /opt/tool
COPY --chmod=755 tools/run.sh /opt/extensions/
WORKDIR sub
ENV OLD form of it
EXPOSE 8080
CMD [ "main.handler" ]
"""


def test_a_dockerfile() -> None:
    image = read_dockerfile(DOCKERFILE, {"VERSION": "3.13"})
    assert image.base == "public.ecr.aws/lambda/python:3.13"
    assert image.folder == "/var/task/sub"
    assert image.copies == (
        Copy("requirements.txt", "/var/task"),
        Copy("app/", "/var/task/"),
        Copy("lib", "/var/task/"),
        Copy("tools/run.sh", "/opt/extensions/"),
    )
    assert image.variables == {
        "LAMBDA_TASK_ROOT": "/var/task",
        "NAME": "value",
        "OTHER": "two words",
        "OLD": "form of it",
    }
    assert (image.entry_point, image.command) == (None, ("main.handler",))
    assert image.skipped == (
        Skipped(10, "RUN pip install -r requirements.txt"),
        Skipped(15, "COPY --from=assets /web/dist ${LAMBDA_TASK_ROOT}/static"),
        Skipped(17, "ADD https://example.com/tool /opt/tool"),
    )


def test_a_stage_can_be_chosen() -> None:
    assert read_dockerfile(DOCKERFILE, {}, target="assets").base == "node:22"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no FROM in it"),
        ("RUN x\nFROM y", "line 1: RUN comes before FROM"),
        ("FROM y", "there is no stage 'other' in it"),
    ],
)
def test_a_dockerfile_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_dockerfile(text, {}, target="other" if text == "FROM y" else "")


def image_function(folder: Path, dockerfile: str, **properties: Any) -> Path:
    write(folder / "Dockerfile", dockerfile)
    resource = {
        "Type": "AWS::Serverless::Function",
        "Properties": {"PackageType": "Image", **properties},
        "Metadata": {"DockerContext": ".", "Dockerfile": "Dockerfile"},
    }
    return write_json(folder, {"F": resource})


def test_what_is_not_in_the_context_is_said(tmp_path: Path) -> None:
    base = f"FROM public.ecr.aws/lambda/python:{RUNTIME.removeprefix('python')}\n"
    template = image_function(tmp_path, f"{base}COPY gone.py .\nCMD gone.handler\n")
    (caution,) = load(template).cautions
    assert "there is no gone.py in" in caution.message


def test_what_an_image_says_of_its_function(tmp_path: Path) -> None:
    returned = "[os.environ['A'], os.environ['B'], os.getcwd()]"
    code = f"import os\ndef handler(event, context): return {returned}"
    write(tmp_path / "src" / "main.py", code)
    write(tmp_path / "tool", "tool")
    dockerfile = (
        f"FROM public.ecr.aws/lambda/python:{RUNTIME.removeprefix('python')}\n"
        "COPY src/*.py ./\nCOPY tool /opt/bin/\nENV A=image B=/opt/bin/tool\nCMD main.wrong\n"
    )
    template = image_function(
        tmp_path,
        dockerfile,
        ImageConfig={"Command": ["main.handler"]},
        Environment={"Variables": {"A": "template"}},
    )
    config = load(template).functions["F"]
    assert (config.runtime, config.handler) == (RUNTIME, "main.handler")
    first, second, folder = invoked(template)
    assert first == "template"
    assert Path(second).name == "tool"
    assert Path(folder).name == "task"


@pytest.mark.parametrize(
    ("dockerfile", "problem"),
    [
        ("FROM scratch\nCOPY x /x\n", "has no ENTRYPOINT that Lambda could start"),
        ("COPY x /x\n", "its image cannot be read"),
    ],
)
def test_an_image_that_cannot_run_here(tmp_path: Path, dockerfile: str, problem: str) -> None:
    template = image_function(tmp_path, dockerfile)
    assert problem in load(template).functions["F"].problem


def test_a_copy_into_a_copied_folder_leaves_the_context_alone(tmp_path: Path) -> None:
    write(tmp_path / "app" / "sub" / "index.py", "def handler(event, context): return 'app'")
    write(tmp_path / "other.py", "def handler(event, context): return 'other'")
    base = f"FROM public.ecr.aws/lambda/python:{RUNTIME.removeprefix('python')}\n"
    dockerfile = f"{base}COPY app app\nCOPY other.py app/sub/index.py\nCMD app.sub.index.handler\n"
    assert invoked(image_function(tmp_path, dockerfile)) == "other"
    assert not (tmp_path / "app" / "sub" / "index.py").is_symlink()
    assert "'app'" in (tmp_path / "app" / "sub" / "index.py").read_text()


def test_nothing_is_put_outside_of_the_image(tmp_path: Path) -> None:
    """Paths with ".." stay below the root, as in a container."""
    outside = write(tmp_path / "outside.txt", "outside")
    write(tmp_path / "in.txt", "in")
    up = "../" * 30
    dockerfile = f"FROM x/lambda/python:3.13\nCOPY in.txt {up}{outside}\nWORKDIR {up}tmp\nCMD a.b\n"
    config = load(image_function(tmp_path, dockerfile)).functions["F"]
    assert outside.read_text() == "outside"
    assert not outside.is_symlink()
    assert config.code != Path("/tmp")


def test_overlay_leaves_its_sources_alone(tmp_path: Path) -> None:
    write(tmp_path / "a" / "x" / "1", "a1")
    write(tmp_path / "a" / "x" / "2", "a2")
    write(tmp_path / "b" / "x" / "2", "b2")
    write(tmp_path / "b" / "y", "b")
    for source in ("a", "b"):
        overlay(tmp_path / source, tmp_path / "target", "deep")
    target = tmp_path / "target" / "deep"
    found = {
        p.relative_to(target).as_posix(): p.read_text() for p in target.rglob("*") if p.is_file()
    }
    assert found == {"x/1": "a1", "x/2": "b2", "y": "b"}
    assert (tmp_path / "a" / "x" / "2").read_text() == "a2"
    assert os.listdir(tmp_path / "a") == ["x"]
