"""A sandbox with the recorded people, course, tool and link, for each test anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from moodle_sync.sandbox import Sandbox, running_sandbox

from . import recorded
from .tool import jwks


class Client:
    """Calls the web services as a script would."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = requests.Session()

    def post(self, function: str, **fields: Any) -> requests.Response:
        sent = {"wstoken": self.sandbox.token, "wsfunction": function, "moodlewsrestformat": "json"} | fields
        return self.http.post(f"{self.sandbox.local_url}/webservice/rest/server.php", sent, timeout=10)

    def call(self, function: str, **fields: Any) -> Any:
        return self.post(function, **fields).json()

    def enrol(self, *users: int, course: int = 2, role: int = 5, **rest: Any) -> Any:
        fields: dict[str, Any] = {}
        for number, user in enumerate(users):
            row = {"roleid": role, "userid": user, "courseid": course} | rest
            fields |= {f"enrolments[{number}][{key}]": value for key, value in row.items()}
        return self.call("enrol_manual_enrol_users", **fields)

    def roster(self, course: int = 2, **options: Any) -> list[int]:
        fields: dict[str, Any] = {"courseid": course}
        for number, (name, value) in enumerate({"userfields": "id", **options}.items()):
            fields |= {f"options[{number}][name]": name, f"options[{number}][value]": value}
        return [user["id"] for user in self.call("core_enrol_get_enrolled_users", **fields)]

    def control(self, what: str, **given: Any) -> requests.Response:
        return self.http.post(f"{self.sandbox.local_url}/_sandbox/{what}", json=given, timeout=10)


@pytest.fixture
def moodle() -> Iterator[Sandbox]:
    with running_sandbox(recorded.seed(jwks()), url=recorded.URL, clock=lambda: recorded.NOW, hang=0.05) as sandbox:
        yield sandbox


@pytest.fixture
def client(moodle: Sandbox) -> Client:
    return Client(moodle)
