"""REST APIs of a template that SAM makes: AWS::Serverless::Api, and the `Api` events of functions.

rest_resources.py reads those in plain CloudFormation.
"""

from collections.abc import Mapping
from typing import Final

from lambda_emulator import limits
from lambda_emulator.template.cloudformation import Document
from lambda_emulator.template.config import RestAPI, RestRoute
from lambda_emulator.template.integrations import NO_AUTHORIZER, timeout_seconds
from lambda_emulator.template.properties import Properties
from lambda_emulator.template.rest_resources import RestResources

__all__ = ["RestAPIs"]

_IMPLICIT: Final = "ServerlessRestApi"
_CORS: Final = {
    "AllowOrigin": "Access-Control-Allow-Origin",
    "AllowHeaders": "Access-Control-Allow-Headers",
    "AllowMethods": "Access-Control-Allow-Methods",
    "MaxAge": "Access-Control-Max-Age",
    "AllowCredentials": "Access-Control-Allow-Credentials",
}
_NOT_EMULATED: Final = {
    "CacheClusterEnabled": "responses are not cached",
    "CanarySetting": "all requests go to the stage",
    "DefinitionBody": "only routes of functions' events are served",
    "DefinitionUri": "only routes of functions' events are served",
    "Domain": "it is served under its stage only",
    "GatewayResponses": "the API's own responses are API Gateway's defaults",
    "MethodSettings": "nothing is throttled or cached",
    "Models": "request bodies are not validated",
}


class RestAPIs:
    """The REST APIs of one template. Each is read when the first route needs it.

    `raw` reads the REST APIs in plain CloudFormation.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.raw = RestResources(document)
        self._apis: dict[str, RestAPI] = {}

    def route(self, event: Properties) -> RestRoute:
        """Return the route that an `Api` event describes. What is not emulated is a caution.

        Args:
            event: The properties of the event.

        Raises:
            TemplateError: A property is invalid.
        """
        api = self._api(event.reference("RestApiId", _IMPLICIT))
        auth = event.inner("Auth")
        if auth.reference("Authorizer") not in ("", "NONE"):
            auth.caution("Authorizer", NO_AUTHORIZER)
        needs_key = auth.flag("ApiKeyRequired")
        if needs_key is None:
            of_api = self._properties(api.logical_id).inner("Auth")
            needs_key = of_api.flag("ApiKeyRequired")
        streams = _streams(event)
        longest = limits.REST_API_STREAM_SECONDS if streams else limits.REST_API_SECONDS
        return RestRoute(
            api=api,
            method=event.text("Method", "any").upper(),
            resource=event.text("Path", "/"),
            streaming=streams,
            needs_key=bool(needs_key),
            timeout=timeout_seconds(event, limits.REST_API_SECONDS, longest),
        )

    def _api(self, logical_id: str) -> RestAPI:
        if logical_id not in self._apis:
            self._apis[logical_id] = self._read(logical_id)
        return self._apis[logical_id]

    def _properties(self, logical_id: str) -> Properties:
        shared = self.document.shared("Api")
        return Properties.of(self.document, logical_id, shared)

    def _read(self, logical_id: str) -> RestAPI:
        get = self._properties(logical_id)
        for key, instead in _NOT_EMULATED.items():
            if key in get.node:
                get.caution(key, f"{key} is not emulated: {instead}")
        auth = get.inner("Auth")
        if auth.text("DefaultAuthorizer", ""):
            auth.caution("DefaultAuthorizer", NO_AUTHORIZER)
        if "UsagePlan" in auth.node:
            auth.caution("UsagePlan", "usage plans are not emulated: nothing is throttled")
        types = [kind.replace("~1", "/") for kind in get.texts("BinaryMediaTypes")]
        preflight_needs_key = bool(auth.flag("ApiKeyRequired"))
        if auth.flag("AddApiKeyRequiredToCorsPreflight") is False:
            preflight_needs_key = False
        return RestAPI(
            logical_id,
            stage=get.text("StageName", "Prod"),
            variables=get.texts_by_name("Variables"),
            cors=_cors(get),
            binary_types=tuple(types),
            api_keys=frozenset(self.raw.key_values()),
            preflight_needs_key=preflight_needs_key,
        )


def _streams(event: Properties) -> bool:
    """Return whether the route streams.

    SAM ignores every value but the literal word RESPONSE_STREAM, also an intrinsic function.
    """
    given = event.node.get("ResponseTransferMode", "BUFFERED")
    if given not in ("BUFFERED", "RESPONSE_STREAM"):
        message = "SAM buffers here: it knows only the literal word RESPONSE_STREAM"
        event.caution("ResponseTransferMode", message)
    return bool(given == "RESPONSE_STREAM")


def _cors(get: Properties) -> Mapping[str, str] | None:
    """Return the headers of the OPTIONS method that SAM adds to each path; None without Cors.

    Raises:
        TemplateError: Cors has an unknown member.
    """
    given = get.value("Cors")
    if given is None or given is False:
        return None
    if not isinstance(given, dict):
        return {_CORS["AllowOrigin"]: _unquoted(get, "Cors")}
    block = get.inner("Cors")
    for name in map(str, block.node):
        if name not in _CORS:
            raise block.error(name, f"Cors has no {name!r}; it has: {', '.join(_CORS)}")
    headers = {_CORS["AllowOrigin"]: "*"}
    for key in set(block.node) - {"AllowCredentials"}:
        header = _CORS[key]
        headers[header] = _unquoted(block, key)
    if block.flag("AllowCredentials"):
        headers[_CORS["AllowCredentials"]] = "true"
    return headers


def _unquoted(get: Properties, key: str) -> str:
    """Return a value without its single quotes.

    In API Gateway, text in single quotes is a constant, such as "'*'". Other text is a caution.
    """
    text = get.text(key, "")
    if len(text) < 2 or text[0] != "'" or text[-1] != "'":
        message = f"""API Gateway takes only text in single quotes here: {key}: "'{text}'\""""
        get.caution(key, message)
    return text.strip("'")
