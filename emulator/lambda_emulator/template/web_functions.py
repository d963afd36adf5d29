"""Web Functions of a template: AWS::Serverless::WebFunction, and the three types it expands to.

Properties and their limits: the SAM translator's `SamWebFunction`, and CloudFormation's schemas of
AWS::Lambda::WebFunction, AWS::Lambda::WebFunctionRevision and AWS::Lambda::WebFunctionEndpoint.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from lambda_emulator.template.cloudformation import Document
from lambda_emulator.template.document import Node, to_text
from lambda_emulator.web.config import (
    AUTH_TYPES,
    RATE_LIMITS,
    EndpointConfig,
    RevisionConfig,
    WebFunctionConfig,
)

__all__ = ["SERVERLESS_WEB_FUNCTION", "WEB_FUNCTION", "read_web_functions"]

SERVERLESS_WEB_FUNCTION: Final = "AWS::Serverless::WebFunction"
WEB_FUNCTION: Final = "AWS::Lambda::WebFunction"
_REVISION: Final = "AWS::Lambda::WebFunctionRevision"
_ENDPOINT: Final = "AWS::Lambda::WebFunctionEndpoint"

CodeFolder = Callable[[str, int], Path]
"""The folder that a CodeUri names; the line is for the message of a TemplateError."""


def read_web_functions(document: Document, code_folder: CodeFolder) -> dict[str, WebFunctionConfig]:
    """Return the Web Functions of a template, by logical id.

    Args:
        document: The template.
        code_folder: Finds the folder of a CodeUri.

    Raises:
        TemplateError: A property is wrong.
    """
    functions = {}
    for logical_id, resource in document.made.items():
        kind = resource.get("Type")
        if kind == SERVERLESS_WEB_FUNCTION:
            functions[logical_id] = _serverless(document, logical_id, resource, code_folder)
        elif kind == WEB_FUNCTION:
            functions[logical_id] = _raw(document, logical_id, resource, code_folder)
    return functions


class _Properties:
    """The properties of one resource, resolved and checked where they are asked for."""

    def __init__(self, document: Document, logical_id: str, node: Any, line: int) -> None:
        self.document = document
        self.logical_id = logical_id
        self.node = node if isinstance(node, Node) else Node(line)

    @classmethod
    def of(cls, document: Document, logical_id: str, resource: Node) -> "_Properties":
        return cls(document, logical_id, resource.get("Properties"), resource.line)

    def line(self, key: str) -> int:
        return self.node.lines.get(key, self.node.line)

    def error(self, key: str, message: str) -> Exception:
        return self.document.error(self.line(key), f"{self.logical_id}: {message}")

    def inner(self, key: str) -> "_Properties":
        """The properties inside one, which may be missing."""
        value = self.document.resolve(self.node.get(key))
        return _Properties(self.document, self.logical_id, value, self.line(key))

    def text(self, key: str, default: str | None = None, allowed: tuple[str, ...] = ()) -> str:
        value = self.document.resolve(self.node.get(key))
        text = default if value is None else to_text(value)
        if text is None:
            raise self.error(key, f"{key} is missing")
        if allowed and text not in allowed:
            names = ", ".join(allowed)
            raise self.error(key, f"{key} is {text!r}; allowed: {names}")
        return text

    def number(self, key: str, default: int | None, lowest: int, highest: int) -> int | None:
        value = self.document.resolve(self.node.get(key))
        if value is None:
            return default
        is_number = to_text(value).isdigit()
        if not is_number or not lowest <= int(value) <= highest:
            raise self.error(key, f"{key} is {value!r}; it is a number from {lowest} to {highest}")
        return int(value)

    def mapping(self, key: str) -> Mapping[str, Any]:
        value = self.document.resolve(self.node.get(key))
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.error(key, f"{key} is no map")
        return value


def _serverless(
    document: Document, logical_id: str, resource: Node, code_folder: CodeFolder
) -> WebFunctionConfig:
    properties = _Properties.of(document, logical_id, resource)
    name = properties.text("FunctionName", logical_id)
    variables = _variables(properties, "EnvironmentVariables")
    entry_point = properties.text("EntryPoint", "")
    if entry_point:
        # SAM's translator does this for every runtime.
        variables["AWS_LAMBDA_NODEJS_ENTRYPOINT"] = entry_point
    uri = properties.text("CodeUri", ".")
    code_line = properties.line("CodeUri")
    revision = RevisionConfig(
        name=name,
        code=code_folder(uri, code_line),
        runtime=properties.text("Runtime"),
        timeout=properties.number("Timeout", 30, 3, 900) or 30,
        concurrency=properties.number("MaxConcurrencyPerEnvironment", 64, 1, 128) or 64,
        environment=variables,
        region=document.region,
        lines={"Runtime": properties.line("Runtime"), "CodeUri": code_line},
    )
    _caution(document, properties, resource, revision)
    # RevisionWeights name revisions on AWS. Here is only this template's.
    endpoint_name = properties.text("EndpointName", "prod")
    endpoint = _endpoint(properties, endpoint_name, {logical_id: 100})
    return WebFunctionConfig(logical_id, name, {logical_id: revision}, (endpoint,))


def _caution(
    document: Document, properties: _Properties, resource: Node, revision: RevisionConfig
) -> None:
    """Warn about what fails on AWS: tried with SAM CLI 1.170 and its translator 1.115."""
    if not revision.runtime.startswith("python"):
        return
    logical_id = properties.logical_id
    lines = properties.node.lines
    if "EntryPoint" in lines:
        message = (
            "EntryPoint sets Node's variable only; for Python set AWS_LAMBDA_PYTHON_ENTRYPOINT"
        )
        document.caution(lines["EntryPoint"], f"{logical_id}: {message}")
    metadata = resource.get("Metadata")
    how = metadata if isinstance(metadata, Node) else {}
    is_zip = properties.text("CodeUri", ".").endswith(".zip")
    is_makefile = how.get("BuildMethod") == "makefile"
    if is_zip or is_makefile or how.get("SkipBuild"):
        return
    requirements = revision.code / "requirements.txt"
    if requirements.is_file():
        message = (
            "sam build takes packages for x86_64, and Web Functions run on arm64 only; "
            "set SkipBuild, and CodeUri to the build of an arm64 function, "
            "or build by a Makefile; then lambda-emulator check-code"
        )
        line = lines.get("CodeUri", resource.line)
        document.caution(line, f"{logical_id}: {message}")


def _raw(
    document: Document, logical_id: str, resource: Node, code_folder: CodeFolder
) -> WebFunctionConfig:
    name = _Properties.of(document, logical_id, resource).text("FunctionName")
    revisions = {}
    endpoints = []
    for other_id, other in document.made.items():
        kind = other.get("Type")
        if kind not in (_REVISION, _ENDPOINT):
            continue
        properties = _Properties.of(document, other_id, other)
        if properties.text("FunctionName") not in (name, logical_id):
            continue
        if kind == _REVISION:
            revisions[other_id] = _revision(properties, other, code_folder)
        else:
            endpoint_name = properties.text("EndpointName")
            weights = _weights(properties)
            endpoints.append(_endpoint(properties, endpoint_name, weights))
    for endpoint in endpoints:
        _check_weights(document, logical_id, resource, endpoint, revisions)
    if not endpoints:
        message = f"{logical_id} has no {_ENDPOINT}: no request can reach it"
        raise document.error(resource.line, message)
    return WebFunctionConfig(logical_id, name, revisions, tuple(endpoints))


def _check_weights(
    document: Document,
    logical_id: str,
    resource: Node,
    endpoint: EndpointConfig,
    revisions: Mapping[str, object],
) -> None:
    known = ", ".join(revisions) or "none"
    for key in endpoint.weights:
        if key not in revisions:
            message = (
                f"{logical_id}: endpoint {endpoint.name} sends requests to {key!r}, which is no "
                f"revision of this template; there is: {known}"
            )
            raise document.error(resource.line, message)


def _revision(properties: _Properties, resource: Node, code_folder: CodeFolder) -> RevisionConfig:
    build = properties.inner("BuildConfig")
    service = properties.inner("ServiceConfig")
    location = build.inner("CodeConfig").inner("S3Object")
    # On AWS the code is in a bucket. Here it is the folder that CDK notes,
    # or a folder or zip beside the template with the key's name.
    metadata = resource.get("Metadata")
    asset = metadata.get("aws:asset:path") if isinstance(metadata, Node) else None
    uri = to_text(asset) if asset else location.text("Key")
    runtime = build.inner("RuntimeConfig")
    return RevisionConfig(
        name=properties.logical_id,
        code=code_folder(uri, location.node.line),
        runtime=runtime.text("Runtime"),
        timeout=service.number("TimeoutSeconds", 30, 3, 900) or 30,
        concurrency=service.number("MaxConcurrencyPerEnvironment", 64, 1, 128) or 64,
        environment=_variables(service, "EnvironmentVariables"),
        region=properties.document.region,
        lines={"Runtime": runtime.line("Runtime"), "CodeUri": location.node.line},
    )


def _endpoint(properties: _Properties, name: str, weights: Mapping[str, int]) -> EndpointConfig:
    throttle = properties.inner("ThrottleConfig")
    rate = throttle.number("RateLimit", None, 0, RATE_LIMITS[-1])
    if rate is not None and rate not in RATE_LIMITS:
        allowed = "0, 100 to 1000 in hundreds, 2000 to 10000 in thousands"
        message = f"RateLimit is {rate}; allowed: {allowed}"
        raise properties.error("ThrottleConfig", message)
    scaling = properties.inner("ScalingConfig")
    return EndpointConfig(
        name=name,
        weights=weights,
        auth_type=properties.text("AuthType", allowed=AUTH_TYPES),
        rate_limit=rate,
        max_environments=scaling.number("MaxEnvironments", None, 2, 10_000),
        region=properties.document.region,
    )


def _weights(properties: _Properties) -> dict[str, int]:
    document = properties.document
    entries = document.resolve(properties.node.get("RevisionWeights")) or []
    if not isinstance(entries, list):
        entries = [entries]
    weights = {}
    for entry in entries:
        item = _Properties(document, properties.logical_id, entry, properties.node.line)
        revision = item.text("RevisionId")
        # !GetAtt gives ID.RevisionId here.
        revision = revision.removesuffix(".RevisionId")
        weights[revision] = item.number("Weight", 100, 1, 100) or 100
    total = sum(weights.values())
    if len(weights) not in (1, 2) or total != 100:
        message = "RevisionWeights name one or two revisions, with 100 together"
        raise properties.error("RevisionWeights", message)
    return weights


def _variables(properties: _Properties, key: str) -> dict[str, str]:
    return {str(name): to_text(value) for name, value in properties.mapping(key).items()}
