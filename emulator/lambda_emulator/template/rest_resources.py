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
        """The methods that lead to a function. Raises TemplateError."""
        names = (logical_id, self.document.physical_name(logical_id))
        for method in self._all("AWS::ApiGateway::Method"):
            integration = method.inner("Integration")
            if function_name(integration, "Uri") in names:
                yield self._route(method, integration)

    def _route(self, method: Properties, integration: Properties) -> RestRoute:
        if method.text("AuthorizationType", "NONE") != "NONE":
            method.caution("AuthorizationType", NO_AUTHORIZER)
        mode = integration.choice("ResponseTransferMode", ("BUFFERED", "STREAM"), "BUFFERED")
        streams = mode == "STREAM" or _STREAMS in integration.text("Uri", "")
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
        return (Properties.of(self.document, name) for name in self.document.of_type(kind))

    def _of_api(self, kind: str, logical_id: str) -> list[Properties]:
        return [get for get in self._all(kind) if get.reference("RestApiId") == logical_id]

    def _path(self, method: Properties) -> str:
        """The parts of its resource and of those above; the root has no resource."""
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
        stages += [
            d
            for d in self._of_api("AWS::ApiGateway::Deployment", logical_id)
            if "StageName" in d.node
        ]
        for other in stages[1:]:
            other.caution(
                "StageName", "it is not served: the emulator serves one stage of a REST API"
            )
        if not stages:
            get.caution("", "it has no stage, so that every request is 403; here its stage is Prod")
        stage = stages[0] if stages else get
        methods = self._of_api("AWS::ApiGateway::Method", logical_id)
        options = [method for method in methods if _is_mock(method)]
        return RestAPI(
            logical_id,
            stage=stage.text("StageName", "Prod"),
            variables=stage.texts_by_name("Variables"),
            options={self._path(method): _mock(method) for method in options},
            binary_types=tuple(kind.replace("~1", "/") for kind in get.texts("BinaryMediaTypes")),
            api_keys=frozenset(self.key_values()),
        )

    def key_values(self) -> Iterator[str]:
        """The values that the template gives its API keys."""
        for key in self._all("AWS::ApiGateway::ApiKey"):
            if value := key.text("Value", ""):
                yield value
            else:
                message = "AWS makes up this key's value; here any x-api-key is let in: set Value"
                key.caution("Value", message)


def _is_mock(method: Properties) -> bool:
    is_options = method.text("HttpMethod", "").upper() == "OPTIONS"
    return is_options and method.inner("Integration").text("Type", "") == "MOCK"


def _mock(method: Properties) -> Mock:
    """The first of its responses."""
    given = method.inner("Integration").value("IntegrationResponses")
    response = given[0] if isinstance(given, list) and given else Node(1)
    parameters = response.get("ResponseParameters") or {}
    headers = {
        str(name).removeprefix(_HEADER): to_text(value).strip("'")
        for name, value in parameters.items()
        if str(name).startswith(_HEADER)
    }
    templates = response.get("ResponseTemplates") or {}
    body = to_text(templates.get("application/json"))
    return Mock(int(to_text(response.get("StatusCode")) or 200), headers, body.encode())
