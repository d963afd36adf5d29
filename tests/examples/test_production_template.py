"""The production template: every combination of its switches, as CloudFormation transforms it."""

import functools
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.examples import sam

TOP = Path(__file__).parent.parent.parent
TEMPLATE = TOP / "examples" / "production" / "template.yaml"

VPC = {"SubnetIds": "subnet-12345678,subnet-87654321", "SecurityGroupIds": "sg-12345678"}
EFS = {
    **VPC,
    "AccessPointArn": (
        "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0"
    ),
}
KMS = {"KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"}
TOPIC = {"AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:alarms"}
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
DOMAIN = {"DomainName": "files.example.com", "CertificateArn": CERTIFICATE}
API_DOMAIN = {"ApiDomainName": "api.example.com", "ApiCertificateArn": CERTIFICATE}
WEB_ACL = {"WebAclArn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/acl/12345678"}
API_WEB_ACL = {"ApiWebAclArn": "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/acl/12345678"}
EVERYTHING = {**KMS, **TOPIC, **DOMAIN, **API_DOMAIN, **WEB_ACL, **API_WEB_ACL}

SWITCHES: list[list[dict[str, str]]] = [
    [{"Bucket": "bucket", "Prefix": "a/"}],
    [
        {"WarmStart": "none"},
        {"WarmStart": "SnapStart"},
        {"WarmStart": "provisioned", "ProvisionedConcurrency": "2"},
    ],
    [{"GradualDeployment": "false"}, {"GradualDeployment": "true"}],
    [{"CloudFront": "true"}, {"CloudFront": "false"}],
    [{}, VPC, EFS],
    [{}, {"ReservedConcurrency": "50", "LogBucket": "logs.s3.amazonaws.com"}],
]
OPTIONS: dict[str, dict[str, str]] = {
    "no option": {},
    "python3.14": {"PythonVersion": "python3.14", "Architecture": "x86_64"},
    "kms": KMS,
    "topic": TOPIC,
    "domain": DOMAIN,
    "api_domain": API_DOMAIN,
    "web_acl": WEB_ACL,
    "api_web_acl": API_WEB_ACL,
    "everything": EVERYTHING,
}
"""Those that add something and change nothing else: each alone, and all together."""


def pairs(combination: dict[str, str]) -> set[tuple[tuple[str, str], ...]]:
    return set(itertools.combinations(sorted(combination.items()), 2))


def few() -> Iterator[dict[str, str]]:
    """Return few combinations that have every pair of values of two switches.

    They are for tools that take seconds for each.
    """
    left = {
        tuple(sorted(found.items())): pairs(found)
        for option in OPTIONS.values()
        for found in combinations(option)
    }
    missing = set().union(*left.values())
    while missing:
        best = max(left, key=lambda combination: len(left[combination] & missing))
        missing -= left.pop(best)
        yield dict(best)


def combinations(option: dict[str, str]) -> Iterator[dict[str, str]]:
    """Every combination with this option that the template's own rules accept."""
    for parts in itertools.product(*SWITCHES, [option]):
        combination = {name: value for part in parts for name, value in part.items()}
        if not sam.broken_rules(TEMPLATE, **combination):
            yield combination


def only(document: dict[str, Any], kind: str) -> dict[str, Any]:
    """The properties of the one resource of that type."""
    (resource,) = (item for item in document["Resources"].values() if item["Type"] == kind)
    properties = resource["Properties"]
    assert isinstance(properties, dict)
    return properties


def references(value: Any) -> Iterator[str]:
    """The logical ids that a value refers to."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                yield item
            elif key == "Fn::GetAtt":
                yield item[0] if isinstance(item, list) else item.partition(".")[0]
            elif key == "Fn::Sub":
                text, variables = (item, {}) if isinstance(item, str) else item
                names = re.findall(r"\$\{([^}!]+)\}", text)
                yield from (name.partition(".")[0] for name in names if name not in variables)
                yield from references(variables)
            elif key == "DependsOn":
                yield from [item] if isinstance(item, str) else item
            else:
                yield from references(item)


@functools.cache
def transformed(gradual: str) -> dict[str, Any]:
    """The other switches do not change the transform, as a test below shows."""
    return sam.transform(TEMPLATE, Bucket="bucket", GradualDeployment=gradual)


def check(combination: dict[str, str]) -> None:
    document = sam.filled_in(TEMPLATE, transformed(combination["GradualDeployment"]), combination)
    resources = document["Resources"]
    dangling = {
        name for name in references([resources, document["Outputs"]]) if name not in resources
    }
    assert not {name for name in dangling if not name.startswith("AWS::")}

    function = only(document, "AWS::Lambda::Function")
    warm = combination["WarmStart"]
    assert function["SnapStart"]["ApplyOn"] == (
        "PublishedVersions" if warm == "SnapStart" else "None"
    )
    assert ("ProvisionedConcurrencyConfig" in only(document, "AWS::Lambda::Alias")) == (
        warm == "provisioned"
    )
    assert function.get("ReservedConcurrentExecutions", -1) == int(
        combination.get("ReservedConcurrency", -1)
    )
    assert ("VpcConfig" in function) == ("SubnetIds" in combination)
    assert ("FileSystemConfigs" in function) == ("AccessPointArn" in combination)
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert function["TracingConfig"] == {"Mode": "Active"}

    kinds = [item["Type"] for item in resources.values()]
    gradual = combination["GradualDeployment"] == "true"
    assert ("AWS::CodeDeploy::DeploymentGroup" in kinds) == gradual
    alias = next(item for item in resources.values() if item["Type"] == "AWS::Lambda::Alias")
    assert ("CodeDeployLambdaAliasUpdate" in alias.get("UpdatePolicy", {})) == gradual

    url = only(document, "AWS::Lambda::Url")
    assert (url["AuthType"], url["InvokeMode"]) == ("AWS_IAM", "RESPONSE_STREAM")
    alias_name = next(
        name for name, item in resources.items() if item["Type"] == "AWS::Lambda::Alias"
    )
    assert url["TargetFunctionArn"] == {"Ref": alias_name}
    check_permissions(resources, alias_name, combination["CloudFront"] == "true")
    check_api(only(document, "AWS::ApiGateway::RestApi")["Body"])
    check_policy(only_function_role(resources))
    both = combination["CloudFront"] == "true" and "SubnetIds" in combination
    assert ("Warning" in document["Outputs"]) == both


def check_permissions(resources: dict[str, Any], alias: str, cloudfront: bool) -> None:
    """CloudFront has the two permissions that a Function URL needs since October 2025.

    Nobody has one without a source.
    """
    permissions = [
        item["Properties"]
        for item in resources.values()
        if item["Type"] == "AWS::Lambda::Permission"
    ]
    assert all(permission["FunctionName"] == {"Ref": alias} for permission in permissions)
    assert all("SourceArn" in permission for permission in permissions)
    of_cloudfront = {
        permission["Action"]: permission
        for permission in permissions
        if permission["Principal"] == "cloudfront.amazonaws.com"
    }
    if not cloudfront:
        assert not of_cloudfront
        assert not any(item["Type"].startswith("AWS::CloudFront") for item in resources.values())
        return
    assert of_cloudfront.keys() == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
    assert of_cloudfront["lambda:InvokeFunctionUrl"]["FunctionUrlAuthType"] == "AWS_IAM"
    assert of_cloudfront["lambda:InvokeFunction"]["InvokedViaFunctionUrl"] is True


def check_api(body: dict[str, Any]) -> None:
    """Every method streams, through the URI that streams, and asks for a signature."""
    methods = [method for path in body["paths"].values() for method in path.values()]
    assert len(methods) == 2
    for method in methods:
        integration = method["x-amazon-apigateway-integration"]
        assert integration["responseTransferMode"] == "STREAM"
        uri = json.dumps(integration["uri"])
        assert "/2021-11-15/functions/" in uri
        assert "/response-streaming-invocations" in uri
        assert integration["timeoutInMillis"] == 900000
        assert "credentials" not in integration
        assert {"AWS_IAM": []} in method["security"]


def check_policy(role: dict[str, Any]) -> None:
    statements = [
        statement
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    actions = {statement["Sid"]: statement for statement in statements}
    assert actions.keys() - {"ReadFiles"} == {"ReadObjects", "ListObjects"}
    read, listing = actions["ReadObjects"], actions["ListObjects"]
    assert (read["Action"], read["Resource"]) == ("s3:GetObject", "arn:aws:s3:::bucket/a/*")
    assert (listing["Action"], listing["Resource"]) == ("s3:ListBucket", "arn:aws:s3:::bucket")
    assert listing["Condition"] == {"StringLike": {"s3:prefix": "a/*"}}


def only_function_role(resources: dict[str, Any]) -> dict[str, Any]:
    properties = resources["FunctionRole"]["Properties"]
    assert isinstance(properties, dict)
    return properties


@pytest.mark.parametrize("gradual", ["false", "true"])
def test_the_transform_depends_on_gradual_deployment_only(gradual: str) -> None:
    values = [*itertools.chain.from_iterable(SWITCHES), *OPTIONS.values()]
    for value in values:
        found = sam.transform(
            TEMPLATE, **{"Bucket": "bucket", **value, "GradualDeployment": gradual}
        )
        assert found == transformed(gradual), value


@pytest.mark.parametrize("option", OPTIONS)
def test_every_combination_of_switches(option: str) -> None:
    found = list(combinations(OPTIONS[option]))
    assert len(found) >= 30
    for combination in found:
        try:
            check(combination)
        except AssertionError as error:
            raise AssertionError(f"with {combination}") from error


@pytest.mark.parametrize(
    ("switches", "complaint"),
    [
        ({"WarmStart": "SnapStart", **EFS}, "SnapStart does not support EFS."),
        (
            {"WarmStart": "SnapStart", "EphemeralStorage": "1024"},
            "SnapStart supports at most 512 MB of ephemeral storage.",
        ),
        (
            {"AccessPointArn": "arn:x"},
            "EFS needs SubnetIds with a mount target of the file system.",
        ),
        ({"SubnetIds": "subnet-12345678"}, "SubnetIds need SecurityGroupIds."),
        ({"DomainName": "files.example.com"}, "DomainName needs CertificateArn."),
        (
            {**DOMAIN, "CloudFront": "false"},
            "DomainName is CloudFront's; the API's is ApiDomainName.",
        ),
        ({"ApiDomainName": "api.example.com"}, "ApiDomainName needs ApiCertificateArn."),
        (
            {**WEB_ACL, "CloudFront": "false"},
            "WebAclArn is CloudFront's; the API's is ApiWebAclArn.",
        ),
    ],
)
def test_what_cannot_work_is_refused(switches: dict[str, str], complaint: str) -> None:
    assert sam.broken_rules(TEMPLATE, Bucket="bucket", **switches) == [complaint]


@pytest.mark.parametrize(
    "change",
    [
        {"Timeout": "301"},
        {"MemorySize": "2048"},
        {"EphemeralStorage": "1024"},
        {"WarmStart": "SnapStart"},
        {"PythonVersion": "python3.14"},
        {"Architecture": "x86_64"},
        {"Prefix": "b/"},
        {"Release": "2"},
    ],
)
def test_a_changed_parameter_publishes_a_version(change: dict[str, str]) -> None:
    """By its id or its description: CloudFormation replaces a version for either."""

    def version(**given: str) -> tuple[str, str]:
        resources = sam.deployed(TEMPLATE, Bucket="bucket", **given)["Resources"]
        ((name, item),) = (
            (n, i) for n, i in resources.items() if i["Type"] == "AWS::Lambda::Version"
        )
        return name, item["Properties"]["Description"]

    assert version(**change) != version()


def test_the_longest_description_fits() -> None:
    longest = sam.deployed(
        TEMPLATE, Bucket="b" * 63, Prefix="p" * 99 + "/", Release="r" * 20, MemorySize="10240"
    )
    assert len(only(longest, "AWS::Lambda::Version")["Description"]) <= 256


@pytest.mark.parametrize("mode", ["STREAM", "response_stream", {"Ref": "Mode"}])
def test_any_other_spelling_of_the_transfer_mode_buffers(
    mode: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transform says nothing. So the tests above read the modes from its result."""
    document = sam.load(TEMPLATE)
    for event in document["Resources"]["Function"]["Properties"]["Events"].values():
        event["Properties"]["ResponseTransferMode"] = mode
    monkeypatch.setattr(sam, "load", lambda path: document)
    body = only(sam.deployed(TEMPLATE, Bucket="bucket"), "AWS::ApiGateway::RestApi")["Body"]
    with pytest.raises((AssertionError, KeyError)):
        check_api(body)


def test_the_dashboard_is_json() -> None:
    body = only(sam.deployed(TEMPLATE, Bucket="bucket"), "AWS::CloudWatch::Dashboard")[
        "DashboardBody"
    ]
    widgets = json.loads(body["Fn::Sub"])["widgets"]
    assert [widget["properties"]["title"] for widget in widgets] == [
        "Invocations",
        "Time to first byte, in the function",
        "Duration",
        "Bytes sent",
        "Concurrency",
        "How responses end",
    ]
