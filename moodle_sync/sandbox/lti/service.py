"""What the LTI services share: answers, refusals and the check of the access token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moodle_sync.sandbox.state import AccessToken, Course, State

from . import tokens


@dataclass(frozen=True)
class ServiceRequest:
    """A request to a service: `path` is without host, `query` its parameters."""

    method: str
    path: str
    query: Mapping[str, str]
    accept: str
    content_type: str
    authorization: str
    body: bytes


@dataclass
class ServiceAnswer:
    """An answer of a service; `body` is written as JSON, None as nothing."""

    status: int
    content_type: str
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Write the body."""
        return "" if self.body is None else json.dumps(self.body, ensure_ascii=False)


REASONS = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict",
}  # fmt: skip


class ServiceRefused(Exception):
    """A request that a service won't serve; Moodle's error object tells it (recordings nrps_noauth, ags_bad_token)."""

    def __init__(self, status: int, reason: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason or REASONS[status]

    def answer(self, request: ServiceRequest) -> ServiceAnswer:
        """Write the refusal."""
        body = {
            "status": self.status,
            "reason": self.reason,
            "request": {
                "method": request.method,
                "url": request.path,
                "accept": request.accept,
                "contentType": request.content_type,
            },
        }
        return ServiceAnswer(self.status, "application/json", body)


def authorise(state: State, request: ServiceRequest, tool: int | None, *scopes: str) -> AccessToken:
    """Check the access token: good, of this tool, with one of these scopes; raises `ServiceRefused` 401."""
    token = tokens.find(state, request.authorization)
    if token is None or (tool is not None and token.tool != tool) or not set(scopes) & set(token.scopes):
        raise ServiceRefused(401)
    return token


def whole(request: ServiceRequest, name: str) -> int:
    """Read a number from the query; anything else counts as 0, as with PHP's PARAM_INT."""
    value = request.query.get(name, "")
    return int(value) if value.isdecimal() else 0


def find_course(state: State, number: int) -> Course:
    """Find the course that a service is asked about; raises `ServiceRefused` 404."""
    course = state.courses.get(number)
    if course is None:
        raise ServiceRefused(404, f"Not Found: Course {number} doesn't exist.")
    return course
