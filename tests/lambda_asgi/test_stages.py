"""Stages and base paths: what AWS sends for each kind of API and domain, and what the app gets."""

from typing import Any

import pytest

from lambda_asgi._event_sources import EventOptions, infer
from lambda_asgi._event_sources.stages import stage_name, without_stage

OWN = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
CUSTOM = "api.example.com"
SHOP = EventOptions(base_path="/shop")
NONE = EventOptions()


def http_api(
    domain: str, path: str, stage: str, route: str = "$default", parameters: Any = None
) -> dict[str, Any]:
    context = {
        "domainName": domain,
        "stage": stage,
        "http": {"method": "GET", "path": path},
        "routeKey": route,
    }
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "pathParameters": parameters,
        "requestContext": context,
    }


def payload_v1(domain: str, path: str, stage: str, full_path: str, **more: Any) -> dict[str, Any]:
    context = {"domainName": domain, "stage": stage, "path": full_path}
    return {
        "httpMethod": "GET",
        "path": path,
        "resource": "/{proxy+}",
        "requestContext": context,
        **more,
    }


def http_api_v1(domain: str, path: str, stage: str) -> dict[str, Any]:
    return payload_v1(domain, path, stage, path, version="1.0")


V1 = "GET /v1/items"
PROXY = "ANY /{proxy+}"


@pytest.mark.parametrize(
    ("event", "options", "path", "root_path"),
    [
        # HTTP APIs, payload 2.0.
        (http_api(OWN, "/items", "$default"), NONE, "/items", ""),
        (http_api(OWN, "/prod/items", "prod"), NONE, "/prod/items", "/prod"),
        (http_api(OWN, "/v1/v1/items", "v1", V1), NONE, "/v1/v1/items", "/v1"),
        (http_api(CUSTOM, "/v1/items", "v1"), NONE, "/v1/items", ""),
        (http_api(CUSTOM, "/v1/items", "v1", V1), NONE, "/v1/items", ""),
        (http_api(CUSTOM, "/v1/v1/items", "v1", V1), NONE, "/v1/items", ""),
        (http_api(CUSTOM, "/v1/items", "v1", PROXY, {"proxy": "v1/items"}), NONE, "/v1/items", ""),
        (http_api(CUSTOM, "/prod/items", "prod", PROXY, {"proxy": "items"}), NONE, "/items", ""),
        (
            http_api(CUSTOM, "/prod/items", "prod", PROXY, {"proxy": "items"}),
            SHOP,
            "/shop/items",
            "/shop",
        ),
        (
            http_api(CUSTOM, "/prod/a/7", "prod", "GET /a/{id}", {"id": "7"}),
            SHOP,
            "/shop/a/7",
            "/shop",
        ),
        (http_api(CUSTOM, "/shop/items", "prod"), SHOP, "/shop/items", "/shop"),
        (
            http_api(CUSTOM, "/prod/items", "prod"),
            EventOptions(base_path="/prod"),
            "/prod/items",
            "/prod",
        ),
        # HTTP APIs, payload 1.0.
        (http_api_v1(OWN, "/prod/items", "prod"), NONE, "/prod/items", "/prod"),
        (http_api_v1(OWN, "/items", "$default"), NONE, "/items", ""),
        (http_api_v1(CUSTOM, "/v1/items", "v1"), NONE, "/v1/items", ""),
        (http_api_v1(CUSTOM, "/shop/items", "prod"), SHOP, "/shop/items", "/shop"),
        # REST APIs.
        (payload_v1(OWN, "/items", "prod", "/prod/items"), NONE, "/prod/items", "/prod"),
        (payload_v1(OWN, "/v1/items", "v1", "/v1/v1/items"), NONE, "/v1/v1/items", "/v1"),
        (payload_v1(CUSTOM, "/v1/items", "v1", "/v1/items"), NONE, "/v1/items", ""),
        (payload_v1(CUSTOM, "/shop/items", "prod", "/shop/items"), SHOP, "/shop/items", "/shop"),
        # A mapping without a stage leaves the stage in the path.
        (
            payload_v1(CUSTOM, "/shop/prod/items", "prod", "/shop/prod/items"),
            EventOptions(base_path="/shop/prod"),
            "/shop/prod/items",
            "/shop/prod",
        ),
        # No domain: an event made by hand.
        (http_api("", "/items", "$default"), NONE, "/items", ""),
    ],
)
def test_what_the_app_gets(
    event: dict[str, Any], options: EventOptions, path: str, root_path: str
) -> None:
    scope, _ = infer(event, None, options).request()
    assert (scope["path"], scope["root_path"]) == (path, root_path)


@pytest.mark.parametrize(
    ("path", "stage", "route", "parameters", "rest"),
    [
        ("/prod/items", "prod", "/items", None, "/items"),
        ("/prod/items/", "prod", "/items", None, None),
        ("/prod/a/b/c", "prod", "/a/{rest+}", {"rest": "b/c"}, "/a/b/c"),
        ("/prod/a/b", "prod", "/{x}/{y}", {"x": "a", "y": "b"}, "/a/b"),
        ("/production/items", "prod", "/items", None, None),
        ("/prod", "prod", "", None, None),
        ("/items", "", "/items", None, None),
        ("/prod/items", "prod", None, None, None),
        ("/prod/7", "prod", "/{id}", {"id": 7}, "/7"),
    ],
)
def test_without_stage(
    path: str, stage: str, route: Any, parameters: Any, rest: str | None
) -> None:
    assert without_stage(path, stage, route, parameters) == rest


@pytest.mark.parametrize(
    ("stage", "name"), [("prod", "prod"), ("$default", ""), (None, ""), (7, ""), ("", "")]
)
def test_the_name_of_a_stage(stage: Any, name: str) -> None:
    assert stage_name({"stage": stage}) == name
    assert stage_name({}) == ""
