"""Places asked for, confirmed, waited for in order, given back; who is told; and every refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.errors import DomainError, Forbidden, NotFound
from lti_app.core.history import history_of
from lti_app.core.permissions import SYSTEM, Actor
from lti_app.intakes.finding import find_people, match_lines
from lti_app.intakes.listing import add_people, invite, say_left
from lti_app.intakes.models import (
    Admission,
    IntakeOrganisation,
    Invitation,
    PlaceRequest,
    RequestState,
    Trainee,
    TraineeState,
)
from lti_app.intakes.outsiders import adopt
from lti_app.intakes.requests import ask, confirm, decline, withdraw
from lti_app.intakes.telling import tell_leaders
from lti_app.intakes.waiting import lapse_requests
from lti_app.intakes.words import HISTORY
from lti_app.notices.models import Notice
from tests.lti_app.intakes.places_world import (
    CENTRE,
    START,
    ZONE,
    asks,
    by,
    enrolled,
    head,
    open_world,
    rows,
    told,
    waiting,
)
from tests.lti_app.web.conftest import outsider_in
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World

GRANTED, WAITING, WITH_HEAD = RequestState.GRANTED, RequestState.WAITING, RequestState.WITH_HEAD
LATER = NOW + timedelta(hours=1)
AT_START = NOW + timedelta(days=10)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.transaction() as session:
        yield session


def refused(session: Session, step: Callable[[], Any]) -> DomainError:
    """Return the refusal of a step, once it is certain that it left nothing behind."""
    before = rows(session)
    with pytest.raises(DomainError) as refusal, session.begin_nested():
        step()
    session.expire_all()
    assert rows(session) == before
    assert str(refusal.value.message)
    return refusal.value


def left(world: World, *trainees: Trainee, actor: Actor | None = None, at: Any = LATER) -> list[Trainee]:
    return say_left(
        world.session,
        world.intake.id,
        [one.id for one in trainees],
        actor=actor or world.leader_actor,
        now=at,
        zone=ZONE,
    )


def test_who_asks_gets_a_free_place_at_once_and_the_rest_waits_in_order(session: Session) -> None:
    world = open_world(session, capacity=2)
    anna, boris, vera, gleb = (world.person() for _ in range(4))

    states = [asks(world, one, at=NOW + timedelta(minutes=n)).state for n, one in enumerate((anna, boris, vera, gleb))]

    assert states == [GRANTED, GRANTED, WAITING, WAITING]
    assert enrolled(session, world.intake.id) == [anna.id, boris.id]
    assert waiting(session, world.intake.id) == [vera.id, gleb.id]
    assert [told(session, one.id) for one in (anna, gleb)] == [["place_granted"], ["place_waiting"]]

    request = session.scalars(select(PlaceRequest).where(PlaceRequest.person_id == anna.id)).one()
    withdraw(session, request.id, actor=by(anna), now=LATER, zone=ZONE)

    assert (request.state, request.trainee_id) == (RequestState.WITHDRAWN, None)
    assert enrolled(session, world.intake.id) == [boris.id, vera.id]
    assert told(session, vera.id) == ["place_waiting", "place_promoted"]
    assert told(session, gleb.id) == ["place_waiting"]

    again = asks(world, anna, at=LATER)

    assert again is request
    assert (again.state, waiting(session, world.intake.id)) == (WAITING, [gleb.id, anna.id])
    actions = [line.action for line in history_of(session, request, words=HISTORY)]
    assert actions == ["ask_for_place", "withdraw_request", "grant_place", "ask_for_place"]
    assert set(actions) <= set(HISTORY.actions)

    left(world, *session.scalars(select(Trainee).where(Trainee.person_id.in_([boris.id, vera.id]))))

    assert sorted(enrolled(session, world.intake.id)) == sorted([gleb.id, anna.id])
    trainee = session.scalars(select(Trainee).where(Trainee.person_id == anna.id)).one()
    assert (trainee.state, trainee.left_at) == (TraineeState.ENROLLED, None)  # the row of the first time


def test_the_head_confirms_and_the_moment_of_that_decides_the_order(session: Session) -> None:
    world = open_world(session, capacity=1, needs_head=True)
    director, first, second = head(world), world.person(), world.person()
    asked = [asks(world, first), asks(world, second, at=NOW + timedelta(minutes=1))]
    asked.append(asks(world, at=NOW + timedelta(minutes=2)))

    assert {one.state for one in asked} == {WITH_HEAD}
    assert told(session, director.id) == ["place_to_confirm"] * 3
    assert enrolled(session, world.intake.id) == []
    confirm(session, asked[1].id, actor=by(director), now=LATER, zone=ZONE)
    confirm(session, asked[0].id, actor=by(director), now=LATER + timedelta(minutes=1), zone=ZONE)
    decline(session, asked[2].id, reason="  нет  замены ", actor=by(director), now=LATER, zone=ZONE)

    assert enrolled(session, world.intake.id) == [second.id]
    assert waiting(session, world.intake.id) == [first.id]
    assert (asked[2].state, asked[2].reason) == (RequestState.DECLINED, "нет замены")
    assert told(session, asked[2].person_id) == ["place_declined"]
    assert asks(world, director).state is WAITING  # a head needs nobody's word


def test_only_the_head_decides_and_the_centre_where_no_head_is_on_the_list(session: Session) -> None:
    world = open_world(session, needs_head=True)
    other = World(session, "b", moodle=world.moodle)
    foreign = head(other)
    one, two = asks(world), asks(world)

    for actor in (by(foreign), world.leader_actor, by(one.person), SYSTEM):
        assert isinstance(
            refused(session, lambda who=actor: confirm(session, one.id, actor=who, now=LATER, zone=ZONE)), NotFound
        )
    confirm(session, one.id, actor=CENTRE, now=LATER, zone=ZONE)
    assert one.state is GRANTED
    director = head(world)
    for step in (
        lambda: confirm(session, two.id, actor=CENTRE, now=LATER, zone=ZONE),
        lambda: decline(session, two.id, reason="нет", actor=CENTRE, now=LATER, zone=ZONE),
        lambda: confirm(session, 999_999, actor=by(director), now=LATER, zone=ZONE),
        lambda: withdraw(session, two.id, actor=by(director), now=LATER, zone=ZONE),
    ):
        assert refused(session, step).code == "no_such_request"
    for reason in ("  ", "х" * 501):
        refusal = refused(
            session, lambda said=reason: decline(session, two.id, reason=said, actor=by(director), now=LATER, zone=ZONE)
        )
        assert (refusal.code, refusal.field) == ("no_reason", "reason")
    refusal = refused(session, lambda: confirm(session, two.id, actor=by(director), now=AT_START, zone=ZONE))
    assert refusal.code == "intake_has_begun"
    confirm(session, two.id, actor=by(director), now=LATER, zone=ZONE)
    refusal = refused(session, lambda: confirm(session, two.id, actor=by(director), now=LATER, zone=ZONE))
    assert refusal.code == "decided_already"


def test_without_a_waiting_list_a_full_intake_refuses(session: Session) -> None:
    world = open_world(session, capacity=1, keeps_waiting_list=False, needs_head=True)
    director, first, second = head(world), asks(world), asks(world)
    confirm(session, first.id, actor=by(director), now=LATER, zone=ZONE)

    refusal = refused(session, lambda: confirm(session, second.id, actor=by(director), now=LATER, zone=ZONE))
    assert refusal.code == "no_place_free"
    assert refused(session, lambda: asks(world, second.person)).code == "asked_already"
    newcomer = world.person()
    assert refused(session, lambda: asks(world, newcomer)).code == "no_place_free"


ADMISSIONS: dict[str, dict[str, Any]] = {
    "municipality": {"admission": Admission.MUNICIPALITY},
    "organisations": {"admission": Admission.ORGANISATIONS},
    "invitation": {"admission": Admission.INVITATION},
}


@pytest.mark.parametrize("name", ADMISSIONS)
def test_an_intake_is_open_to_whom_its_leader_opened_it(session: Session, name: str) -> None:
    world = open_world(session, **ADMISSIONS[name])
    person = world.person()
    if name == "municipality":
        person.organisation_id = None
        session.flush()

    refusal = refused(session, lambda: asks(world, person))
    assert isinstance(refusal, Forbidden)
    assert str(refusal.remedy)
    match name:
        case "municipality":
            person.organisation_id = world.organisation.id
        case "organisations":
            session.add(IntakeOrganisation(intake_id=world.intake.id, organisation_id=world.organisation.id))
        case _:
            assert invite(session, world.intake.id, [person.id], actor=world.leader_actor, now=NOW) == 1
            assert invite(session, world.intake.id, [person.id], actor=world.leader_actor, now=NOW) == 0
            assert session.scalars(select(Invitation.person_id)).all() == [person.id]
            told = select(Notice.person_id).where(Notice.occasion == "invited_to_ask")
            assert session.scalars(told).all() == [person.id]
    session.flush()

    assert asks(world, person).state is GRANTED


def test_every_other_refusal_to_ask(session: Session) -> None:
    world = open_world(session, course_id=5)
    twin = open_world(session, "b", moodle=world.moodle, capacity=5)
    twin.intake.course_id, twin.intake.course_tied_by = 5, "leader"
    held = world.trainee()
    twin.session.flush()
    somebody = world.person()

    def code(step: Callable[[], Any]) -> str:
        return refused(session, step).code

    assert code(lambda: asks(world, held.person)) == "has_place"
    assert code(lambda: asks(twin, held.person)) == "second_place"
    assert code(lambda: asks(world, world.leader)) == "leader_of_the_site"
    assert code(lambda: ask(session, world.intake.id, actor=SYSTEM, now=NOW, zone=ZONE)) == "unknown_person"
    assert code(lambda: ask(session, 999_999, actor=by(somebody), now=NOW, zone=ZONE)) == "no_such_intake"
    assert code(lambda: asks(world, somebody, at=AT_START)) == "requests_are_over"
    world.intake.requests_until = START - timedelta(days=8)
    session.flush()
    assert code(lambda: asks(world, somebody, at=NOW + timedelta(days=3))) == "requests_are_over"
    world.intake.broken_off_on = START
    session.flush()
    assert code(lambda: asks(world, somebody)) == "requests_are_over"
    draft = open_world(session, "c", moodle=world.moodle, published=False)
    assert code(lambda: asks(draft, somebody)) == "no_such_intake"
    world.intake.broken_off_on = None
    session.flush()
    request = asks(world, somebody)
    assert (
        code(lambda: withdraw(session, request.id, actor=by(somebody), now=AT_START, zone=ZONE)) == "intake_has_begun"
    )
    withdraw(session, request.id, actor=by(somebody), now=LATER, zone=ZONE)
    assert code(lambda: withdraw(session, request.id, actor=by(somebody), now=LATER, zone=ZONE)) == "request_closed"


def test_who_got_a_place_in_the_same_course_meanwhile_is_passed_over(session: Session) -> None:
    world = open_world(session, capacity=1, course_id=5)
    twin = open_world(session, "b", moodle=world.moodle, capacity=5)
    first = asks(world)
    torn, patient = asks(world, at=NOW + timedelta(minutes=1)), asks(world, at=NOW + timedelta(minutes=2))
    twin.intake.course_id, twin.intake.course_tied_by = 5, "leader"
    twin.trainee(person=torn.person)

    withdraw(session, first.id, actor=by(first.person), now=LATER, zone=ZONE)

    assert (torn.state, patient.state) == (RequestState.DECLINED, GRANTED)
    assert told(session, torn.person_id) == ["place_waiting", "place_declined"]


def test_at_the_start_whoever_still_waits_is_told_once_and_nobody_is_promoted(session: Session) -> None:
    world = open_world(session, capacity=1, needs_head=True)
    director = head(world)
    first, second, third = asks(world), asks(world), asks(world)
    for request in (first, second):
        confirm(session, request.id, actor=by(director), now=LATER, zone=ZONE)
    assert lapse_requests(session, zone=ZONE, now=AT_START - timedelta(days=1)) == 0

    left(world, session.get_one(Trainee, first.trainee_id), at=AT_START)
    assert enrolled(session, world.intake.id) == []
    assert [lapse_requests(session, zone=ZONE, now=AT_START) for _ in range(2)] == [2, 0]

    assert {second.state, third.state} == {RequestState.LAPSED}
    assert [told(session, one.person_id).count("place_lapsed") for one in (second, third)] == [1, 1]


def test_people_of_a_list_get_places_up_to_capacity_and_the_rest_waits_in_its_order(session: Session) -> None:
    world = open_world(session, capacity=3, needs_head=True, admission=Admission.INVITATION)
    placed = world.trainee()
    people = [world.person() for _ in range(4)]
    ids = [placed.person_id, *(one.id for one in reversed(people)), world.leader.id]

    listed = add_people(session, world.intake.id, ids, actor=CENTRE, now=NOW, zone=ZONE)

    assert listed.granted == [people[3].full_name, people[2].full_name]
    assert listed.waiting == [people[1].full_name, people[0].full_name]
    assert [name for name, _reason in listed.left_out] == [placed.person.full_name, world.leader.full_name]
    assert waiting(session, world.intake.id) == [people[1].id, people[0].id]
    left(world, placed, actor=CENTRE)
    assert waiting(session, world.intake.id) == [people[0].id]
    again = add_people(session, world.intake.id, [people[0].id], actor=world.leader_actor, now=LATER, zone=ZONE)
    assert [str(reason) for _name, reason in again.left_out] == ["is on the waiting list already"]


def test_every_refusal_to_add_and_to_note_who_left(session: Session) -> None:
    world = open_world(session, capacity=1, keeps_waiting_list=False)
    there = open_world(session, "b", moodle=world.moodle, published=False)
    one, two = world.person(), world.person()
    held = there.trainee()

    def add(*people: int, actor: Actor = world.leader_actor, intake_id: int = world.intake.id, at: Any = NOW) -> str:
        return refused(session, lambda: add_people(session, intake_id, people, actor=actor, now=at, zone=ZONE)).code

    assert add(one.id, actor=there.leader_actor) == "not_your_site"
    assert add(one.id, actor=by(one)) == "not_permitted"
    assert add(one.id, intake_id=999_999) == "no_such_intake"
    assert add() == "nobody_chosen"
    assert add(*range(301)) == "too_many_people"
    assert add(one.id, 999_999) == "no_such_person_here"
    assert add(one.id, two.id) == "no_place_free"
    assert add(one.id, at=AT_START) == "intake_has_begun"
    unpublished = refused(
        session, lambda: add_people(session, there.intake.id, [one.id], actor=CENTRE, now=NOW, zone=ZONE)
    )
    assert (unpublished.code, unpublished.clause) == ("intake_not_published", "4.2")
    assert refused(session, lambda: left(world, held)).code == "list_has_changed"
    assert refused(session, lambda: left(world)).code == "nobody_chosen"
    assert refused(session, lambda: left(there, held, actor=world.leader_actor)).code == "not_your_site"
    over = NOW + timedelta(days=400)
    assert refused(session, lambda: left(there, held, at=over)).code == "intake_is_over"
    assert (
        refused(session, lambda: invite(session, world.intake.id, [one.id], actor=world.leader_actor, now=NOW)).code
        == "not_by_invitation"
    )


def test_who_is_taken_in_from_the_course_waits_no_more(session: Session) -> None:
    world = open_world(session, capacity=1, course_id=12)
    first, second = asks(world), asks(world)
    outsider = outsider_in(session, world)
    world.account(second.person, outsider.user_id)
    world.intake.capacity = 2
    session.flush()

    adopt(session, intake_id=world.intake.id, outsider_ids=[outsider.id], actor=world.leader_actor, now=NOW, zone=ZONE)

    assert (first.state, second.state) == (GRANTED, GRANTED)
    assert second.trainee is not None


def test_the_leader_is_told_once_a_day_of_the_day_before(session: Session) -> None:
    world = open_world(session, capacity=1)
    asks(world)
    asks(world)

    assert tell_leaders(session, zone=ZONE, now=NOW) == 0  # nothing happened yesterday
    tomorrow = NOW + timedelta(days=1)
    assert [tell_leaders(session, zone=ZONE, now=tomorrow) for _ in range(2)] == [1, 0]
    assert told(session, world.leader.id) == ["places_digest"]
    assert tell_leaders(session, zone=ZONE, now=NOW + timedelta(days=2)) == 0


def test_pasted_lines_are_matched_for_certain_or_not_at_all(session: Session) -> None:
    world = World(session)
    anna = world.person("Королёва", email="Anna@Example.org")
    anna.middle_name = "Петровна"
    namesakes = [world.person("Иванова"), world.person("Иванова")]
    double = world.person("Васильченко-Островская")
    session.flush()
    text = (
        "1. Королева Анна Петровна\n\n"
        "ИВАНОВА АННА\n"
        "Королёва А.\n"
        "Анна <anna@example.org>;\n"
        "васильченко-островская анна\n"
        "Никто Никак"
    )

    lines = match_lines(session, text)

    assert [line.person.id if line.person else None for line in lines] == [
        anna.id,
        None,
        None,
        anna.id,
        double.id,
        None,
    ]
    assert [[one.id for one in line.candidates] for line in lines] == [
        [],
        [one.id for one in namesakes],
        [anna.id],
        [],
        [],
        [],
    ]
    assert [one.id for one in find_people(session, "королёва ан")] == [anna.id]
    assert [one.id for one in find_people(session, "ANNA@example.org")] == [anna.id]
    assert find_people(session, "К") == []
    assert find_people(session, "%_") == []


def test_every_action_has_its_word(session: Session) -> None:
    world = open_world(session, capacity=1, needs_head=True)
    director = head(world)
    request = asks(world)
    confirm(session, request.id, actor=by(director), now=LATER, zone=ZONE)
    left(world, session.get_one(Trainee, request.trainee_id))

    assert set(session.scalars(select(AuditEntry.action))) <= set(HISTORY.actions)


ASKED_FOR = [
    (1, False, "Место за вами.", "Вы отказались от места."),
    (0, False, "Все места заняты", "Заявка отозвана."),
    (1, True, "Заявка ожидает подтверждения", "Заявка отозвана."),
]


@pytest.mark.parametrize(("free", "needs_head", "stands", "given_back"), ASKED_FOR)
def test_the_page_says_where_a_request_stands_however_often_asked_and_what_was_taken_back(
    app: Flask, database: Database, free: int, needs_head: bool, stands: str, given_back: str
) -> None:
    with database.transaction() as session:
        world = open_world(session, capacity=1, needs_head=needs_head, keeps_waiting_list=True)
        head(world)
        if not free:
            world.trainee()
        person = world.person()
    client = visit(app, world, person)

    def said(address: str) -> str:
        sent = client.post(address, data={"csrf_token": token(app, client)})
        assert sent.status_code == 303
        return client.get(sent.location).text

    assert [stands in said(f"/places/{world.intake.id}/ask") for _click in range(2)] == [True, True]
    with database.session(writes=False) as session:
        asked = session.scalars(select(PlaceRequest.id)).one()
    assert given_back in said(f"/places/requests/{asked}/withdraw")


def test_who_has_a_place_by_a_list_and_asks_is_refused(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = open_world(session)
        trainee = world.trainee()
    client = visit(app, world, trainee.person)
    asked = client.post(f"/places/{world.intake.id}/ask", data={"csrf_token": token(app, client)})

    assert (asked.status_code, "У вас уже есть место в этом потоке." in asked.text) == (409, True)
