"""Which part of a path is an API Gateway stage. Pure.

What AWS sends, for the stage `prod` and the route `/items`:

| API, payload | domain      | path in the event                        | source              |
|--------------|-------------|------------------------------------------|---------------------|
| REST         | execute-api | `/items`; requestContext: `/prod/items`  | AWS [1]             |
| REST         | custom [2]  | `/shop/items` in both                    | powertools#579      |
| HTTP, 1.0    | execute-api | `/prod/items`                            | serverless-http#143 |
| HTTP, 1.0    | custom [2]  | `/shop/items`                            | powertools#576      |
| HTTP, 2.0    | execute-api | `/prod/items`                            | powertools#621      |
| HTTP, 2.0    | custom [2]  | `/prod/items` (reported), no mapping key | serverless-express#465 |

[1] set-up-lambda-proxy-integrations. [2] With the mapping `shop`. powertools is
powertools-lambda-python.

The stage is part of the URL only on the execute-api domain. On a custom domain, the event's route
shows whether the path has it.
"""

from typing import Any


def stage_name(request_context: dict[str, Any]) -> str:
    """Return the name of an HTTP API's stage; "" for the default stage.

    The default stage is not in the path.
    """
    stage = request_context.get("stage")
    return stage if isinstance(stage, str) and stage != "$default" else ""


def is_custom_domain(request_context: dict[str, Any]) -> bool:
    """Return whether the request used a custom domain, not <id>.execute-api.<region>.<suffix>."""
    domain = request_context.get("domainName")
    return isinstance(domain, str) and ".execute-api." not in domain


def without_stage(path: str, stage: str, route: Any, parameters: Any) -> str | None:
    """Return `path` without the stage before it, or None if there is none or it cannot be known.

    Args:
        path: The path in the event.
        stage: The name of the stage.
        route: The path of the API's route, such as "/items/{id}" or "/{proxy+}".
        parameters: The values of the route's variables. With the route they are the path as the API
            knows it.
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
