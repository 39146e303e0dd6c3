"""4.2: an intake opens for enrolment only on a version that the council approved; its leader makes and publishes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.errors import DomainError
from lti_app.core.history import history_of
from lti_app.core.permissions import SYSTEM
from lti_app.core.saving import Saved
from lti_app.intakes.making import IntakeTerms, create_intake, edit_intake, organisations_of
from lti_app.intakes.models import Admission, Intake, Trainee
from lti_app.intakes.publishing import publish
from lti_app.intakes.words import HISTORY
from lti_app.lti.models import Moodle
from lti_app.people.models import MoodleAccount
from lti_app.programmes.models import VersionState
from tests.lti_app.intakes.places_world import CENTRE, START, TODAY, ZONE, asks, enrolled, open_world, told
from tests.lti_app.sync.conftest import moodle_id, night, parts, sandbox
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World

__all__ = ["moodle_id", "night", "parts", "sandbox"]

NOT_APPROVED = [state for state in VersionState if state is not VersionState.APPROVED]


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.transaction() as session:
        yield session


def terms(world: World, **other: Any) -> IntakeTerms:
    given: dict[str, Any] = {
        "starts_on": START,
        "ends_on": START + timedelta(days=60),
        "capacity": 10,
        "moodle_id": world.moodle.id,
    }
    return IntakeTerms(**{**given, **other})


def made(world: World, **other: Any) -> Intake:
    return create_intake(
        world.session, world.programme.id, terms(world, **other), actor=world.leader_actor, now=NOW, zone=ZONE
    )


def edited(world: World, intake: Intake, *, seen: int | None = None, now: Any = NOW, **other: Any) -> Saved:
    planned = other.pop("planned", None)
    return edit_intake(
        world.session,
        intake.id,
        terms(world, **other),
        seen=seen or intake.revision,
        planned=planned,
        actor=other.pop("actor", world.leader_actor),
        now=now,
        zone=ZONE,
    )


def refusal(session: Session, step: Callable[[], Any]) -> DomainError:
    with pytest.raises(DomainError) as caught, session.begin_nested():
        step()
    session.expire_all()
    return caught.value


def code(session: Session, step: Callable[[], Any]) -> str:
    return refusal(session, step).code


@pytest.mark.parametrize("state", NOT_APPROVED)
def test_no_way_leads_to_an_intake_published_without_approval(
    app: Flask, database: Database, state: VersionState
) -> None:
    with database.transaction() as session:
        world = World(session, state=state, published=False)
        world.intake.starts_on = START
        intake_id = world.intake.id
    with database.session() as session:
        said = refusal(session, lambda: publish(session, intake_id, actor=world.leader_actor, now=NOW, zone=ZONE))
        assert (said.code, said.clause) == ("version_not_approved", "4.2")
    client = visit(app, world, world.leader)
    page = client.post(f"/intakes/{intake_id}/publish", data={"csrf_token": token(app, client)})
    assert page.status_code == 409
    assert "Совет ещё не утвердил" in page.text
    for statement in (
        f"UPDATE intake SET published_at = '2026-11-24' WHERE id = {intake_id}",
        "INSERT INTO intake (code, version_id, moodle_id, starts_on, ends_on, capacity, published_at) "
        f"SELECT 'x', version_id, moodle_id, starts_on, ends_on, 5, '2026-11-24' FROM intake WHERE id = {intake_id}",
    ):
        with database.session() as session, pytest.raises(DBAPIError, match="published without approval"):
            session.execute(text(statement))
    with database.session(writes=False) as session:
        assert session.scalars(select(Intake.published_at)).all() == [None]


def test_a_published_intake_stays_on_its_version(session: Session) -> None:
    world = World(session)
    other = World(session, "b", moodle=world.moodle)

    with pytest.raises(DBAPIError, match="stays on its version"), session.begin_nested():
        session.execute(text(f"UPDATE intake SET version_id = {other.version.id} WHERE id = {world.intake.id}"))


def test_only_the_leader_publishes(session: Session) -> None:
    world = World(session, published=False)
    there = World(session, "b", moodle=world.moodle)

    for actor in (there.leader_actor, CENTRE, SYSTEM):
        step = lambda who=actor: publish(session, world.intake.id, actor=who, now=NOW, zone=ZONE)  # noqa: E731
        assert code(session, step) in ("not_your_site", "not_permitted")
    step = lambda: publish(session, 999_999, actor=world.leader_actor, now=NOW, zone=ZONE)  # noqa: E731
    assert code(session, step) == "no_such_intake"
    world.site.ended_on, world.site.ended_because = TODAY, "8.1"
    session.flush()
    step = lambda: publish(session, world.intake.id, actor=world.leader_actor, now=NOW, zone=ZONE)  # noqa: E731
    said = refusal(session, step)
    assert (said.code, said.clause) == ("outside_order", "3.3")
    late = NOW + timedelta(days=61)
    step = lambda: publish(session, world.intake.id, actor=world.leader_actor, now=late, zone=ZONE)  # noqa: E731
    assert code(session, step) == "intake_is_over"


def test_a_leader_makes_an_intake_of_the_newest_approved_version_with_a_code_of_its_own(session: Session) -> None:
    world = World(session)

    first, second = made(world), made(world, admission=Admission.ORGANISATIONS, organisation_ids=_own(world))

    assert [first.code, second.code] == ["prog-a-1", "prog-a-2"]
    assert (first.version_id, first.published_at) == (world.version.id, None)
    assert [one.id for one in organisations_of(session, second.id)] == [world.organisation.id]
    assert [publish(session, first.id, actor=world.leader_actor, now=NOW, zone=ZONE) for _ in range(2)] == [
        Saved.CHANGED,
        Saved.UNCHANGED,
    ]
    lines = history_of(session, first, words=HISTORY)
    assert [line.action for line in lines] == ["publish_intake", "create_intake"]


def _own(world: World) -> frozenset[int]:
    return frozenset({world.organisation.id})


REFUSED: dict[str, tuple[dict[str, Any], str | None]] = {
    "dates_backward": ({"ends_on": START - timedelta(days=1)}, "ends_on"),
    "outside_order": ({"ends_on": START + timedelta(days=900)}, "ends_on"),
    "starts_in_past": ({"starts_on": TODAY - timedelta(days=1)}, "starts_on"),
    "capacity_out_of_range": ({"capacity": 0}, "capacity"),
    "no_such_moodle": ({"moodle_id": 999_999}, "moodle"),
    "requests_after_start": ({"requests_until": START + timedelta(days=1)}, "requests_until"),
    "no_organisation_chosen": ({"admission": Admission.ORGANISATIONS}, "organisations"),
    "note_too_long": ({"note": "х" * 2001}, "note"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_an_intake_cannot_be_is_refused_at_its_field(session: Session, name: str) -> None:
    world = World(session)
    values, field = REFUSED[name]
    intake = made(world)

    for step in (lambda: made(world, **values), lambda: edited(world, intake, **values)):
        said = refusal(session, step)
        assert (said.code, said.field) == (name, field)
        assert str(said.message)
        assert str(said.remedy)


def test_who_may_make_an_intake_and_of_what(session: Session) -> None:
    world, there = World(session), World(session, "b", state=VersionState.REJECTED, published=False)

    def make(programme_id: int, actor: Any = world.leader_actor) -> str:
        step = lambda: create_intake(session, programme_id, terms(world), actor=actor, now=NOW, zone=ZONE)  # noqa: E731
        return code(session, step)

    assert make(there.programme.id) == "not_your_site"
    assert make(999_999) == "no_such_programme"
    assert make(world.programme.id, CENTRE) == "not_permitted"
    assert make(there.programme.id, there.leader_actor) == "version_rejected"


def test_more_places_go_to_those_who_wait_and_fewer_than_taken_are_refused(session: Session) -> None:
    world = open_world(session, capacity=1)
    ends_on = world.intake.ends_on
    first, second, third = asks(world), asks(world), asks(world)

    assert edited(world, world.intake, ends_on=ends_on, capacity=2) is Saved.CHANGED
    assert enrolled(session, world.intake.id) == [first.person_id, second.person_id]
    assert told(session, second.person_id) == ["place_waiting", "place_promoted"]
    assert told(session, third.person_id) == ["place_waiting"]
    said = refusal(session, lambda: edited(world, world.intake, ends_on=ends_on, capacity=1))
    assert (said.code, said.field) == ("fewer_places_than_taken", "capacity")


def test_what_stays_once_an_intake_has_begun(session: Session) -> None:
    world = open_world(session, capacity=5, course_id=4)
    other = World(session, "b")
    begun = NOW + timedelta(days=12)
    same = {"ends_on": world.intake.ends_on, "capacity": 5}

    def said(**values: Any) -> tuple[str, str | None]:
        found = refusal(session, lambda: edited(world, world.intake, now=begun, **{**same, **values}))
        return found.code, found.field

    assert said(starts_on=START + timedelta(days=5)) == ("intake_has_begun", "starts_on")
    assert said(ends_on=START + timedelta(days=1)) == ("intake_has_begun", "ends_on")
    assert said(capacity=4) == ("intake_has_begun", "capacity")
    assert said(moodle_id=other.moodle.id) == ("intake_has_course", "moodle")
    assert said(planned=(START, same["ends_on"] + timedelta(days=1))) == ("leaves_meeting_out", "ends_on")
    assert edited(world, world.intake, now=begun, **{**same, "capacity": 6}) is Saved.CHANGED
    over = NOW + timedelta(days=90)
    assert code(session, lambda: edited(world, world.intake, now=over, **same)) == "intake_is_over"


def test_two_who_edit_at_once_see_both_texts(session: Session) -> None:
    world = World(session)
    intake = made(world)
    seen = intake.revision
    edited(world, intake, capacity=12, admission=Admission.ORGANISATIONS, organisation_ids=_own(world))

    said: Any = refusal(session, lambda: edited(world, intake, seen=seen, capacity=11, note="Сменная обувь"))

    assert said.code == "edited_meanwhile"
    shown = {str(one.field): (one.theirs, one.yours) for one in said.differences}
    assert shown["places"] == ("12", "11")
    assert shown["note"] == ("", "Сменная обувь")
    assert shown["open to organisations"] == (world.organisation.label, "")
    intake = session.get_one(Intake, intake.id)
    before = intake.revision
    edited(world, intake, capacity=12, note=None, admission=Admission.MUNICIPALITY)
    assert intake.revision == before + 1


def test_no_row_is_written_past_capacity(session: Session) -> None:
    world = World(session, capacity=1)
    gone, person = world.trainee(left=True), world.person()
    world.trainee()

    for statement in (
        f"UPDATE trainee SET state = 'enrolled', left_at = NULL WHERE id = {gone.id}",
        "INSERT INTO trainee (intake_id, person_id, state, enrolled_at) "
        f"VALUES ({world.intake.id}, {person.id}, 'enrolled', '2026-11-24')",
    ):
        with pytest.raises(DBAPIError, match="no place is free"), session.begin_nested():
            session.execute(text(statement))


def test_the_night_after_publication_makes_the_course_and_enrols_who_has_a_place(
    app: Flask, database: Database, night: Any, sandbox: Any, moodle_id: int
) -> None:
    with database.transaction() as session:
        world = World(session, "b", moodle=session.get_one(Moodle, moodle_id))
        intake = made(world, moodle_id=moodle_id)
        intake_id, key = intake.id, intake.code
    night()
    assert key not in {course.idnumber for course in sandbox.state.courses.values()}

    client = visit(app, world, world.leader)
    page = client.post(f"/intakes/{intake_id}/publish", data={"csrf_token": token(app, client)}, follow_redirects=True)
    assert "Курс в Moodle появится после ближайшей ночи" in page.text
    with database.transaction() as session:
        person = session.scalars(select(Trainee)).first().person  # type: ignore[union-attr]
        world.session = session
        asks(world, person, intake=session.get_one(Intake, intake_id))
    night()

    (course,) = (course for course in sandbox.state.courses.values() if course.idnumber == key)
    with database.session(writes=False) as session:
        assert session.get_one(Intake, intake_id).course_id == course.id
        user = session.scalars(select(MoodleAccount.user_id).where(MoodleAccount.person_id == person.id)).one()
    assert user in sandbox.state.enrolments[course.id]
