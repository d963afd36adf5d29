"""The configuration of a Web Function: immutable revisions of code, and endpoints that use them.

Names and limits: botocore's model `lambda-web/2025-03-07`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lambda_emulator.template.cloudformation import REGION

__all__ = ["AUTH_TYPES", "RATE_LIMITS", "EndpointConfig", "RevisionConfig", "WebFunctionConfig"]

AUTH_TYPES: Final = ("ApplicationManaged", "IamAuth")
RATE_LIMITS: Final = (0, *range(100, 1001, 100), *range(2000, 10001, 1000))


@dataclass(frozen=True, slots=True)
class RevisionConfig:
    """One revision. `timeout` is in seconds. `concurrency` applies to one execution environment."""

    name: str
    """For people: the function's name, or the revision's logical id if it has several."""
    code: Path
    runtime: str
    timeout: int = 30
    concurrency: int = 64
    environment: Mapping[str, str] = field(default_factory=dict)
    region: str = REGION
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where `Runtime` and `CodeUri`, the code of either kind of resource, stand in the template."""


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """One endpoint. `weights` are shares of requests, by the key of the revision in `revisions`."""

    name: str
    weights: Mapping[str, int]
    auth_type: str = "ApplicationManaged"
    rate_limit: int | None = None
    """Requests a second."""
    max_environments: int | None = None
    region: str = REGION


@dataclass(frozen=True, slots=True)
class WebFunctionConfig:
    logical_id: str
    name: str
    revisions: Mapping[str, RevisionConfig]
    endpoints: tuple[EndpointConfig, ...]

    def domain(self, endpoint: EndpointConfig) -> str:
        """The endpoint's domain name, in the documented form, derived from the names, so always the
        same.
        """
        digest = hashlib.sha256(f"{self.name}/{endpoint.name}".encode()).hexdigest()
        letters = "".join("bcdfghjklmnpqrst"[int(digit, 16)] for digit in digest[:16])
        return f"{letters}.b7t.lambda-web.{endpoint.region}.on.aws"
