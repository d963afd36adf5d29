"""Which command starts a function, with which variables, and the message if it cannot start."""

import asyncio
import json
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambda_emulator.arguments import parser
from lambda_emulator.command_line import parameter_overrides
from lambda_emulator.credentials import Credentials, resolve
from lambda_emulator.function.launch import Launch, LaunchError, Surroundings, prepare
from lambda_emulator.template.config import FunctionConfig
from tests.lambda_emulator.support import RUNTIMES, RunningEmulator, write_template

AROUND = Surroundings({"PATH": os.environ["PATH"], "AWS_PROFILE": "mine", "HOME": "/home/me"})


def config(code: Path, **fields: Any) -> FunctionConfig:
    return FunctionConfig(
        "Fn", code, **{"name": "fn", "runtime": "python3.13", "handler": "app.handler", **fields}
    )


def problem(function: FunctionConfig, *command: str, around: Surroundings = AROUND) -> str:
    with pytest.raises(LaunchError) as error:
        prepare(function, command, around)
    return str(error.value)


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


# ---- the handler and the command


def buffered_python(folder: Path, code: Path) -> Path:
    """A template whose function is `app.handler` in `code`, with a buffered Function URL."""
    return write_template(
        folder,
        CodeUri=str(code),
        Handler="app.handler",
        Runtime="python3.13",
        FunctionUrlConfig={"AuthType": "NONE"},
        Timeout=60,
    )


def test_a_command_leaves_the_handler_alone(tmp_path: Path) -> None:
    launch = prepare(config(tmp_path, handler="index.main"), ["./bootstrap"], AROUND)
    assert launch.variables["_HANDLER"] == "index.main"


def test_a_relative_path_in_the_command_is_the_callers(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    executable(tmp_path / "bootstrap")
    executable(tmp_path / "tools" / "run.mjs")
    around = replace(AROUND, caller=tmp_path)
    launch = prepare(
        config(tmp_path / "src"),
        ["./bootstrap", "tools/run.mjs", "app.handler", "--flag=./x"],
        around,
    )
    assert launch.folder == tmp_path / "src"
    assert [Path(word).resolve() for word in launch.command[:2]] == [
        tmp_path / "bootstrap",
        tmp_path / "tools" / "run.mjs",
    ]
    assert launch.command[2:] == ["app.handler", "--flag=./x"]


@pytest.mark.parametrize(
    "fields",
    [
        {
            "handler": "run.sh",
            "environment": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"},
        },  # Lambda Web Adapter
        {"handler": "json.tool"},  # of an installed package
        {"handler": "layered.handler"},
        {"handler": "index.handler", "inline_code": "def handler(event, context): ...\n"},
        {"handler": "package.handler"},
        {"handler": "folder/module.handler"},
    ],
    ids=lambda fields: fields["handler"],
)
def test_handlers_that_aws_runs(tmp_path: Path, fields: dict[str, Any]) -> None:
    code, opt = tmp_path / "code", tmp_path / "opt"
    for name in ("package/__init__.py", "folder/module.py"):
        executable(code / name)
    executable(opt / "bootstrap")
    executable(opt / "python" / "layered.py")
    function = config(code, layers=(opt,), **fields)
    launch = prepare(function, [], replace(AROUND, scratch=tmp_path / "scratch"))
    assert launch.variables["_HANDLER"] == fields["handler"]
    assert sys.executable in launch.command


def test_inline_code_is_written(tmp_path: Path) -> None:
    around = replace(AROUND, scratch=tmp_path)
    launch = prepare(config(tmp_path, handler="index.handler", inline_code="x = 1\n"), [], around)
    assert (launch.folder / "index.py").read_text() == "x = 1\n"


def test_a_native_runtime_needs_no_command(tmp_path: Path) -> None:
    assert "there is none in" in problem(config(tmp_path, runtime="provided.al2023"))
    executable(tmp_path / "bootstrap")
    assert prepare(config(tmp_path, runtime="provided.al2023"), [], AROUND).command == [
        str(tmp_path / "bootstrap")
    ]


def test_node_starts_with_the_projects_client(tmp_path: Path) -> None:
    code = tmp_path / "src"
    code.mkdir()
    node = config(code, runtime="nodejs22.x", handler="index.handler")
    assert "npm install aws-lambda-ric" in problem(node)
    script = executable(tmp_path / "node_modules" / "aws-lambda-ric" / "bin" / "index.mjs")
    assert prepare(node, [], AROUND).command == ["node", str(script), "index.handler"]


def test_java_starts_with_the_projects_client(tmp_path: Path) -> None:
    java = config(tmp_path, runtime="java21", handler="com.example.App")
    assert "aws-lambda-java-runtime-interface-client" in problem(java)
    jar = executable(tmp_path / "lib" / "aws-lambda-java-runtime-interface-client-2.8.4.jar")
    command = prepare(java, [], AROUND).command
    assert command[0] == "java"
    assert str(jar) in command[2]
    assert command[-1] == "com.example.App"


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        ("ruby3.4", "gem install aws_lambda_ric"),
        ("dotnet8", "dotnet run"),
        ("cobol", "not known"),
        ("", "no Runtime"),
    ],
)
def test_other_languages_are_told_what_to_do(
    tmp_path: Path, runtime: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert message in problem(config(tmp_path, runtime=runtime))


def test_a_command_runs_what_has_a_problem(tmp_path: Path) -> None:
    image = config(tmp_path, problem="it is a container image; give its command")
    assert problem(image) == "it is a container image; give its command"
    assert prepare(image, ["true"], AROUND).command == ["true"]


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ("#!/bin/sh\r\necho\r\n", 0o755, "CRLF"),
        ("#!/no/such/shell\necho\n", 0o755, "its interpreter /no/such/shell does not exist"),
        ("#!/bin/sh\n", 0o644, "is not executable; try: chmod +x"),
        ("echo\n", 0o755, "neither a program for this machine nor a script"),
        (None, 0, "no such command"),
    ],
    ids=["CRLF", "shebang", "mode", "text", "absent"],
)
def test_why_a_command_does_not_start(
    tmp_path: Path, text: str | None, mode: int, message: str
) -> None:
    program = tmp_path / "bootstrap"
    if text is not None:
        program.write_bytes(text.encode())
        program.chmod(mode)
    template = write_template(tmp_path, CodeUri=str(tmp_path))
    with RunningEmulator(
        "--template", str(template), "--cold", command=(str(program),)
    ) as emulator:
        assert emulator.get("/").status == 502
        assert message in emulator.wait_for("init_failed")["message"]


# ---- variables


def test_libraries_are_found_where_lambda_looks(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    launch = prepare(config(tmp_path, handler="json.tool", layers=(layer,)), [], AROUND)
    parts = launch.variables["LD_LIBRARY_PATH"].split(":")
    assert parts[:2] == ["/lib64", "/usr/lib64"]
    assert parts[2] == launch.variables["LAMBDA_RUNTIME_DIR"]
    assert parts[4:] == [str(tmp_path), str(tmp_path / "lib"), str(layer / "lib")]
    assert launch.variables["PYTHONPATH"].split(":")[0] == str(layer / "python")


def test_variables_of_the_command_line_win(tmp_path: Path) -> None:
    variables = {"Parameters": {"A": "all", "B": "all"}, "Fn": {"B": "own"}}
    function = config(tmp_path, handler="json.tool", environment={"A": "template", "C": "template"})
    seen = prepare(function, [], replace(AROUND, variables=variables)).variables
    assert (seen["A"], seen["B"], seen["C"]) == ("all", "own", "template")


def test_what_a_function_gets_of_the_shell(tmp_path: Path) -> None:
    """Nothing that leads the SDKs to credentials of somebody else."""
    given = Credentials("AKIAMINE", "secret", "token", "profile 'mine'")
    seen = prepare(
        config(tmp_path, handler="json.tool"), [], replace(AROUND, credentials=given)
    ).variables
    assert (
        seen["AWS_ACCESS_KEY_ID"],
        seen["AWS_SECRET_ACCESS_KEY"],
        seen["AWS_SESSION_TOKEN"],
    ) == (
        "AKIAMINE",
        "secret",
        "token",
    )
    assert "AWS_PROFILE" not in seen
    assert "HOME" not in seen
    assert seen["AWS_SHARED_CREDENTIALS_FILE"] == seen["AWS_CONFIG_FILE"] == "/dev/null"


def test_without_credentials_the_variables_are_there_all_the_same(tmp_path: Path) -> None:
    seen = prepare(config(tmp_path, handler="json.tool"), [], AROUND).variables
    assert seen["AWS_ACCESS_KEY_ID"] == "NOCREDENTIALS"
    assert {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} <= seen.keys()


FILE = "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = d\n" + (
    "[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = m\naws_session_token = t\n"
    "[empty]\n"
)


@pytest.mark.parametrize(
    ("shell", "key"),
    [
        ({}, "AKIADEFAULT"),
        ({"AWS_PROFILE": "mine"}, "AKIAMINE"),
        ({"AWS_DEFAULT_PROFILE": "mine"}, "AKIAMINE"),
        (
            {"AWS_PROFILE": "mine", "AWS_ACCESS_KEY_ID": "AKIASHELL", "AWS_SECRET_ACCESS_KEY": "s"},
            "AKIASHELL",
        ),
    ],
)
def test_whose_credentials(tmp_path: Path, shell: dict[str, str], key: str) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(FILE)
    found, trouble = asyncio.run(resolve({"HOME": str(tmp_path), **shell}))
    assert found is not None
    assert (found.access_key, trouble) == (key, "")
    assert str(found).endswith(f"key ...{key[-4:]}")
    assert key not in str(found)


def test_a_profile_without_credentials_is_no_other_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(FILE)
    for name, value in {
        "HOME": str(tmp_path),
        "AWS_PROFILE": "empty",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    found, trouble = asyncio.run(resolve({"HOME": str(tmp_path), "AWS_PROFILE": "empty"}))
    assert found is None
    assert "'empty'" in trouble


def test_boto3_in_the_function_finds_exactly_these(tmp_path: Path) -> None:
    """Not [default], which may be production."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(FILE)
    code = tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text(
        "import boto3\ndef handler(event, context):\n"
        "    return boto3.Session().get_credentials().get_frozen_credentials().access_key\n"
    )
    template = buffered_python(tmp_path, code)
    shell = {"AWS_PROFILE": "mine", "HOME": str(tmp_path)}
    with RunningEmulator("--template", str(template), command=(), variables=shell) as emulator:
        assert emulator.wait_for("credentials")["message"] == "profile 'mine', key ...MINE"
        assert emulator.get("/").body == b"AKIAMINE"
    with RunningEmulator(
        "--template", str(template), "--no-credentials", command=(), variables=shell
    ) as emulator:
        assert emulator.get("/").body == b"NOCREDENTIALS"


def test_nothing_of_the_emulator_stands_before_a_functions_own_modules(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    for name in ("limits", "launch", "bootstrap", "http_server", "pool"):
        (code / f"{name}.py").write_text(f"where = {name!r}\n")
    (code / "app.py").write_text(
        "import bootstrap, http_server, launch, limits, pool\ndef handler(event, context):\n"
        "    return [module.where for module in (bootstrap, http_server, launch, limits, pool)]\n"
    )
    template = buffered_python(tmp_path, code)
    with RunningEmulator("--template", str(template), command=()) as emulator:
        assert emulator.get("/").json() == ["bootstrap", "http_server", "launch", "limits", "pool"]


# ---- the command line


@pytest.mark.parametrize(
    ("words", "overrides"),
    [
        (["A=1", "B=2"], {"A": "1", "B": "2"}),
        (["A=1 B=2"], {"A": "1", "B": "2"}),
        (["A=1 B='x y'"], {"A": "1", "B": "x y"}),
        (["A=x y"], {"A": "x y"}),
        (["A=a=b"], {"A": "a=b"}),
        (
            ["ParameterKey=A,ParameterValue=1", "ParameterKey=B,ParameterValue=2"],
            {"A": "1", "B": "2"},
        ),
        (["ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue=2"], {"A": "1", "B": "2"}),
    ],
)
def test_parameter_overrides(words: list[str], overrides: dict[str, str]) -> None:
    assert parameter_overrides(words, parser()) == overrides


def test_a_zip_is_unpacked_with_its_modes(tmp_path: Path) -> None:
    runtime = executable(
        tmp_path / "bootstrap", f"#!/bin/sh\nexec {sys.executable} {RUNTIMES / 'scripted.py'}\n"
    )
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.write(runtime, "bootstrap")
    template = write_template(tmp_path, CodeUri="code.zip")
    with RunningEmulator("--template", str(template), command=()) as emulator:
        assert emulator.get("/echo").status == 200


# ---- several functions


def many(folder: Path, **functions: dict[str, Any]) -> Path:
    resources = {
        name: {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "FunctionUrlConfig": {"AuthType": "NONE"},
                "CodeUri": str(folder / "code"),
                "Timeout": 30,
                **properties,
            },
        }
        for name, properties in functions.items()
    }
    path = folder / "template.yaml"
    path.write_text(json.dumps({"Resources": resources}))
    return path


def test_one_that_cannot_be_served_leaves_the_others_alone(tmp_path: Path) -> None:
    """Another language, an image, and one that fails in its init."""
    executable(
        tmp_path / "code" / "bootstrap",
        f"#!/bin/sh\nexec {sys.executable} {RUNTIMES / 'scripted.py'}\n",
    )
    template = many(
        tmp_path,
        Fails={"Runtime": "provided.al2023", "Environment": {"Variables": {"INIT": "exit"}}},
        Image={"PackageType": "Image"},
        Node={"Runtime": "nodejs22.x", "Handler": "index.handler"},
        Works={"Runtime": "provided.al2023"},
    )
    with RunningEmulator("--template", str(template), command=(), fronts=2) as emulator:
        names = [line.partition("(")[2].rstrip(")") for line in emulator.lines]
        by_name = dict(zip(names, emulator.ports, strict=True))
        assert list(by_name) == ["Fails", "Works"]
        with emulator.connect(by_name["Works"]) as client:
            client.request("GET", "/echo")
            assert client.response().status == 200
        with emulator.connect(by_name["Fails"]) as client:
            client.request("GET", "/echo")
            assert client.response().status == 502
        messages = [event["message"] for event in emulator.drain() if event["event"] == "error"]
        assert any(message.startswith("Image: it is a container image") for message in messages)
        assert any("npm install aws-lambda-ric" in message for message in messages)


def test_the_lambda_api_serves_functions_without_a_url(tmp_path: Path) -> None:
    executable(
        tmp_path / "code" / "bootstrap",
        f"#!/bin/sh\nexec {sys.executable} {RUNTIMES / 'scripted.py'}\n",
    )
    properties = {"Runtime": "provided.al2023", "FunctionUrlConfig": None}
    template = many(tmp_path, Worker=properties)
    options = ("--template", str(template), "--lambda-port", "0")
    with RunningEmulator(*options, command=()) as emulator, emulator.connect() as client:
        client.request("POST", "/2015-03-31/functions/Worker/invocations", body=b"{}")
        assert client.response().status == 200


def test_a_function_that_listens_on_a_port_runs_once(tmp_path: Path) -> None:
    """On AWS each environment has its own network. Here a second one would find its port taken."""
    script = (
        f"import socket, sys; sys.path.insert(0, {str(RUNTIMES)!r}); s = socket.socket(); "
        "s.bind(('127.0.0.1', 0)); s.listen(); import scripted; scripted.main()"
    )
    with RunningEmulator(cwd=tmp_path, command=(sys.executable, "-c", script)) as emulator:
        assert "listens on port" in emulator.wait_for("note")["message"]
        clients = [emulator.connect() for _ in range(4)]
        for client in clients:
            client.request("GET", "/echo")
        pids = {client.response().json()["pid"] for client in clients}
        for client in clients:
            client.close()
    assert len(pids) == 1


def test_why_not_names_a_missing_folder(tmp_path: Path) -> None:
    launch = Launch(["true"], tmp_path / "gone", {})
    assert "no such folder" in launch.why_not(
        FileNotFoundError(2, "No such file", str(tmp_path / "gone"))
    )
