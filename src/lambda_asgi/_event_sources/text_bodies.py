"""Which bodies of a buffered result are text. Pure.

A result is JSON: a text body is a string in it, and other bodies are base64. API Gateway REST APIs
without `binaryMediaTypes` send base64 to the client unchanged, so a text in base64 arrives broken.
https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
"""

from lambda_asgi._asgi import RawHeaders

# In addition to text/* and the suffixes of text formats (RFC 6839, RFC 9512)
_TEXT = frozenset(
    [
        "application/ecmascript",
        "application/graphql",
        "application/javascript",
        "application/json",
        "application/jsonl",
        "application/jwt",
        "application/ndjson",
        "application/openmetrics-text",
        "application/sql",
        "application/toml",
        "application/vnd.oai.openapi",
        "application/x-javascript",
        "application/x-jsonlines",
        "application/x-ndjson",
        "application/x-sh",
        "application/x-www-form-urlencoded",
        "application/x-yaml",
        "application/xml",
        "application/yaml",
    ]
)
_TEXT_SUFFIXES = ("+json", "+xml", "+yaml")


def media_type(headers: RawHeaders) -> str:
    """Return the body's type in lower case, without parameters, or "". RFC 9110 section 8.3.1."""
    for name, value in headers:
        if name.lower() == b"content-type":
            return value.partition(b";")[0].strip().lower().decode("latin-1")
    return ""


def is_text(headers: RawHeaders, body: bytes, more: tuple[str, ...]) -> bool:
    """Return whether `body` is text.

    Its type must be text, in `more` or missing, and its bytes must be UTF-8. An item of `more` may
    be part of a type, as with Mangum's `text_mime_types`. A body with a content coding is never
    text.
    """
    if any(
        name.lower() == b"content-encoding" and value.lower() != b"identity"
        for name, value in headers
    ):
        return False
    kind = media_type(headers)
    if kind and not _is_text_type(kind) and not any(part.lower() in kind for part in more):
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_text_type(kind: str) -> bool:
    return kind.startswith("text/") or kind in _TEXT or kind.endswith(_TEXT_SUFFIXES)
