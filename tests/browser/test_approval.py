"""A plan that is held, and an administrator who approves it: by hand in a real browser, against the pocket Moodle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, update

from lti_app.core.edge import SignedIn, Tool
from lti_app.intakes.models import Trainee, TraineeState
from lti_app.lti.models import Moodle
from lti_app.sync.models import HeldPlan, PlanState
from moodle_sync.sandbox import Sandbox, running_sandbox
from tests.browser.conftest import ARTEFACTS, a_page
from tests.conftest import MovableClock
from tests.lti_app.sync.conftest import seed_users
from tests.lti_app.world import NOW, World

PEOPLE, LEAVERS = 12, 8
START = "Запустить обмен сейчас"
APPROVE = re.compile("^Разрешить")


@dataclass(frozen=True)
class Office:
    """The administrator's window, the tool and its Moodle."""

    page: Page
    address: str
    tool: Tool
    sandbox: Sandbox

    def run(self, button: str | re.Pattern[str]) -> None:
        """Press a button that begins a run, and wait until the page says that the run has ended."""
        self.page.goto(f"{self.address}/sync")
        self.page.get_by_role("button", name=button).click()
        # The page goes on by itself: first it shows the run, at its end everything anew.
        expect(self.page.locator("[data-poll]")).to_have_count(0, timeout=30_000)
        expect(self.page.locator("[data-finished]").first).to_be_visible()

    def shot(self, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=str(ARTEFACTS / f"approval-{name}.png"), full_page=True)

    def roster(self) -> dict[int, bool]:
        """Return who is enrolled in the intake's course, and whether they are suspended there."""
        courses = [course.id for course in self.sandbox.state.courses.values() if course.idnumber == "intake-a"]
        rows = self.sandbox.state.dump()["enrolments"]
        return {row["user"]: row["suspended"] for row in rows if row["course"] in courses}

    def states(self) -> list[PlanState]:
        with self.tool.database.session(writes=False) as session:
            return list(session.scalars(select(HeldPlan.state).order_by(HeldPlan.id)))


@pytest.fixture(params=[360, 1280], ids=["phone", "desk"])
def office(
    request: pytest.FixtureRequest, browser: Browser, browser_app: Flask, live: str, clock: MovableClock
) -> Iterator[Office]:
    tool: Tool = browser_app.extensions["ploshchadka"]
    seed = {"users": seed_users(PEOPLE), "courses": [{"shortname": "TEMPLATE", "fullname": "Шаблон стажировки"}]}
    with (
        running_sandbox(seed, clock=lambda: clock().timestamp()) as sandbox,
        a_page(browser, width=request.param) as page,
    ):
        with tool.database.transaction() as session:
            moodle = Moodle(
                name="Мундыбаш",
                url=sandbox.url,
                token_encrypted=tool.vault.seal(sandbox.token),
                template_course="TEMPLATE",
                created_at=NOW,
            )
            session.add(moodle)
            session.flush()
            World(session, moodle=moodle).trainees(PEOPLE)
        visitor = SignedIn(
            moodle_id=moodle.id,
            user_id=7,
            person_id=None,
            name="Администратор",
            is_moodle_admin=True,
            moodle_origin=live,
            since=int(NOW.timestamp()),
        )
        browser_app.extensions["visits_to_begin"].append((visitor, "ru"))
        page.goto(f"{live}/come-in")
        yield Office(page, live, tool, sandbox)


def test_a_first_plan_and_one_that_suspends_many_wait_for_a_person(office: Office) -> None:
    office.run(START)
    expect(office.page.get_by_role("button", name=APPROVE)).to_be_visible()
    office.shot("first-held")
    assert office.roster() == {}
    office.run(APPROVE)
    expect(office.page.get_by_role("button", name=APPROVE)).to_have_count(0)
    assert len(office.roster()) == PEOPLE + 1
    assert office.states() == [PlanState.APPLIED]

    with office.tool.database.transaction() as session:
        leaving = session.scalars(select(Trainee.id).order_by(Trainee.id).limit(LEAVERS)).all()
        session.execute(update(Trainee).where(Trainee.id.in_(leaving)).values(state=TraineeState.LEFT, left_at=NOW))
    office.run(START)
    expect(office.page.get_by_role("button", name=APPROVE)).to_contain_text(str(LEAVERS))
    office.shot("suspensions-held")
    assert not any(office.roster().values())
    office.run(APPROVE)
    assert sum(office.roster().values()) == LEAVERS
    assert office.states() == [PlanState.APPLIED, PlanState.APPLIED]
