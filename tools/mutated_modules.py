"""Which modules `make mutants` changes, and what tests them."""

LAMBDA_ASGI = "tests/lambda_asgi"
SERVICE = "tests/file_service"


def _files(folder: str, *names: str) -> list[str]:
    return [f"{folder}/test_{name}.py" for name in names]


EVENTS = _files(
    LAMBDA_ASGI,
    "authority",
    "event_options",
    "event_sources",
    "event_sources_custom",
    "event_sources_golden",
    "results",
    "scope",
    "stages",
    "text_bodies",
)
CYCLE = _files(
    LAMBDA_ASGI,
    "app_faults",
    "concurrency",
    "connection_lost_between",
    "context",
    "cycle",
    "disconnect",
    "endings",
    "faults",
    "flow",
    "handler_mode",
    "pathsend",
    "stream_safety",
    "timing",
    "whole_and_streamed",
)
RUNTIME = _files(
    LAMBDA_ASGI,
    "concurrency",
    "connection_lost_between",
    "exits",
    "faults",
    "lifespan",
    "process",
    "shutdown",
    "snapstart",
    "timing",
)
APP = _files(SERVICE, "access", "digests", "limits", "listings", "name_search", "site")
ARCHIVES = _files(SERVICE, "archives", "selections")

TESTS: dict[str, list[str]] = {
    "lambda_asgi._cycle": CYCLE,
    "lambda_asgi._describe": _files(LAMBDA_ASGI, "describe", "app_faults"),
    "lambda_asgi._ending": CYCLE,
    "lambda_asgi._environment": _files(LAMBDA_ASGI, "environment"),
    "lambda_asgi._error_report": _files(LAMBDA_ASGI, "error_report", "protocol", "app_faults"),
    "lambda_asgi._event_sources.__init__": EVENTS,
    "lambda_asgi._event_sources.alb": EVENTS,
    "lambda_asgi._event_sources.authority": EVENTS,
    "lambda_asgi._event_sources.custom": EVENTS,
    "lambda_asgi._event_sources.event_source": EVENTS,
    "lambda_asgi._event_sources.lambda_at_edge": EVENTS,
    "lambda_asgi._event_sources.non_http": EVENTS,
    "lambda_asgi._event_sources.parts": EVENTS,
    "lambda_asgi._event_sources.payload_v1": EVENTS,
    "lambda_asgi._event_sources.payload_v2": EVENTS,
    "lambda_asgi._event_sources.results": EVENTS,
    "lambda_asgi._event_sources.stages": EVENTS,
    "lambda_asgi._event_sources.text_bodies": EVENTS,
    "lambda_asgi._event_sources.vpc_lattice": EVENTS,
    "lambda_asgi._handler_mode.results": _files(LAMBDA_ASGI, "handler_results", "handler_mode"),
    "lambda_asgi._headers": _files(LAMBDA_ASGI, "headers", "response"),
    "lambda_asgi._invocation": _files(LAMBDA_ASGI, "context", "invocation"),
    "lambda_asgi._prelude": _files(LAMBDA_ASGI, "prelude"),
    "lambda_asgi._records": _files(LAMBDA_ASGI, "records"),
    "lambda_asgi._response": _files(LAMBDA_ASGI, "response", "response_model"),
    "lambda_asgi._response_mode": _files(LAMBDA_ASGI, "response_mode"),
    "lambda_asgi._runtime": RUNTIME,
    "lambda_asgi._runtime_api.protocol": _files(LAMBDA_ASGI, "protocol"),
    "lambda_asgi.errors": _files(LAMBDA_ASGI, "error_report", "protocol"),
    "file_service.aws.sigv4": _files(SERVICE, "sigv4"),
    "file_service.errors": APP,
    "file_service.http.byte_ranges": _files(SERVICE, "byte_ranges"),
    "file_service.http.conditional": _files(SERVICE, "conditional"),
    "file_service.http.content_disposition": _files(SERVICE, "names"),
    "file_service.http.multipart": [*_files(SERVICE, "byte_ranges"), *APP],
    "file_service.http.negotiation": _files(SERVICE, "names", "listings"),
    "file_service.http.selection": [*_files(SERVICE, "byte_ranges", "conditional"), *APP],
    "file_service.identity.caller": _files(SERVICE, "access", "credentials", "sessions", "shares"),
    "file_service.identity.credentials": _files(SERVICE, "access", "credentials", "sessions"),
    "file_service.identity.signing": _files(SERVICE, "credentials", "sessions", "shares"),
    "file_service.known_digests": _files(SERVICE, "digests"),
    "file_service.limits": _files(SERVICE, "limits"),
    "file_service.listing_formats": _files(SERVICE, "listings"),
    "file_service.media_types": [*_files(SERVICE, "names"), *APP],
    "file_service.packing.tar_writer": ARCHIVES,
    "file_service.packing.zip_writer": ARCHIVES,
    "file_service.paths": [*_files(SERVICE, "names"), *APP],
    "file_service.streams": [*_files(SERVICE, "streams"), *APP],
}
"""Modules, and the files of tests that test each."""

# Tests that look at the source, at imports or at memory see the changed modules otherwise;
# the others need minutes on a busy machine.
NOT = " and ".join(
    f"not {part}"
    for part in (
        "pure",
        "200_mib",
        "garbage_collector",
        "does_not_read",
        "memory",
        "copied_often",
        "imports_nothing_more",
    )
)
