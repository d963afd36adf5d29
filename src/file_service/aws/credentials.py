"""Find AWS credentials on Lambda: in the environment, or at the container endpoint.

Lambda sets environment variables. A function with SnapStart gets the endpoint instead, because
credentials in a snapshot would expire (Lambda Developer Guide, "Defined runtime environment
variables").
"""

import json
import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

from file_service.aws.sigv4 import Credentials

# Amazon ECS Developer Guide, "Task IAM role"
_RELATIVE_TO = "http://169.254.170.2"
_RENEW_BEFORE = timedelta(minutes=5)
_SECONDS = 5


class NoCredentials(Exception):
    """There are no credentials. The message says what to set."""


class CredentialProvider:
    """The credentials of this process, renewed before they expire. Safe to call from threads."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._held: Credentials | None = None

    def get(self) -> Credentials:
        """Return valid credentials.

        Raises:
            NoCredentials: None are configured.
            OSError: The endpoint does not answer.
        """
        with self._lock:
            if self._held is None or _is_old(self._held):
                self._held = self._load()
            return self._held

    def _load(self) -> Credentials:
        environment = self._environment
        access = environment.get("AWS_ACCESS_KEY_ID")
        secret = environment.get("AWS_SECRET_ACCESS_KEY")
        if access and secret:
            return Credentials(access, secret, environment.get("AWS_SESSION_TOKEN") or None)
        if relative := environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
            return self._fetch(_RELATIVE_TO + relative)
        if full := environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            return self._fetch(full)
        raise NoCredentials(
            "There are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "for a profile by: eval $(aws configure export-credentials --format env)"
        )

    def _fetch(self, url: str) -> Credentials:
        headers = {}
        if file := self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            text = Path(file).read_text()
            headers["Authorization"] = text.strip()
        elif token := self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"):
            headers["Authorization"] = token
        request = Request(url, headers=headers)
        with urlopen(request, timeout=_SECONDS) as answer:
            given = json.load(answer)
        expires = given.get("Expiration")
        return Credentials(
            given["AccessKeyId"],
            given["SecretAccessKey"],
            given.get("Token"),
            datetime.fromisoformat(expires) if expires else None,
        )


def _is_old(credentials: Credentials) -> bool:
    """Return whether the credentials end so soon that they must be renewed."""
    if credentials.expires is None:
        return False
    return credentials.expires - datetime.now(UTC) < _RENEW_BEFORE
