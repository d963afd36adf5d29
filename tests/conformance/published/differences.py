"""The tests of other projects that pass without lambda_asgi and fail with it: each with its reason.

A key is a test function, for all its parameters.
"""

_SCOPE = "it compares the whole scope with Mangum's; docs/events.md lists the differences"
_CONFIG = "it reads the attribute `config`, which is Mangum's own"
_TYPE = "bytes that are UTF-8 are text without a type, and no type is made up (docs/events.md)"
_EDGE = "Lambda@Edge knows bodyEncoding and a status that is a string (docs/events.md)"
_ONCE = "the lifespan runs once for an execution environment, not once for an invocation"
_REQUIRED = (
    "StartupFailed in place of LifespanFailure; "
    "the lifespan of an environment shuts down once, at its end"
)
_LENGTH = "a response of ours has a content-length"

_TRAILERS = (
    "the client's extension http.response.trailers: "
    "no event source of Lambda passes an app's trailers on"
)
_HOST = "a malformed Host is dropped, and the URL's own name takes its place (docs/events.md)"
_WHOLE = "the tests' way hands a response to the client when it is complete"

_JOINED = "a Function URL joins the values of a repeated header"
_LOGGED = "pytest keeps the log record of the error, and so its traceback"
_JSON = "it replaces json.loads, with which the tests' way reads the prelude"

_PARAMS = "tests/test_request_params/"
_ALIASES = "tests/test_header_cookie_alias_choices.py::"
_TUTORIAL = "tests/test_tutorial/"
_CLIENT = "tests/test_testclient.py::"
_MIDDLEWARE = "tests/middleware/"
_HANDLERS = "tests/handlers/"
_HTTP = "tests/test_http.py::"
_LIFESPAN = "tests/test_lifespan.py::"
_HTTP_GATEWAY = f"{_HANDLERS}test_http_gateway.py::"
_EDGE_TESTS = f"{_HANDLERS}test_lambda_at_edge.py::"
_HEADER_LIST = f"{_PARAMS}test_header/test_list.py::"
_HEADER_OPTIONAL = f"{_PARAMS}test_header/test_optional_list.py::"
_NULLABLE = f"{_PARAMS}test_nullable_and_defaults.py::"
_TELEMETRY = "tests/test_telemetry/"
_HEADER_MODELS = f"{_TUTORIAL}test_header_param_models/"
_REDIRECTS = f"{_MIDDLEWARE}test_https_redirect.py::"

DIFFERENCES: dict[str, dict[str, str]] = {
    "mangum": {
        f"{_HANDLERS}test_alb.py::test_aws_alb_response_extra_mime_types": _CONFIG,
        f"{_HANDLERS}test_api_gateway.py::test_aws_api_gateway_base_path": (
            "the base path becomes root_path, and the path stays whole, as ASGI asks"
        ),
        f"{_HANDLERS}test_api_gateway.py::test_aws_api_gateway_response_extra_mime_types": _CONFIG,
        f"{_HTTP_GATEWAY}test_aws_http_gateway_response_v1": _TYPE,
        f"{_HTTP_GATEWAY}test_aws_http_gateway_response_v1_extra_mime_types": _CONFIG,
        f"{_HTTP_GATEWAY}test_aws_http_gateway_response_v2": _TYPE,
        f"{_HTTP_GATEWAY}test_aws_http_gateway_response_v2_extra_mime_types": _CONFIG,
        f"{_EDGE_TESTS}test_aws_lambda_at_edge_exclude_": _EDGE,
        f"{_EDGE_TESTS}test_aws_lambda_at_edge_response": _EDGE,
        f"{_EDGE_TESTS}test_aws_lambda_at_edge_response_extra_mime_types": _CONFIG,
        "tests/test_adapter.py::test_default_settings": _CONFIG,
        "tests/test_adapter.py::test_event_loop_created_when_missing": (
            "no event loop is left set in the user's thread"
        ),
        "tests/test_adapter.py::test_invalid_options": "the message is ours",
        f"{_HTTP}test_http_binary_gzip_response": (
            "its event has a body of bytes, which no JSON can carry: 400"
        ),
        f"{_HTTP}test_http_cycle_state": _LENGTH,
        f"{_HTTP}test_http_exception_mid_response": _LENGTH,
        f"{_HTTP}test_http_logging": "the lines are lambda_asgi's",
        f"{_HTTP}test_http_response": _SCOPE,
        f"{_HTTP}test_set_cookies_v1": "its event has no httpMethod: 400",
        f"{_HTTP}test_set_cookies_v2": _SCOPE,
        f"{_LIFESPAN}test_lifespan": _ONCE,
        f"{_LIFESPAN}test_lifespan_error": _REQUIRED,
        f"{_LIFESPAN}test_lifespan_failure": _REQUIRED,
        f"{_LIFESPAN}test_lifespan_state": _ONCE,
        f"{_LIFESPAN}test_lifespan_unexpected_message": _REQUIRED,
        f"{_LIFESPAN}test_lifespan_unsupported": _REQUIRED,
        f"{_LIFESPAN}test_quart_lifespan": _ONCE,
        f"{_LIFESPAN}test_starlette_lifespan": _ONCE,
    },
    "starlette": {
        f"{_MIDDLEWARE}test_gzip.py::test_gzip_excluded_content_type_trailers": _TRAILERS,
        f"{_MIDDLEWARE}test_gzip.py::test_gzip_trailers": _TRAILERS,
        f"{_REDIRECTS}test_https_redirect_middleware": _HOST,
        f"{_REDIRECTS}test_https_redirect_middleware_without_server": _HOST,
        f"{_MIDDLEWARE}test_trusted_host.py::test_trusted_host_middleware_ipv6": _HOST,
        "tests/test_exceptions.py::test_force_500_response": "the body of a 500 of ours says so",
        "tests/test_requests.py::test_request_send_push_promise": (
            "http.response.push is not announced, and a message that is not announced raises, "
            "as under uvicorn"
        ),
        "tests/test_responses.py::test_response_phrase": "a status below 200 is not a final one",
        "tests/test_routing.py::test_host_routing_ignores_port": _HOST,
        "tests/test_routing.py::test_host_routing_ip_literals": _HOST,
        f"{_CLIENT}test_capture_trailers": _TRAILERS,
        f"{_CLIENT}test_closing_client_cancels_unclosed_response": _WHOLE,
        f"{_CLIENT}test_closing_completed_response_waits_for_background_task": _WHOLE,
        f"{_CLIENT}test_closing_completed_trailers_waits_for_application": _TRAILERS,
        f"{_CLIENT}test_incomplete_trailers": _TRAILERS,
        f"{_CLIENT}test_invalid_trailer_sequence": _TRAILERS,
        f"{_CLIENT}test_streaming_response_applies_backpressure": _WHOLE,
        f"{_CLIENT}test_streaming_response_is_available_before_first_chunk": _WHOLE,
        f"{_CLIENT}test_streaming_response_skips_empty_and_head_bodies": _WHOLE,
        f"{_CLIENT}test_trailer_error_respects_raise_server_exceptions": _TRAILERS,
        f"{_CLIENT}test_with_duplicate_headers": _JOINED,
    },
    "fastapi": {
        f"{_ALIASES}test_header_list_choices_preserve_items": _JOINED,
        f"{_ALIASES}test_repeated_scalar_header_uses_first_value": _JOINED,
        f"{_ALIASES}test_header_choices_follow_declaration_order": _JOINED,
        f"{_ALIASES}test_header_model_fields_can_share_an_unused_alias_choice": _JOINED,
        f"{_ALIASES}test_header_model_unused_alias_choice_keeps_extra_value_shape": _JOINED,
        "tests/test_header_cookie_optional_models.py::test_optional_header_model": _JOINED,
        "tests/test_multiple_parameter_models.py::"
        "test_header_conversion_is_per_model_and_does_not_mutate_cached_fields": _JOINED,
        "tests/test_query_cookie_header_model_extra_params.py::test_header_pass_extra_list": (
            _JOINED
        ),
        f"{_PARAMS}test_field_options.py::test_fail_fast": _JOINED,
        f"{_HEADER_LIST}test_required_list_str": _JOINED,
        f"{_HEADER_LIST}test_required_list_alias_by_name": _JOINED,
        f"{_HEADER_LIST}test_required_list_alias_by_alias": _JOINED,
        f"{_HEADER_LIST}test_required_list_validation_alias_by_name": _JOINED,
        f"{_HEADER_LIST}test_required_list_validation_alias_by_validation_alias": _JOINED,
        f"{_HEADER_LIST}test_required_list_alias_and_validation_alias_by_name": _JOINED,
        f"{_HEADER_LIST}test_required_list_alias_and_validation_alias_by_alias": _JOINED,
        f"{_HEADER_LIST}test_required_list_alias_and_validation_alias_by_validation_alias": _JOINED,
        f"{_PARAMS}test_header/test_nullable_and_defaults.py::"
        "test_header_model_list_error_preserves_item_index": _JOINED,
        f"{_HEADER_OPTIONAL}test_optional_list_str": _JOINED,
        f"{_HEADER_OPTIONAL}test_optional_list_alias_by_alias": _JOINED,
        f"{_HEADER_OPTIONAL}test_optional_list_validation_alias_by_validation_alias": _JOINED,
        f"{_HEADER_OPTIONAL}"
        "test_optional_list_alias_and_validation_alias_by_validation_alias": _JOINED,
        f"{_NULLABLE}test_nullable_list_default_and_repeated_values": _JOINED,
        f"{_NULLABLE}test_nullable_list_parameter_default_factory": _JOINED,
        f"{_TELEMETRY}test_data.py::test_retained_context_does_not_keep_failed_request_alive": (
            _LOGGED
        ),
        f"{_TELEMETRY}test_http.py::test_custom_propagator_can_read_repeated_headers": _JOINED,
        f"{_TELEMETRY}test_semantic_conventions.py::test_request_authority_is_only_on_spans": _HOST,
        f"{_TUTORIAL}test_body/test_tutorial001.py::test_other_exceptions": _JSON,
        f"{_HEADER_MODELS}test_tutorial001.py::test_header_param_model": _JOINED,
        f"{_HEADER_MODELS}test_tutorial002.py::test_header_param_model": _JOINED,
        f"{_HEADER_MODELS}test_tutorial003.py::test_header_param_model": _JOINED,
        f"{_HEADER_MODELS}test_tutorial003.py::test_header_param_model_no_underscore": _JOINED,
        f"{_TUTORIAL}test_header_params/test_tutorial003.py::test": _JOINED,
    },
}
