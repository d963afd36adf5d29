"""Error responses: problem details, RFC 9457."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import Response

from file_service.errors import FileChanged, NotFound, SourceRefused
from file_service.listing_formats import BadCursor
from file_service.paths import BadPath

# The statuses of routes, with the phrases of RFC 9110 section 15. http.HTTPStatus has older phrases
# before Python 3.13.
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    412: "Precondition Failed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


class ProblemDocument(BaseModel):
    """Problem details, RFC 9457. Some problems have more members."""

    model_config = ConfigDict(extra="allow", title="Problem")

    title: str | None = None
    status: int | None = None
    detail: str


class Problem(Exception):
    """Raised to respond with an error.

    Args:
        status: The status of the response.
        detail: What the client is told.
        headers: Additional headers of the response.
        members: Extension members of the problem (section 3.2).
    """

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def response(self) -> Response:
        """Return the response that reports the problem."""
        document: dict[str, Any] = {}
        if self.status != 404:  # whose detail says enough
            # `type` is "about:blank" by default (section 4.2.1): then the title is the phrase of
            # the status.
            title = _TITLES.get(self.status)
            document["title"] = title or HTTPStatus(self.status).phrase
            document["status"] = self.status
        document["detail"] = self.detail
        document.update(self.members)
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return Response(
            text.encode(),
            status_code=self.status,
            media_type="application/problem+json",
            headers={**self.headers, "cache-control": "no-store"},
        )


_CONTENT = {"application/problem+json": {"schema": ProblemDocument.model_json_schema()}}

# For the OpenAPI document: the errors of every route that serves files.
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {"description": title, "content": _CONTENT} for status, title in _TITLES.items()
}


def problem_of(error: Exception) -> Problem:
    """Return what a client is told about an error.

    It contains nothing about the store. The log has that.
    """
    match error:
        case Problem():
            return error
        case BadPath():
            return Problem(400, str(error))
        case BadCursor():
            return Problem(422, str(error))
        case HTTPException():
            return Problem(error.status_code, error.detail, headers=error.headers)
        case RequestValidationError():
            wrong = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
            return Problem(422, "; ".join(wrong))
        case NotFound():
            return Problem(
                404, "Folder not found." if error.path.endswith("/") else "File not found."
            )
        case FileChanged():
            return Problem(
                503,
                "The file changed while it was opened. Ask again.",
                headers={"retry-after": "1"},
            )
        case SourceRefused():
            return Problem(502, "The file source denies this service access; its log says why.")
        case _:
            return Problem(
                503, "The file source does not answer. Try again.", headers={"retry-after": "2"}
            )
