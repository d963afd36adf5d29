"""Every number that the emulator takes from AWS, and its own limits for hostile clients.

Each has its source. The words are those of docs/fidelity.md: recorded (captured from AWS),
documented (an AWS page), assumed (our choice). Sizes are in bytes. Times are in seconds.
"""

KIB = 1024
MIB = 1024 * KIB

# ---- Lambda

REQUEST_PAYLOAD = 6 * MIB
"""Largest event of a synchronous invocation. Documented: Lambda quotas, "Invocation payload"."""

ASYNCHRONOUS_PAYLOAD = 1 * MIB
"""Largest event of InvocationType Event. Documented: Lambda quotas (256 KB before October 2025)."""

ASYNCHRONOUS_RETRY_SECONDS = (60.0, 120.0)
"""The pauses before the second and the third attempt of an asynchronous event.

Documented: error handling for asynchronous invocation.
"""

ASYNCHRONOUS_RETRY_SCALE = 1 / 60
"""The emulator's pauses are shorter by this factor: a second for a minute. Its own choice."""

ASYNCHRONOUS_BACKOFF_SECONDS = 300.0
"""Longest wait of an event whose function is throttled; the first is one second.

Documented, as above.
"""

CLIENT_CONTEXT = 3583
"""Largest X-Amz-Client-Context, in base64. Documented: Invoke."""

API_GATEWAY_PAYLOAD = 10 * MIB
"""Largest request to a REST or HTTP API. Its event must also fit REQUEST_PAYLOAD.

Documented: quotas.
"""

REST_API_SECONDS = 29.0
REST_API_STREAM_SECONDS = 900.0
HTTP_API_SECONDS = 30.0
"""How long an API waits for its integration. Documented: quotas, response transfer mode."""

API_GATEWAY_TIMEOUT = 0.05
"""The shortest timeout that can be set for an integration. Documented: TimeoutInMillis."""

HTTP_API_HEAD = 10240
"""Request line and header values together, in an HTTP API. Documented: quotas."""

REQUEST_HEAD = 1 * MIB
"""Request line and headers together. Documented: Lambda quotas."""

BUFFERED_RESPONSE = 6 * MIB + 100
"""Largest buffered answer. Recorded: "maximum allowed payload size (6291556 bytes)"."""

STREAMED_RESPONSE = 200 * MIB + 1
"""A 201 MiB stream was cut, without an error, after exactly 209,715,201 bytes.

Recorded (one run).
"""

PRELUDE = 16 * KIB
"""The eight NULs that end the prelude must be within these bytes.

Documented for API Gateway; assumed for Function URLs.
"""

INIT_SECONDS = 10.0
"""Time for the initialisation of an on-demand function. Documented: Lambda runtime environment."""

RESTORE_SECONDS = 10.0
"""SnapStart: time for `restore/next` to come back to `next`. Documented."""

SNAPSHOT_INIT_SECONDS = 130.0
"""SnapStart and Managed Instances: init may take max(function timeout, 130 s). Documented."""

SHUTDOWN_INTERNAL_SECONDS = 0.5
SHUTDOWN_EXTERNAL_SECONDS = 2.0
"""From SIGTERM to SIGKILL, with internal and with external extensions.

Without extensions, no SIGTERM is sent.

Documented.
"""

LOG_TAIL = 4 * KIB
"""Log bytes that `LogType: Tail` returns. Documented: Invoke."""

FUNCTION_TIMEOUT = 3
MEMORY_MIB = 128
"""Lambda's defaults for Timeout and MemorySize. Documented: AWS::Lambda::Function."""

STREAM_BURST = 6 * MIB
STREAM_RATE = 2 * MIB
"""Bytes at once, then bytes a second, of a Function URL or InvokeWithResponseStream.

Documented: response streaming.
"""

API_GATEWAY_BURST = 10 * MIB
"""The same for a streamed REST API; then STREAM_RATE.

Documented: API Gateway response transfer mode.
"""

PACE_INTERVAL_SECONDS = 0.125
"""How often the bucket is filled.

From the source of AWS's runtime interface emulator (core/directinvoke).
"""

REQUESTS_PER_RESERVED = 10
"""A Function URL takes so many requests a second for each unit of reserved concurrency.

Documented: Function URLs.
"""

# ---- the emulator's own

DEBUG_SECONDS = 86_400
"""The time limit with --debug, which should be none: a day."""

HEAD_SECONDS = 10.0
"""From a request's first byte to the end of its headers.

nginx allows 60 s; the usual advice for Go is 5 s.
"""

BODY_SECONDS = 30.0
"""Longest time between two parts of a request body."""

IDLE_SECONDS = 60.0
"""How long a kept-alive connection may wait for its next request.

AWS load balancers allow 60 s; Function URLs are not recorded.
"""

LINGER_SECONDS = 2.0
"""How long to read and drop the rest of a request after an early response (413, 400).

A close before that would reset the connection and lose the response (RFC 9112, 9.6).
"""

SILENCE_SECONDS = 2.0
"""If a start takes longer, the console says what the caller is waiting for."""

SETTLE_SECONDS = 0.05
"""How long an environment may take from its response to the next poll before another replaces it.
"""

READ_AHEAD = 256 * KIB
"""Bytes of a body to hold in memory. Beyond that, its sender must wait."""

WRITE_AHEAD = 256 * KIB
"""Bytes handed to a socket's buffer before its writer has to wait."""

TRAILERS = 64
"""Most trailers of one request body. A runtime sends two."""

PIPELINE = 16
"""Most requests of one connection that are parsed before it is their turn."""

EMPTY_STREAM_HANG_SECONDS = 30.0
"""How long a stream without a single byte leaves its client waiting.

Recorded: more than 90 s; shortened here.
"""

# ---- Web Functions

WEB_INIT_SECONDS = 10.0
"""Time for an app to start listening.

Documented: Web Functions, execution environment lifecycle.
"""

WEB_SHUTDOWN_SECONDS = 1.0
"""From SIGTERM to SIGKILL. Documented: Web Functions, execution environment lifecycle."""

WEB_HEADER_LINES = 6300
"""Most header lines of a request, with those that the platform adds. More get a 431.

From AWS's agent toolkit.
"""

WEB_VARIABLE = 4096
"""Characters of one environment variable's value. Documented: AWS::Lambda::WebFunctionRevision."""

WEB_VARIABLES = 32 * KIB
"""Characters of all environment variables, names and values. From AWS's agent toolkit."""

WEB_SIGNED_BODY = 64 * MIB
"""Largest signed request. It is held in memory until its digest was compared.

The emulator's own limit.
"""
