"""A sandbox Moodle with a template and people, and clients that lose patience quickly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from moodle_sync.client import MoodleClient
from moodle_sync.sandbox import Sandbox, running_sandbox

from .nights import NOW

PEOPLE = 40
SEED: dict[str, Any] = {
    "users": [
        {
            "username": f"u{number}",
            "firstname": "Имя",
            "lastname": f"Фамилия {number}",
            "email": f"u{number}@example.org",
            "idnumber": f"SN-{number}",
            "id": 100 + number,
        }
        for number in range(PEOPLE)
    ],
    "categories": [{"name": "Стажировочные площадки", "idnumber": "SITES"}],
    "courses": [
        {
            "shortname": "TEMPLATE",
            "fullname": "Образец",
            "category": "SITES",
            "activities": [{"kind": "assign", "name": "Работа", "completion": "grade"}],
        }
    ],
}


@pytest.fixture
def moodle() -> Iterator[Sandbox]:
    with running_sandbox(SEED, hang=0.6, clock=lambda: NOW) as sandbox:
        yield sandbox


@pytest.fixture
def connect(moodle: Sandbox) -> Iterator[Callable[..., MoodleClient]]:
    """Make clients of the sandbox whose retries don't wait."""
    made: list[MoodleClient] = []

    def client(**options: Any) -> MoodleClient:
        given = {"timeouts": (1.0, 0.25), "sleep": lambda _seconds: None, **options}
        made.append(MoodleClient(given.pop("url", moodle.local_url), given.pop("token", moodle.token), **given))
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.fixture
def client(connect: Callable[..., MoodleClient]) -> MoodleClient:
    return connect()
