"""What an administrator reads of a plan that waits, before and after it was decided about."""

from __future__ import annotations

import pytest

from lti_app.core.db import Database
from lti_app.people.models import MoodleAccount
from lti_app.sync.models import HeldPlan, PlanState
from tests.lti_app.web.conftest import Scene
from tests.lti_app.world import NOW, suspensions
from tests.querycount import counted_queries


def test_the_page_of_a_held_run_names_whom_the_plan_would_suspend(scene: Scene, database: Database) -> None:
    with database.transaction() as session:
        session.add(
            MoodleAccount(
                moodle_id=scene.here.moodle.id,
                user_id=3,
                person_id=scene.other_trainee.id,
                matched_by="idnumber",
                matched_at=NOW,
            )
        )
    page = scene.come("administrator").get(f"/sync/runs/{scene.run_id}").text
    assert "Что изменит план" in page
    assert page.count("row-card") == 7
    assert scene.other_trainee.full_name in page
    assert "приостановлено записей: по плану 7" in page
    assert "ничего не изменил" not in page


def test_a_long_plan_comes_in_pages_at_the_same_cost(scene: Scene, database: Database) -> None:
    browser = scene.come("administrator")
    with counted_queries(database) as few:
        browser.get(f"/sync/runs/{scene.run_id}")
    with database.transaction() as session:
        held = session.get_one(HeldPlan, scene.plan_id)
        held.plan = suspensions(120)
    with counted_queries(database) as many:
        last = browser.get(f"/sync/runs/{scene.run_id}?page=3").text
    assert len(many) == len(few)
    assert last.count("row-card") == 20


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (PlanState.HELD, "ожидает разрешения"),
        (PlanState.APPROVED, "разрешён, ещё не выполнен"),
        (PlanState.APPLIED, "разрешён и выполнен"),
        (PlanState.EXPIRED, "устарел, не выполнен"),
    ],
)
def test_a_held_run_says_what_became_of_its_plan(
    scene: Scene, database: Database, state: PlanState, words: str
) -> None:
    with database.transaction() as session:
        held = session.get_one(HeldPlan, scene.plan_id)
        held.state = state
        if state is not PlanState.HELD:
            held.approved_at, held.approved_by = NOW, "Иванова"
    browser = scene.come("administrator")
    assert words in browser.get(f"/sync/runs/{scene.run_id}").text
    assert words in browser.get("/sync").text
    if state in (PlanState.APPLIED, PlanState.EXPIRED):
        assert "ожидает разрешения" not in browser.get("/sync").text
