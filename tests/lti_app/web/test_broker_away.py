"""Where the broker does not answer, pages say so, and nothing that was decided is lost."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from sqlalchemy import select

from config.settings import Settings
from lti_app.core.db import Database
from lti_app.sync.models import HeldPlan, PlanState, SyncRun
from tests.lti_app.web.conftest import Scene
from tests.lti_app.web.visits import token


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Those of the other tests, with a broker that does not listen."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return replace(settings, broker_url=f"redis://127.0.0.1:{port}/0")


def test_a_run_that_can_not_be_queued_is_refused_with_what_to_do(scene: Scene, database: Database) -> None:
    client = scene.come("administrator")
    answer = client.post(f"/sync/moodles/{scene.here.moodle.id}/run", data={"csrf_token": token(scene.app, client)})
    assert answer.status_code == 503
    assert "Очередь заданий не отвечает, поэтому работа не запущена." in answer.text
    assert "Повторите через несколько минут." in answer.text
    with database.session(writes=False) as session:
        assert len(session.scalars(select(SyncRun)).all()) == 1, "the scene's own"


def test_an_approval_stands_without_a_run(scene: Scene, database: Database) -> None:
    client = scene.come("administrator")
    answer = client.post(
        f"/sync/plans/{scene.plan_id}/approve", data={"csrf_token": token(scene.app, client)}, follow_redirects=True
    )
    assert answer.status_code == 200
    assert "будет применён при следующем ночном обмене" in answer.text
    with database.session(writes=False) as session:
        assert session.get_one(HeldPlan, scene.plan_id).state is PlanState.APPROVED
