"""A world with two sites, and whoever visits it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.permissions import Role
from lti_app.credits.models import CreditEntry, CreditProposal
from lti_app.credits.service import confirm_credits, propose_credits, reverse_entry
from lti_app.intakes.models import Outsider
from lti_app.people.models import Person, PersonQuestion, RoleGrant
from lti_app.sync.models import HeldPlan, PlanState, RunStatus, SyncRun
from tests.lti_app.web.visits import visit
from tests.lti_app.world import NOW, World, suspensions

CENTRE_USER, COUNCIL_USER = 901, 902


@dataclass(frozen=True)
class Scene:
    """Two sites side by side: what stands in ``here`` must stay closed to the people of ``there``."""

    app: Flask
    here: World
    there: World
    trainee: Person
    other_trainee: Person
    intake_id: int
    meeting_id: int
    trainee_id: int
    proposal_id: int
    run_id: int
    plan_id: int
    question_id: int
    outsider_id: int

    def come(self, role: str, *, language: str = "ru") -> FlaskClient:
        """Return the browser of somebody in this role."""
        people = {
            "trainee": self.trainee,
            "trainee elsewhere": self.other_trainee,
            "leader": self.here.leader,
            "leader elsewhere": self.there.leader,
        }
        users = {"centre": CENTRE_USER, "council": COUNCIL_USER}
        if role == "nobody":
            return self.app.test_client()
        return visit(
            self.app,
            self.here,
            people.get(role),
            user_id=users.get(role, 7),
            is_moodle_admin=role == "administrator",
            language=language,
        )


@pytest.fixture
def scene(app: Flask, database: Database) -> Scene:
    """One intake with a meeting under way and a proposal; a second site in the same Moodle; a run with a held plan."""
    with database.transaction() as session:
        here = World(session, topics=(8, 8), needed=8, course_id=12)
        there = World(session, "b", moodle=here.moodle)
        trainee, diligent = here.trainees(2)
        other = there.trainee()
        for _ in range(4):
            here.attended(here.meeting(hours=2), diligent)
        meeting = here.meeting(topic=1, starts_at=NOW - timedelta(minutes=10))
        propose_credits(session, moodle_id=here.moodle.id, now=NOW)
        session.add_all(
            RoleGrant(moodle_id=here.moodle.id, user_id=user, role=role, granted_at=NOW)
            for user, role in ((CENTRE_USER, Role.CENTRE), (COUNCIL_USER, Role.COUNCIL))
        )
        plan = held_plan(session, here)
        outsider = outsider_in(session, here)
        session.flush()
        return Scene(
            app=app,
            here=here,
            there=there,
            trainee=trainee.person,
            other_trainee=other.person,
            intake_id=here.intake.id,
            meeting_id=meeting.id,
            trainee_id=trainee.id,
            proposal_id=open_proposal(session),
            run_id=plan.run_id,
            plan_id=plan.id,
            question_id=question_about(session, here, other.person).id,
            outsider_id=outsider.id,
        )


@dataclass(frozen=True)
class Ledger:
    """Of two trainees more in ``here``, the entry that stands of one, and the other, whose credit was taken back."""

    entry_id: int
    trainee: Person
    returned_id: int


@pytest.fixture
def ledger(scene: Scene, database: Database) -> Ledger:
    """Let the leader of ``here`` credit 8 hours each to two trainees more, and take one of the credits back."""
    here = scene.here
    with database.transaction() as session:
        here.session = session
        session.add_all([here.intake, *here.topics])
        entries = []
        for trainee in here.trainees(2):
            for _ in range(4):
                here.attended(here.meeting(hours=2), trainee)
            propose_credits(session, moodle_id=here.moodle.id, now=NOW)
            session.flush()
            proposal = session.scalars(select(CreditProposal.id).where(CreditProposal.trainee_id == trainee.id)).one()
            confirm_credits(
                session, intake_id=scene.intake_id, proposal_ids=[proposal], actor=here.leader_actor, now=NOW
            )
            entries.append(session.scalars(select(CreditEntry).where(CreditEntry.trainee_id == trainee.id)).one())
        kept, wrong = entries
        reverse_entry(session, entry_id=wrong.id, reason="не та группа", actor=here.leader_actor, now=NOW)
        return Ledger(kept.id, session.get_one(Person, kept.person_id), wrong.trainee_id)


def open_proposal(session: Session) -> int:
    """Return the id of the one proposal that waits."""
    return session.scalars(select(CreditProposal.id)).one()


CANDIDATES = [
    {"user_id": 61, "idnumber": "SN-1", "email": "one@example.org", "full_name": "Анна Первая"},
    {"user_id": 62, "idnumber": "SN-1", "email": "two@example.org", "full_name": "Анна Вторая"},
]


def outsider_in(session: Session, world: World, user_id: int = 70) -> Outsider:
    """Put down that somebody on no list is in the world's course."""
    outsider = Outsider(
        moodle_id=world.moodle.id,
        course_id=world.intake.course_id,
        user_id=user_id,
        is_offered=True,
        last_name="Гришин",
        first_name=f"Виктор {user_id}",
        email=f"outsider-{user_id}@example.org",
        first_seen_at=NOW,
    )
    session.add(outsider)
    session.flush()
    return outsider


def question_about(session: Session, world: World, person: Person) -> PersonQuestion:
    """Put down that two users of the world's Moodle match a person."""
    question = PersonQuestion(
        moodle_id=world.moodle.id,
        person_id=person.id,
        reason="several_users",
        candidates=CANDIDATES,
        opened_at=NOW,
    )
    session.add(question)
    session.flush()
    return question


def held_plan(session: Session, world: World, suspended: int = 7) -> HeldPlan:
    """Put down a plan that the guard held, with its run."""
    reasons = [{"code": "suspends_many", "course_key": "intake-a", "people": suspended, "of": 12, "text": "many"}]
    run = SyncRun(
        moodle_id=world.moodle.id,
        status=RunStatus.HELD,
        started_at=NOW - timedelta(hours=13),
        finished_at=NOW - timedelta(hours=13),
        counts={"suspend": {"planned": suspended, "done": 0, "failed": 0}},
        held=reasons,
        notes=[],
        seconds=2.5,
        plan_id="a" * 64,
    )
    session.add(run)
    session.flush()
    plan = HeldPlan(
        moodle_id=world.moodle.id,
        run_id=run.id,
        plan_id="a" * 64,
        state=PlanState.HELD,
        reasons=reasons,
        plan=suspensions(suspended),
        created_at=run.started_at,
    )
    session.add(plan)
    session.flush()
    return plan
