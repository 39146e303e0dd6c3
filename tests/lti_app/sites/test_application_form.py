"""The form of an application, sent with what no browser sends."""

from __future__ import annotations

import pytest

from tests.lti_app.web.conftest import Scene, scene
from tests.lti_app.web.visits import token

__all__ = ["scene"]


@pytest.mark.parametrize("leader", ["99999999999", "9" * 40, "9" * 5000, "-1", "²"])
def test_a_leader_whom_no_row_can_be_is_refused(scene: Scene, leader: str) -> None:
    client = scene.come("centre")
    host = str(scene.here.organisation.id)
    form = {"csrf_token": token(scene.app, client), "applicant": host, "host": host, "leader": leader}
    answer = client.post("/applications/new", data={**form, "leader_name": "Никого", "term_years": "3"})
    assert answer.status_code == 422


def test_several_called_as_was_typed_after_a_leader_was_chosen_are_asked_about(scene: Scene) -> None:
    client = scene.come("centre")
    host, chosen = str(scene.here.organisation.id), scene.here.leader.id
    form = {"csrf_token": token(scene.app, client), "applicant": host, "host": host, "leader": str(chosen)}
    answer = client.post("/applications/new", data={**form, "leader_name": "Стажёрова", "term_years": "3"})

    assert answer.status_code == 422
    assert f'id="leader-{scene.trainee.id}"' in answer.text
    assert f'id="leader-{chosen}"' not in answer.text
