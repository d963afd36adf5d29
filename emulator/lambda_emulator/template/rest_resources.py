"""REST APIs in plain CloudFormation, as CDK writes them."""

from collections.abc import Iterator
from typing import Final

from lambda_emulator import limits
from lambda_emulator.template.cloudformation import Document
from lambda_emulator.template.config import Mock, RestAPI, RestRoute
from lambda_emulator.template.document import Node, to_text
from lambda_emulator.template.integrations import NO_AUTHORIZER, function_name, timeout_seconds
from lambda_emulator.template.properties import Properties

__all__ = ["REST_RESOURCES", "RestResources"]

REST_RESOURCES: Final = (
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Resource",
    "AWS::ApiGateway::Method",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::ApiKey",
)
_HEADER: Final = "method.response.header."
_STREAMS: Final = "response-streaming-invocations"
_IN_BODY: Final = "is not read: only AWS::ApiGateway::Method resources are served"


class RestResources:
    """The AWS::ApiGateway resources of one template."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._apis: dict[str, RestAPI] = {}

    def routes(self, logical_id: str) -> Iterator[RestRoute]:
        """Yield the methods that lead to a function.

        Raises:
            TemplateError: A property is wrong.
        """
        names = (logical_id, self.document.physical_name(logical_id))
        for method in self._all("AWS::ApiGateway::Method"):
            integration = method.inner("Integration")
            if function_name(integration, "Uri") in names:
                yield self._route(method, integration)

    def _route(self, method: Properties, integration: Properties) -> RestRoute:
        if method.text("AuthorizationType", "NONE") != "NONE":
            method.caution("AuthorizationType", NO_AUTHORIZER)
        mode = integration.choice("ResponseTransferMode", ("BUFFERED", "STREAM"), "BUFFERED")
        uri = integration.text("Uri", "")
        streams = mode == "STREAM" or _STREAMS in uri
        longest = limits.REST_API_STREAM_SECONDS if streams else limits.REST_API_SECONDS
        return RestRoute(
            api=self._api(method.reference("RestApiId")),
            method=method.text("HttpMethod", "ANY").upper(),
            resource=self._path(method),
            streaming=streams,
            needs_key=bool(method.flag("ApiKeyRequired")),
            timeout=timeout_seconds(integration, limits.REST_API_SECONDS, longest),
        )

    def _all(self, kind: str) -> Iterator[Properties]:
        for name in self.document.of_type(kind):
            yield Properties.of(self.document, name)

    def _of_api(self, kind: str, logical_id: str) -> list[Properties]:
        return [get for get in self._all(kind) if get.reference("RestApiId") == logical_id]

    def _path(self, method: Properties) -> str:
        """Return the path: the parts of its resource and of those above. The root has none."""
        resources = {get.owner: get for get in self._all("AWS::ApiGateway::Resource")}
        parts: list[str] = []
        here = resources.pop(method.reference("ResourceId"), None)
        while here is not None:
            parts.insert(0, here.text("PathPart", ""))
            here = resources.pop(here.reference("ParentId"), None)
        return "/" + "/".join(parts)

    def _api(self, logical_id: str) -> RestAPI:
        if logical_id not in self._apis:
            self._apis[logical_id] = self._read(logical_id)
        return self._apis[logical_id]

    def _read(self, logical_id: str) -> RestAPI:
        get = Properties.of(self.document, logical_id)
        for key in ("Body", "BodyS3Location"):
            if key in get.node:
                get.caution(key, f"{key} {_IN_BODY}")
        stages = self._of_api("AWS::ApiGateway::Stage", logical_id)
        for deployment in self._of_api("AWS::ApiGateway::Deployment", logical_id):
            if "StageName" in deployment.node:
                stages.append(deployment)
        for other in stages[1:]:
            message = "it is not served: the emulator serves one stage of a REST API"
            other.caution("StageName", message)
        if not stages:
            get.caution("", "it has no stage, so that every request is 403; here its stage is Prod")
        stage = stages[0] if stages else get
        options = {}
        for method in self._of_api("AWS::ApiGateway::Method", logical_id):
            if _is_mock(method):
                path = self._path(method)
                options[path] = _mock(method)
        types = [kind.replace("~1", "/") for kind in get.texts("BinaryMediaTypes")]
        return RestAPI(
            logical_id,
            stage=stage.text("StageName", "Prod"),
            variables=stage.texts_by_name("Variables"),
            options=options,
            binary_types=tuple(types),
            api_keys=frozenset(self.key_values()),
        )

    def key_values(self) -> Iterator[str]:
        """Yield the values that the template gives its API keys.

        Raises:
            TemplateError: A value is not text.
        """
        for key in self._all("AWS::ApiGateway::ApiKey"):
            value = key.text("Value", "")
            if value:
                yield value
            else:
                message = "AWS makes up this key's value; here any x-api-key is let in: set Value"
                key.caution("Value", message)


def _is_mock(method: Properties) -> bool:
    http_method = method.text("HttpMethod", "").upper()
    integration = method.inner("Integration")
    return http_method == "OPTIONS" and integration.text("Type", "") == "MOCK"


def _mock(method: Properties) -> Mock:
    """Return the first of its responses."""
    responses = method.inner("Integration").value("IntegrationResponses")
    response = responses[0] if isinstance(responses, list) and responses else Node(1)
    status = to_text(response.get("StatusCode"))
    parameters = response.get("ResponseParameters") or {}
    headers = {}
    for name, value in parameters.items():
        prefix, found, header = str(name).partition(_HEADER)
        if found and not prefix:
            headers[header] = to_text(value).strip("'")
    templates = response.get("ResponseTemplates") or {}
    body = to_text(templates.get("application/json"))
    return Mock(int(status or 200), headers, body.encode())
