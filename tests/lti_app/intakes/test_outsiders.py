"""People in a course by other means: offered to its leader, taken in or dismissed, and every refusal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.intakes.models import Intake, Outsider, Trainee, TraineeState
from lti_app.intakes.outsiders import adopt, dismiss, outsiders_of
from lti_app.people.models import MoodleAccount, Person
from tests.lti_app.world import NOW, World

ZONE = ZoneInfo("Asia/Novokuznetsk")
TODAY = NOW.date()
COURSE = 12


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.transaction() as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    return World(session, course_id=COURSE)


def outsider(world: World, user_id: int = 77, /, **values: Any) -> Outsider:
    facts = {
        "moodle_id": world.moodle.id,
        "course_id": COURSE,
        "user_id": user_id,
        "is_offered": True,
        "last_name": "Орлов",
        "first_name": "Глеб Иванович",
        "email": f"user-{user_id}@example.org",
        "first_seen_at": NOW,
        **values,
    }
    row = Outsider(**facts)
    world.session.add(row)
    world.session.flush()
    return row


def take_in(world: World, *chosen: Outsider, intake: Intake | None = None, **changes: Any) -> list[Trainee]:
    given: dict[str, Any] = {"actor": world.leader_actor, "now": NOW, "zone": ZONE, **changes}
    intake_id = (intake or world.intake).id
    return adopt(world.session, intake_id=intake_id, outsider_ids=[one.id for one in chosen], **given)


def offered(world: World, day: date = TODAY) -> list[int]:
    return [row.user_id for row in outsiders_of(world.session, intake_id=world.intake.id, today=day)]


def refused(world: World, *chosen: Outsider, **changes: Any) -> str:
    with pytest.raises(Conflict) as refusal:
        take_in(world, *chosen, **changes)
    return refusal.value.code


def test_somebody_unknown_becomes_a_person_with_moodles_names_and_that_account(world: World) -> None:
    stranger = outsider(world, idnumber="SN-9")
    assert offered(world) == [77]

    (trainee,) = take_in(world, stranger)

    person = trainee.person
    assert (person.last_name, person.first_name, person.middle_name) == ("Орлов", "Глеб", "Иванович")
    assert (person.email, person.moodle_idnumber) == ("user-77@example.org", "SN-9")
    account = world.session.scalars(select(MoodleAccount).where(MoodleAccount.user_id == 77)).one()
    assert (account.person_id, account.moodle_id) == (person.id, world.moodle.id)
    assert (trainee.intake_id, trainee.state) == (world.intake.id, TraineeState.ENROLLED)
    assert offered(world) == []
    actions = world.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["create_person", "tie_account", "enrol_trainee", "adopt_trainee"]


def test_a_known_account_is_that_person(world: World) -> None:
    person = world.person("Давняя")
    world.account(person, 77)

    (trainee,) = take_in(world, outsider(world))

    assert trainee.person is person


@pytest.mark.parametrize("told", [{"email": "DINA@example.org"}, {"idnumber": "SN-1", "email": None}])
def test_somebody_on_the_lists_is_tied_by_number_or_email(world: World, told: dict[str, Any]) -> None:
    known = world.person(email="dina@example.org")
    known.moodle_idnumber = "SN-1"

    (trainee,) = take_in(world, outsider(world, **told))

    assert trainee.person is known


def test_who_left_gets_the_same_place_again(world: World) -> None:
    left = world.trainee(left=True)
    world.account(left.person, 77)

    assert take_in(world, outsider(world)) == [left]
    assert (left.state, left.left_at) == (TraineeState.ENROLLED, None)


def test_who_got_a_place_since_is_not_offered(world: World) -> None:
    world.account(world.trainee().person, 77)
    outsider(world)
    outsider(world, 78, is_offered=False)

    assert offered(world) == []


def test_nobody_is_offered_once_the_intake_is_over(world: World) -> None:
    outsider(world)

    assert offered(world, world.intake.ends_on) == [77]
    assert offered(world, world.intake.ends_on + timedelta(days=1)) == []


def test_who_is_dismissed_is_remembered_and_can_be_offered_again(world: World) -> None:
    row = outsider(world)

    def say(is_dismissed: bool) -> int:
        return dismiss(
            world.session,
            intake_id=world.intake.id,
            outsider_ids=[row.id],
            is_dismissed=is_dismissed,
            actor=world.leader_actor,
            now=NOW,
        )

    assert (say(True), row.dismissed_at) == (1, NOW)
    assert say(True) == 0
    assert (say(False), row.dismissed_at) == (1, None)


def test_only_the_leader_of_the_site_decides(world: World) -> None:
    row = outsider(world)
    there = World(world.session, "b", moodle=world.moodle)

    for actor in (there.leader_actor, world.actor_of(world.trainee())):
        with pytest.raises(Forbidden):
            take_in(world, row, actor=actor)
        with pytest.raises(Forbidden):
            dismiss(
                world.session,
                intake_id=world.intake.id,
                outsider_ids=[row.id],
                is_dismissed=True,
                actor=actor,
                now=NOW,
            )
    with pytest.raises(NotFound):
        adopt(world.session, intake_id=0, outsider_ids=[row.id], actor=world.leader_actor, now=NOW, zone=ZONE)


def test_somebody_in_another_course_cannot_be_taken_in_here(world: World) -> None:
    assert refused(world, outsider(world, course_id=COURSE + 1)) == "not_offered_any_more"
    assert refused(world, outsider(world, 78, is_offered=False)) == "not_offered_any_more"


def test_nobody_chosen_is_refused(world: World) -> None:
    with pytest.raises(DomainError) as refusal:
        take_in(world)
    assert refusal.value.code == "nobody_chosen"


def test_all_or_nobody_as_far_as_there_is_room(world: World) -> None:
    world.intake.capacity = 2
    world.trainee()
    pair = outsider(world), outsider(world, 78)

    assert refused(world, *pair) == "over_capacity"
    assert len(take_in(world, pair[0])) == 1


def test_an_intake_that_is_over_or_not_published_takes_nobody(world: World) -> None:
    row = outsider(world)

    assert refused(world, row, now=NOW + timedelta(days=61)) == "intake_is_over"
    world.intake.published_at = None
    assert refused(world, row) == "intake_not_published"


def test_nobody_gets_a_second_place_in_the_course(world: World) -> None:
    other = Intake(
        code="other",
        version=world.version,
        moodle=world.moodle,
        starts_on=world.intake.starts_on,
        ends_on=world.intake.ends_on,
        capacity=5,
        published_at=NOW,
        course_id=COURSE,
        course_tied_by="leader",
    )
    world.session.add(other)
    world.account(world.trainee().person, 77)

    assert refused(world, outsider(world), intake=other) == "second_place"


def test_the_leader_is_no_trainee_of_their_own(world: World) -> None:
    world.account(world.leader, 77)

    assert refused(world, outsider(world)) == "leader_of_the_site"


def test_who_may_be_somebody_on_the_lists_is_left_to_an_administrator(world: World) -> None:
    world.account(world.person(email="dina@example.org"), 5)  # that person is another user already
    assert refused(world, outsider(world, email="Dina@example.org")) == "person_not_certain"
    assert refused(world, outsider(world, 78, email=world.leader.email)) == "person_not_certain"
    numbered = world.person(idnumber="SN-1", email="one@example.org")
    assert refused(world, outsider(world, 79, idnumber="SN-1", email="two@example.org")) == "person_not_certain"
    assert world.session.scalar(select(Trainee.id).where(Trainee.person_id == numbered.id)) is None


@pytest.mark.parametrize("lacks", [{"email": None}, {"last_name": ""}, {"first_name": ""}, {"last_name": "О" * 101}])
def test_who_cannot_be_described_is_refused(world: World, lacks: dict[str, Any]) -> None:
    assert refused(world, outsider(world, **lacks)) == "person_not_described"
    assert world.session.scalar(select(Person.id).where(Person.first_name == "Глеб")) is None
