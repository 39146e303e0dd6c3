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

    def asked(people: int, page: int) -> tuple[int, str]:
        with database.transaction() as session:
            session.get_one(HeldPlan, scene.plan_id).plan = suspensions(people)
        with counted_queries(scene.app.extensions["ploshchadka"].database) as queries:
            shown = browser.get(f"/sync/runs/{scene.run_id}?page={page}").text
        return len(queries), shown

    few, many = asked(7, 1)[0], asked(120, 1)[0]
    assert 0 < few == many
    (middle, _), (last, shown) = asked(60, 2), asked(120, 3)
    assert middle == last
    assert shown.count("row-card") == 20


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
