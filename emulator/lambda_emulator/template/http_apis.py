"""HTTP APIs of a template.

They come from SAM (AWS::Serverless::HttpApi and the `HttpApi` events of functions), or from
resources of AWS::ApiGatewayV2.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lambda_emulator import limits
from lambda_emulator.cors import Cors
from lambda_emulator.template.cloudformation import Document
from lambda_emulator.template.config import HTTPAPI, APIMapping, HTTPRoute
from lambda_emulator.template.document import Node
from lambda_emulator.template.integrations import NO_AUTHORIZER, function_name, timeout_seconds
from lambda_emulator.template.properties import Properties

__all__ = ["HTTP_API_TYPES", "HTTPAPIs", "read_cors"]

HTTP_API_TYPES: Final = (
    "AWS::Serverless::HttpApi",
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::Deployment",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
)
_IMPLICIT: Final = "ServerlessHttpApi"
_DEFAULT: Final = "$default"
_CORS: Final = (
    "AllowCredentials",
    "AllowHeaders",
    "AllowMethods",
    "AllowOrigins",
    "ExposeHeaders",
    "MaxAge",
)
_NOT_EMULATED: Final = {
    "DefaultRouteSettings": "nothing is throttled",
    "DefinitionBody": "only routes of functions' events are served",
    "DefinitionUri": "only routes of functions' events are served",
    "RouteSettings": "nothing is throttled",
}


class HTTPAPIs:
    """The HTTP APIs of one template. Each is read when the first route needs it."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._apis: dict[str, HTTPAPI] = {}

    def event_route(self, event: Properties) -> HTTPRoute:
        """Return the route that an `HttpApi` event describes. What is not emulated is a caution.

        Args:
            event: The properties of the event.

        Raises:
            TemplateError: A property is invalid.
        """
        if event.inner("Auth").reference("Authorizer") not in ("", "NONE"):
            event.caution("Auth", NO_AUTHORIZER)
        if "RouteSettings" in event.node:
            event.caution("RouteSettings", "RouteSettings is not emulated: nothing is throttled")
        path = event.text("Path", _DEFAULT)
        if path != _DEFAULT and "Method" not in event.node:
            raise event.error("Path", "a Path needs a Method, such as any")
        api_id = event.reference("ApiId", _IMPLICIT)
        method = event.text("Method", "any").upper()
        return HTTPRoute(
            api=self._api(api_id),
            method="ANY" if path == _DEFAULT else method,
            path=path,
            payload=event.choice("PayloadFormatVersion", ("1.0", "2.0"), "2.0"),
            timeout=timeout_seconds(event, limits.HTTP_API_SECONDS, limits.HTTP_API_SECONDS),
        )

    def resource_routes(self, logical_id: str) -> Iterator[HTTPRoute]:
        """Yield the routes in plain CloudFormation that lead to a function.

        These are the routes whose integration is the function, and APIs whose `Target` it is.

        Args:
            logical_id: The function.

        Raises:
            TemplateError: A property is invalid.
        """
        names = (logical_id, self.document.physical_name(logical_id))
        for name in self.document.of_type("AWS::ApiGatewayV2::Route"):
            route = Properties.of(self.document, name)
            integration = self._integration(route)
            if integration is None:
                continue
            if function_name(integration, "IntegrationUri") in names:
                yield self._resource_route(route, integration)
        for name in self.document.of_type("AWS::ApiGatewayV2::Api"):
            quick = Properties.of(self.document, name)
            if function_name(quick, "Target") in names:
                key = quick.text("RouteKey", _DEFAULT)
                method, path = _split(key)
                yield HTTPRoute(self._api(name), method, path)

    def _integration(self, route: Properties) -> Properties | None:
        target = route.text("Target", "").removeprefix("integrations/")
        if target not in self.document.of_type("AWS::ApiGatewayV2::Integration"):
            return None
        return Properties.of(self.document, target)

    def _resource_route(self, route: Properties, integration: Properties) -> HTTPRoute:
        if route.text("AuthorizationType", "NONE") != "NONE":
            route.caution("AuthorizationType", NO_AUTHORIZER)
        method, path = _split(route.text("RouteKey", _DEFAULT))
        seconds = limits.HTTP_API_SECONDS
        return HTTPRoute(
            api=self._api(route.reference("ApiId")),
            method=method,
            path=path,
            payload=integration.choice("PayloadFormatVersion", ("1.0", "2.0"), "1.0"),
            timeout=timeout_seconds(integration, seconds, seconds),
        )

    def _api(self, logical_id: str) -> HTTPAPI:
        if logical_id not in self._apis:
            is_raw = logical_id in self.document.of_type("AWS::ApiGatewayV2::Api")
            read = self._raw if is_raw else self._sam
            self._apis[logical_id] = read(logical_id)
        return self._apis[logical_id]

    def _sam(self, logical_id: str) -> HTTPAPI:
        shared = self.document.shared("HttpApi")
        get = Properties.of(self.document, logical_id, shared)
        for key, instead in _NOT_EMULATED.items():
            if key in get.node:
                get.caution(key, f"{key} is not emulated: {instead}")
        if get.inner("Auth").text("DefaultAuthorizer", ""):
            get.caution("Auth", NO_AUTHORIZER)
        stage = get.text("StageName", _DEFAULT)
        domain = get.nested("Domain")
        mappings: list[APIMapping] = []
        if domain is not None:
            name = domain.text("DomainName", "").lower()
            for path in domain.texts("BasePath") or ("",):
                mapping = APIMapping(name, path.strip("/"), stage)
                mappings.append(mapping)
        variables = get.texts_by_name("StageVariables")
        return HTTPAPI(logical_id, {stage: variables}, read_cors(get), tuple(mappings))

    def _raw(self, logical_id: str) -> HTTPAPI:
        get = Properties.of(self.document, logical_id)
        stages: dict[str, Mapping[str, str]] = {}
        for stage in self._about("AWS::ApiGatewayV2::Stage", logical_id):
            name = stage.text("StageName", _DEFAULT)
            stages[name] = stage.texts_by_name("StageVariables")
        if not stages and "Target" in get.node:
            stages[_DEFAULT] = {}
        if not stages:
            get.caution("", "it has no stage, so that every request is 404: add one to it")
        mappings = []
        for given in self._about("AWS::ApiGatewayV2::ApiMapping", logical_id):
            mapping = APIMapping(
                given.text("DomainName", "").lower(),
                given.text("ApiMappingKey", "").strip("/"),
                given.text("Stage", _DEFAULT),
            )
            mappings.append(mapping)
        return HTTPAPI(logical_id, stages, read_cors(get), tuple(mappings))

    def _about(self, kind: str, api: str) -> Iterator[Properties]:
        """Yield the properties of the resources of this type that belong to this API."""
        for logical_id in self.document.of_type(kind):
            found = Properties.of(self.document, logical_id)
            if found.reference("ApiId") == api:
                yield found


def read_cors(get: Properties, key: str = "CorsConfiguration") -> Cors:
    """Return the CORS settings of an HTTP API or of a Function URL.

    Args:
        get: The properties that have the block.
        key: The name of the block. Its value may also be `true`, which allows every origin.

    Raises:
        TemplateError: The block has an unknown member.
    """
    given: Any = get.node.get(key)
    if not isinstance(given, Node | None):
        allowed = ("*",) if get.flag(key) else ()
        return Cors(allow_origins=allowed)
    block = get.inner(key)
    for name in map(str, block.node):
        if name not in _CORS:
            raise block.error(name, f"{key} has no {name!r}; it has: {', '.join(_CORS)}")
    return Cors(
        allow_origins=block.texts("AllowOrigins"),
        allow_methods=block.texts("AllowMethods"),
        allow_headers=block.texts("AllowHeaders"),
        expose_headers=block.texts("ExposeHeaders"),
        allow_credentials=block.flag("AllowCredentials"),
        max_age=block.number("MaxAge", 0, 86400, None),
    )


def _split(key: str) -> tuple[str, str]:
    """Return the method and the path of a route key.

    >>> _split("GET /items/{id}"), _split("$default")
    (('GET', '/items/{id}'), ('ANY', '$default'))
    """
    method, _, path = key.partition(" ")
    if not path:
        return "ANY", key
    return method.upper(), path
