"""Error answers: problem details, RFC 9457."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response


class Problem(Exception):
    """Raised to answer with an error. `members` are extension members of the problem document (section 3.2)."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def response(self) -> Response:
        document: dict[str, Any] = {"detail": self.detail, **self.members}
        if self.status is not HTTPStatus.NOT_FOUND:
            # "about:blank" is the default of `type` (section 4.2.1); then the title is the status phrase.
            document = {"title": self.status.phrase, "status": int(self.status), **document}
        return Response(
            json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(),
            status_code=self.status,
            media_type="application/problem+json",
            headers={**self.headers, "cache-control": "no-store"},
        )


def file_not_found() -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "File not found.")
