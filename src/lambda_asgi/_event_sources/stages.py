"""Which part of a path is an API Gateway stage. Pure.

What AWS sends, for the stage `prod` and the route `/items`:

| API, payload | domain | path in the event | source |
|---|---|---|---|
| REST | execute-api | `/items`; `/prod/items` in requestContext | set-up-lambda-proxy-integrations (AWS) |
| REST | custom, mapping `shop` | `/shop/items` in both | powertools-lambda-python#579 |
| HTTP, 1.0 | execute-api | `/prod/items` | serverless-http#143 |
| HTTP, 1.0 | custom, mapping `shop` | `/shop/items` | powertools-lambda-python#576 |
| HTTP, 2.0 | execute-api | `/prod/items` | powertools-lambda-python#621 |
| HTTP, 2.0 | custom | `/prod/items` (reported), without the mapping's key | serverless-express#465 |

The stage is a part of the URL only on the execute-api domain. On a custom domain the event's route tells whether a
path has it all the same.
"""

from typing import Any


def stage_name(request_context: dict[str, Any]) -> str:
    """The name of an HTTP API's stage, "" for the default one, which is no part of the path."""
    stage = request_context.get("stage")
    return stage if isinstance(stage, str) and stage != "$default" else ""


def is_custom_domain(request_context: dict[str, Any]) -> bool:
    """Whether the request came by a custom domain name. An API's own domain is <id>.execute-api.<region>.<suffix>."""
    domain = request_context.get("domainName")
    return isinstance(domain, str) and ".execute-api." not in domain


def without_stage(path: str, stage: str, route: Any, parameters: Any) -> str | None:
    """`path` without the stage that stands before it; None if the stage is not there, or if nothing tells.

    `route` is the path of the API's route, such as "/items/{id}" or "/{proxy+}", and `parameters` has the values of
    its variables: together they are the path as the API knows it.
    """
    prefix = f"/{stage}"
    if not stage or not path.startswith(f"{prefix}/") or not isinstance(route, str):
        return None
    expected = route
    if isinstance(parameters, dict):
        for name, value in parameters.items():
            for variable in (f"{{{name}}}", f"{{{name}+}}"):
                expected = expected.replace(variable, str(value))
    rest = path[len(prefix) :]
    return rest if rest == expected else None
