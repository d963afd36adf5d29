"""The telemetry of an invocation that a collector gets, in the same form for each package."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.integrations.support import Datagrams, Request, ask, collector, function, in_environment

PATHS = ("/json", "/stream", "/early", "/late")
"""A small response, a stream, and an error before and behind the first byte."""


@dataclass(frozen=True)
class Seen:
    kind: str
    """invocation: of the function. request: of the app. error, metric or log: of either."""
    seconds: float = 0.0
    trace: str = ""


Telemetry = dict[str, list[Seen]]
"""For each of PATHS."""


@dataclass
class Sources:
    """Where an invocation's telemetry may have gone, since the last invocation."""

    requests: list[Request]
    datagrams: list[bytes]
    log: list[str]


@dataclass(frozen=True)
class Package:
    name: str
    """Of its environment."""
    recipe: str
    """The title's first part: it names the mode as well."""
    variables: Callable[[str, str], dict[str, str]]
    """The function's variables, for an adapter and a collector. The template sets HANDLER."""
    read: Callable[[Sources], Iterator[Seen]]

    def observe(self, adapter: str, folder: Path, mode: str = "") -> Telemetry:
        """Request each of PATHS. What arrives after the environment is frozen does not count."""
        seen: Telemetry = {}
        with collector() as http, closing(Datagrams()) as udp:
            variables = self.variables(adapter, http.url)
            handler = variables.pop("HANDLER", "main.handler")
            variables["AWS_XRAY_DAEMON_ADDRESS"] = udp.address
            with function(
                self.name, self.recipe, adapter, folder, variables, mode=mode, handler=handler
            ) as emulator:
                for path in PATHS:
                    known = len(emulator.drain())
                    ask(emulator, path)
                    log = [
                        event["message"]
                        for event in emulator.drain()[known:]
                        if event["event"] == "log"
                    ]
                    seen[path] = list(self.read(Sources(http.take(), udp.take(), log)))
        return seen


# Sentry: envelopes over HTTP. https://develop.sentry.dev/sdk/data-model/envelopes/


def _sentry_variables(adapter: str, url: str) -> dict[str, str]:
    return {"SENTRY_DSN": url.replace("http://", "http://public@") + "/1"}


def _sentry(sources: Sources) -> Iterator[Seen]:
    for request in sources.requests:
        lines = iter(request.body.split(b"\n")[1:])
        for line in filter(None, lines):
            kind = json.loads(line).get("type")
            if kind == "event":
                yield Seen("error", trace=json.loads(next(lines))["contexts"]["trace"]["trace_id"])
            elif kind == "transaction":
                item = json.loads(next(lines))
                of_function = item["transaction"] == "Probe"
                seconds = _seconds(item["timestamp"]) - _seconds(item["start_timestamp"])
                yield Seen(
                    "invocation" if of_function else "request",
                    seconds,
                    item["contexts"]["trace"]["trace_id"],
                )


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


# OpenTelemetry: OTLP over HTTP, in protocol buffers.


def _otel_variables(adapter: str, url: str) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_PROPAGATORS": "tracecontext"}


DECODE_OTLP = """
import json, sys
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
request = ExportTraceServiceRequest.FromString(sys.stdin.buffer.read())
print(json.dumps([
    {"name": span.name, "scope": scope.scope.name, "trace": span.trace_id.hex(),
     "seconds": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
     "errors": [event.name for event in span.events].count("exception")}
    for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
]))
"""


def _otel(sources: Sources) -> Iterator[Seen]:
    for request in sources.requests:
        for span in in_environment("otel", DECODE_OTLP, request.body):
            scope = span["scope"].rpartition(".")[2]
            if scope in ("aws_lambda", "asgi"):  # FastAPI makes spans of its own as well
                yield Seen(
                    "invocation" if scope == "aws_lambda" else "request",
                    span["seconds"],
                    span["trace"],
                )


# Datadog, without its extension: traces and metrics are lines of the log.


def _datadog_variables(adapter: str, url: str) -> dict[str, str]:
    settings = {"DD_FLUSH_TO_LOG": "true", "DD_COLD_START_TRACING": "false", "DD_API_KEY": "none"}
    settings |= {
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    }
    return settings


def _with_an_agent(adapter: str, url: str) -> dict[str, str]:
    return _datadog_variables(adapter, url) | {"DD_TRACE_AGENT_URL": url}


def _redirected(adapter: str, url: str) -> dict[str, str]:
    redirect = {"HANDLER": "datadog_lambda.handler.handler", "DD_LAMBDA_HANDLER": "main.handler"}
    return _datadog_variables(adapter, url) | redirect


DATADOG_KINDS = {"aws.lambda": "invocation", "fastapi.request": "request"}


def _datadog(sources: Sources) -> Iterator[Seen]:
    decoder = json.JSONDecoder()
    for line in sources.log:
        for mark, found in (('{"m"', "metric"), ('{"traces"', "traces")):
            if mark in line:
                document, _ = decoder.raw_decode(line[line.index(mark) :])
                if found == "metric" and document["m"] == "aws.lambda.enhanced.errors":
                    yield Seen("error")
                elif found == "metric":
                    yield Seen("metric")
                else:
                    yield from _datadog_spans(document["traces"])
    for request in sources.requests:
        if request.path.endswith("/traces"):
            yield from _datadog_spans(in_environment("datadog", DECODE_MSGPACK, request.body))


# Version 0.5 of the agent's API: a table of strings, and spans as lists with indexes into it.
DECODE_MSGPACK = """
import json, msgpack, sys
strings, traces = msgpack.unpackb(sys.stdin.buffer.read(), strict_map_key=False)
print(json.dumps([
    [{"name": strings[span[1]], "trace_id": span[3], "duration": span[7]} for span in trace]
    for trace in traces
]))
"""


def _datadog_spans(traces: Sequence[Sequence[dict[str, Any]]]) -> Iterator[Seen]:
    for trace in traces:
        for span in trace:
            if span["name"] in DATADOG_KINDS:
                yield Seen(
                    DATADOG_KINDS[span["name"]], span["duration"] / 1e9, str(span["trace_id"])
                )


# New Relic, without its extension: a line of the log for each invocation.


def _newrelic_variables(adapter: str, url: str) -> dict[str, str]:
    settings = {
        "NEW_RELIC_SERVERLESS_MODE_ENABLED": "true",
        "NEW_RELIC_DISTRIBUTED_TRACING_ENABLED": "true",
    }
    return settings | {"NEW_RELIC_ACCOUNT_ID": "1", "NEW_RELIC_TRUSTED_ACCOUNT_KEY": "1"}


def _newrelic(sources: Sources) -> Iterator[Seen]:
    for line in sources.log:
        mark = '[1,"NR_LAMBDA_MONITORING"'
        if mark not in line:
            continue
        payload = json.loads(line[line.index(mark) :])[-1]
        data = json.loads(gzip.decompress(base64.b64decode(payload)))
        data = data.get("data", data)
        for event in data["analytic_event_data"][2]:
            yield Seen("request", event[0]["duration"], event[0]["traceId"])
        for event in data.get("error_event_data", [0, 0, []])[2]:
            yield Seen("error", trace=event[0].get("traceId", ""))


# X-Ray: segments in datagrams to its daemon.


def _xray(sources: Sources) -> Iterator[Seen]:
    for datagram in sources.datagrams:
        segment = json.loads(datagram.partition(b"\n")[2])
        yield Seen("request", segment["end_time"] - segment["start_time"], segment["trace_id"])


# Powertools: structured lines of the log, and X-Ray.


def _powertools(sources: Sources) -> Iterator[Seen]:
    yield from _xray(sources)
    for line in sources.log:
        if '"asked for"' in line:
            yield Seen("log")
        if '"Requests":[1.0]' in line:
            yield Seen("metric")


def _no_variables(adapter: str, url: str) -> dict[str, str]:
    return {}


OTEL = Package("otel", "OpenTelemetry", _otel_variables, _otel)
SENTRY = Package("sentry", "Sentry", _sentry_variables, _sentry)
DATADOG_DECORATOR = Package("datadog", "Datadog decorator", _datadog_variables, _datadog)
DATADOG_REDIRECT = Package("datadog", "Datadog redirect", _redirected, _datadog)
DATADOG = Package("datadog", "Datadog", _with_an_agent, _datadog)
NEW_RELIC = Package("newrelic", "New Relic", _newrelic_variables, _newrelic)
POWERTOOLS = Package("powertools", "Powertools", _no_variables, _powertools)
XRAY = Package("xray", "X-Ray SDK", _no_variables, _xray)
