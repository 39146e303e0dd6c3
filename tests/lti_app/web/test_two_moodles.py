"""Administrators of one Moodle see and decide about that Moodle's nights alone; the command line sees all."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from lti_app.core.db import Database
from lti_app.core.errors import NotFound
from lti_app.core.permissions import SYSTEM
from lti_app.people.models import Person, PersonQuestion
from lti_app.sync import service
from lti_app.sync.models import HeldPlan, PlanState
from lti_app.sync.questions import fingerprint
from tests.lti_app.web.conftest import CANDIDATES, Scene, held_plan, question_about
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World


class Elsewhere(NamedTuple):
    """Another Moodle that the same tool serves, with a plan that is held."""

    world: World
    plan: HeldPlan


@pytest.fixture
def elsewhere(scene: Scene, database: Database) -> Elsewhere:
    with database.transaction() as session:
        world = World(session, "z")
        return Elsewhere(world, held_plan(session, world))


def test_the_page_of_nights_names_no_other_moodle(scene: Scene, elsewhere: Elsewhere) -> None:
    page = scene.come("administrator").get("/sync")

    assert "moodle-a" in page.text
    assert "moodle-z" not in page.text
    assert f"/sync/runs/{elsewhere.plan.run_id}" not in page.text
    assert f"/sync/plans/{elsewhere.plan.id}" not in page.text


@pytest.mark.parametrize("address", ["/sync/runs/{run}", "/sync/runs/{run}/progress"])
def test_a_run_of_another_moodle_is_not_found(scene: Scene, elsewhere: Elsewhere, address: str) -> None:
    assert scene.come("administrator").get(address.format(run=elsewhere.plan.run_id)).status_code == 404
    assert scene.come("administrator").get(address.format(run=scene.run_id)).status_code == 200


def test_a_plan_of_another_moodle_is_not_found_and_stays_held(
    scene: Scene, elsewhere: Elsewhere, database: Database
) -> None:
    started: list[int] = []
    scene.app.extensions["ploshchadka"].services["start_run"] = started.append
    client = scene.come("administrator")

    answer = client.post(f"/sync/plans/{elsewhere.plan.id}/approve", data={"csrf_token": token(scene.app, client)})

    assert (answer.status_code, started) == (404, [])
    with database.session(writes=False) as session:
        assert session.get_one(HeldPlan, elsewhere.plan.id).state is PlanState.HELD


@pytest.mark.parametrize("of", ["another Moodle", "no Moodle"])
def test_no_run_can_be_started_in_another_moodle(scene: Scene, elsewhere: Elsewhere, of: str) -> None:
    started: list[int] = []
    scene.app.extensions["ploshchadka"].services["start_run"] = started.append
    client = scene.come("administrator")
    moodle_id = elsewhere.plan.moodle_id if of == "another Moodle" else 987654

    answer = client.post(f"/sync/moodles/{moodle_id}/run", data={"csrf_token": token(scene.app, client)})

    assert (answer.status_code, started) == (404, [])


def test_the_other_moodles_administrator_sees_its_run_and_not_ours(scene: Scene, elsewhere: Elsewhere) -> None:
    client = visit(scene.app, elsewhere.world, is_moodle_admin=True)

    assert client.get(f"/sync/runs/{elsewhere.plan.run_id}").status_code == 200
    assert client.get(f"/sync/runs/{scene.run_id}").status_code == 404


def test_the_command_line_sees_and_decides_for_every_moodle(
    scene: Scene, elsewhere: Elsewhere, database: Database
) -> None:
    with database.transaction() as session:
        assert {run.id for run in service.recent_runs(session, actor=SYSTEM, now=NOW)} == {
            scene.run_id,
            elsewhere.plan.run_id,
        }
        assert len(service.moodles(session, actor=SYSTEM)) == 2
        assert service.run_detail(session, elsewhere.plan.run_id, actor=SYSTEM, now=NOW).run.id == elsewhere.plan.run_id
        approved = service.approve_plan(session, held_plan_id=elsewhere.plan.id, actor=SYSTEM, now=NOW)
        assert approved.state is PlanState.APPROVED
        with pytest.raises(NotFound):
            service.run_detail(session, 987654, actor=SYSTEM, now=NOW)


def test_nobody_of_another_moodle_is_asked_about(scene: Scene, elsewhere: Elsewhere, database: Database) -> None:
    with database.transaction() as session:
        person = Person(last_name="Дальняя", first_name="Дина", email="far@example.org")
        session.add(person)
        session.flush()
        question = question_about(session, elsewhere.world, person)
    client = scene.come("administrator")

    page = client.get("/sync/people")
    data = {"csrf_token": token(scene.app, client), "user": "none", "seen": fingerprint(CANDIDATES)}
    answer = client.post(f"/sync/people/{question.id}", data=data)

    assert page.status_code == 200
    assert "Дальняя" not in page.text
    assert scene.other_trainee.full_name in page.text
    assert answer.status_code == 404
    with database.session(writes=False) as session:
        assert session.get_one(PersonQuestion, question.id).decided_at is None
