"""A world in the database and the pocket Moodle that it is to be kept in step with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from lti_app.core.edge import Tool
from lti_app.lti.models import Moodle
from lti_app.sync.night import NightResult, run_night
from moodle_sync.sandbox import Sandbox, running_sandbox
from tests.conftest import MovableClock
from tests.lti_app.world import World

PEOPLE = 12


def seed_users(count: int, code: str = "a") -> list[dict[str, Any]]:
    """Users of the pocket Moodle that match the trainees of a World, and its leader."""
    return [
        {
            "username": f"leader-{code}",
            "firstname": "Раиса",
            "lastname": "Руководителева",
            "email": f"leader-{code}@example.org",
        },
        *(
            {
                "username": f"person-{code}-{number}",
                "firstname": "Анна",
                "lastname": f"Стажёрова{number:03}",
                "email": f"person-{code}-{number}@example.org",
            }
            for number in range(1, count + 1)
        ),
    ]


@pytest.fixture
def sandbox(clock: MovableClock) -> Iterator[Sandbox]:
    seed = {
        "users": [
            *seed_users(PEOPLE),
            {"username": "stranger", "firstname": "Глеб", "lastname": "Орлов", "email": "stranger@example.org"},
        ],
        "courses": [
            {
                "shortname": "TEMPLATE",
                "fullname": "Шаблон стажировки",
                "activities": [{"name": "Входная анкета", "kind": "assign"}],
            }
        ],
    }
    with running_sandbox(seed, clock=lambda: clock().timestamp(), hang=20) as sandbox:
        yield sandbox


@pytest.fixture
def parts(app: Flask) -> Tool:
    parts: Tool = app.extensions["ploshchadka"]
    return parts


@pytest.fixture
def moodle_id(parts: Tool, sandbox: Sandbox, clock: MovableClock) -> int:
    with parts.database.transaction() as session:
        moodle = Moodle(
            name="city",
            url=sandbox.url,
            token_encrypted=parts.vault.seal(sandbox.token),
            template_course="TEMPLATE",
            created_at=clock(),
            trusted_at=clock(),
        )
        session.add(moodle)
        session.flush()
        World(session, moodle=moodle, needs_completion=True).trainees(PEOPLE)
    return moodle.id


@pytest.fixture
def night(app: Flask, parts: Tool, moodle_id: int) -> Callable[..., NightResult]:
    def run(**options: Any) -> NightResult:
        with app.app_context():
            return run_night(parts, moodle_id, **options)

    return run
