"""What the template lets the function do: read these files and this secret, and nothing else."""

from typing import Any

import pytest

from lambda_emulator.template.cloudformation import Document
from tests.file_service.servers import ROOT

FUNCTION, ROLE = "FileServiceFunction", "WebFunctionRole"


def statements(kind: str, parameters: dict[str, str]) -> list[Any]:
    document = Document(ROOT / "template.yaml", {"Kind": kind, **parameters})
    if kind == "EventFunction":
        properties = document.resolve(document.resources[FUNCTION]["Properties"])
        return [each for policy in properties.get("Policies", []) for each in policy["Statement"]]
    properties = document.resolve(document.resources[ROLE]["Properties"])
    return [
        each for policy in properties["Policies"] for each in policy["PolicyDocument"]["Statement"]
    ]


@pytest.mark.parametrize("kind", ["EventFunction", "WebFunction"])
@pytest.mark.parametrize(
    ("source", "objects", "prefix"),
    [
        ("s3://bucket", "bucket/*", "*"),
        ("s3://bucket/team", "bucket/team/*", "team/*"),
        ("s3://bucket/team/anna", "bucket/team/anna/*", "team/*"),
    ],
)
def test_a_bucket_is_read_below_the_prefix_and_nothing_else(
    kind: str, source: str, objects: str, prefix: str
) -> None:
    read, listed = statements(kind, {"FileSource": source})
    assert read["Action"] == "s3:GetObject"
    assert read["Resource"] == f"arn:aws:s3:::{objects}"
    assert listed["Action"] == "s3:ListBucket"
    assert listed["Resource"] == "arn:aws:s3:::bucket"
    assert listed["Condition"] == {"StringLike": {"s3:prefix": prefix}}
    assert {read["Effect"], listed["Effect"]} == {"Allow"}


@pytest.mark.parametrize("kind", ["EventFunction", "WebFunction"])
@pytest.mark.parametrize("source", ["", "/mnt/files"])
def test_a_folder_needs_no_permission(kind: str, source: str) -> None:
    assert statements(kind, {"FileSource": source}) == []


@pytest.mark.parametrize("kind", ["EventFunction", "WebFunction"])
@pytest.mark.parametrize(
    ("service", "action"),
    [("secretsmanager", "secretsmanager:GetSecretValue"), ("ssm", "ssm:GetParameter")],
)
def test_one_secret_is_read(kind: str, service: str, action: str) -> None:
    arn = f"arn:aws:{service}:eu-central-1:123456789012:files"
    (read,) = statements(kind, {"FileSecrets": arn})
    assert (read["Action"], read["Resource"]) == (action, arn)
