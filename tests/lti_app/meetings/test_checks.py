"""Checks of presence: a code that the host shows, entered within two minutes; what it does to the suggestion."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError, Forbidden
from lti_app.meetings.checks import Answer, answer_check, checks_of, start_check
from lti_app.meetings.models import GuestState, MeetingGuest
from lti_app.meetings.room_models import PresenceAnswer, PresenceCheck
from lti_app.meetings.stays import Checks
from lti_app.programmes.models import Mode
from tests.conftest import MovableClock
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.session() as session:
        yield session


def code_of(answer: Answer) -> str | None:
    return answer.refusal.code if answer.refusal else None


def wrong(check: PresenceCheck) -> str:
    return f"{(int(check.code) + 1) % 100_000:05}"


def test_a_code_is_entered_within_two_minutes(session: Session) -> None:
    world = World(session)
    anna, boris = (world.actor_of(trainee) for trainee in world.trainees(2))
    meeting = world.meeting(starts_at=NOW)
    tell = {"meeting_id": meeting.id}
    assert code_of(answer_check(session, **tell, code="12345", actor=anna, now=NOW)) == "no_check_open"
    check = start_check(session, **tell, actor=world.leader_actor, now=NOW)
    assert len(check.code) == 5
    assert check.code.isdigit()
    typed = f" {check.code[:2]} {check.code[2:]}"
    assert code_of(answer_check(session, **tell, code=wrong(check), actor=anna, now=NOW)) == "false_code"
    assert code_of(answer_check(session, **tell, code="", actor=anna, now=NOW)) == "false_code"
    assert code_of(answer_check(session, **tell, code="ъ" * 9, actor=anna, now=NOW)) == "false_code"
    assert code_of(answer_check(session, **tell, code=typed, actor=anna, now=NOW + 2 * MINUTE - SECOND)) is None
    assert code_of(answer_check(session, **tell, code=wrong(check), actor=anna, now=NOW + MINUTE)) is None  # noted once
    late = answer_check(session, **tell, code=check.code, actor=boris, now=NOW + 2 * MINUTE)
    assert code_of(late) == "check_is_over"
    assert session.scalars(select(PresenceAnswer.answered_at)).all() == [NOW + 2 * MINUTE - SECOND]


def test_nobody_guesses(session: Session) -> None:
    world = World(session)
    anna, boris = (world.actor_of(trainee) for trainee in world.trainees(2))
    meeting = world.meeting(starts_at=NOW)
    check = start_check(session, meeting_id=meeting.id, actor=world.leader_actor, now=NOW)
    for number in range(5):
        found = answer_check(session, meeting_id=meeting.id, code=wrong(check), actor=anna, now=NOW + number * SECOND)
        assert code_of(found) == "false_code"
    tell = {"meeting_id": meeting.id, "code": check.code}
    assert code_of(answer_check(session, **tell, actor=anna, now=NOW + 59 * SECOND)) == "too_many_codes"
    assert code_of(answer_check(session, **tell, actor=boris, now=NOW + 59 * SECOND)) is None  # each on their own
    assert code_of(answer_check(session, **tell, actor=anna, now=NOW + 60 * SECOND)) is None


def test_a_check_is_the_hosts_and_one_at_a_time(session: Session) -> None:
    world, other = World(session), World(session, "b")
    anna = world.actor_of(world.trainee())
    meeting = world.meeting(starts_at=NOW, minutes=60)
    for stranger in (anna, other.leader_actor):
        with pytest.raises(Forbidden, match="not_the_host"):
            start_check(session, meeting_id=meeting.id, actor=stranger, now=NOW)
    meeting.host_id = anna.person_id
    start_check(session, meeting_id=meeting.id, actor=anna, now=NOW)
    with pytest.raises(Conflict, match="check_is_open"):
        start_check(session, meeting_id=meeting.id, actor=world.leader_actor, now=NOW + MINUTE)
    start_check(session, meeting_id=meeting.id, actor=world.leader_actor, now=NOW + 2 * MINUTE)
    for moment in (NOW - SECOND, NOW + 60 * MINUTE):
        with pytest.raises(Conflict, match="meeting_not_under_way"):
            start_check(session, meeting_id=meeting.id, actor=world.leader_actor, now=moment)
    here = world.meeting(starts_at=NOW, topic=2, mode=Mode.ON_SITE)
    cancelled = world.meeting(starts_at=NOW, topic=1, cancelled=True)
    for one, refusal in ((here, "meeting_on_site"), (cancelled, "meeting_cancelled")):
        with pytest.raises(DomainError, match=refusal):
            start_check(session, meeting_id=one.id, actor=world.leader_actor, now=NOW)
    with pytest.raises(Forbidden, match="not_your_intake"):
        answer_check(session, meeting_id=meeting.id, code="1", actor=other.leader_actor, now=NOW)


def test_answers_are_counted_by_person_guests_apart(session: Session) -> None:
    world = World(session)
    anna, boris = world.trainees(2)
    meeting = world.meeting(starts_at=NOW)
    guest = world.person()
    session.add(
        MeetingGuest(
            meeting_id=meeting.id, person_id=guest.id, state=GuestState.SIGNED_UP, queued_at=NOW, signed_up_at=NOW
        )
    )
    session.flush()
    for number in range(3):
        at = NOW + number * 5 * MINUTE
        check = start_check(session, meeting_id=meeting.id, actor=world.leader_actor, now=at)
        actors = [world.actor_of(anna)] + ([world.actor_of(boris)] if number == 0 else [])
        actors += [type(world.leader_actor)(person_id=guest.id, name=guest.full_name)]
        for actor in actors:
            assert code_of(answer_check(session, meeting_id=meeting.id, code=check.code, actor=actor, now=at)) is None
    under_way = checks_of(session, [meeting.id], NOW + 11 * MINUTE)[meeting.id]
    assert under_way == {None: Checks(0, 2), anna.id: Checks(3, 3), boris.id: Checks(1, 2)}
    after = checks_of(session, [meeting.id], NOW + 90 * MINUTE)[meeting.id]
    assert after == {None: Checks(0, 3), anna.id: Checks(3, 3), boris.id: Checks(1, 3)}
    assert checks_of(session, [world.meeting().id], NOW) == {}


class TestPages:
    """On one kind of database."""

    @pytest.fixture
    def database_url(self, sqlite_template: Path, tmp_path: Path) -> str:
        path = tmp_path / "test.sqlite3"
        shutil.copy(sqlite_template, path)
        return f"sqlite:///{path}"

    def test_who_answers_too_few_checks_is_not_ticked(
        self, app: Flask, database: Database, clock: MovableClock
    ) -> None:
        with database.transaction() as session:
            world = World(session)
            anna, boris = world.trainee("Аннина"), world.trainee("Борисова")
            meeting = world.meeting(starts_at=NOW, minutes=60)
            for trainee in (anna, boris):
                world.stay(meeting, trainee, NOW, NOW + 60 * MINUTE)
        leader, answering = visit(app, world, world.leader), visit(app, world, anna.person)

        def post(client, what, **fields):  # type: ignore[no-untyped-def]
            data = {"csrf_token": token(app, client), **fields}
            return client.post(f"/meetings/{meeting.id}/{what}", data=data)

        assert "Начните проверку" in leader.get(f"/meetings/{meeting.id}/host").text
        assert post(leader, "checks").headers["Location"].endswith("/host#check")
        page = leader.get(f"/meetings/{meeting.id}/host").text
        code = page.split('class="big-code"')[1].split(">")[1].split("<")[0]
        assert post(leader, "checks").status_code == 409
        card = answering.get(f"/intakes/{world.intake.id}").text
        assert f'action="/meetings/{meeting.id}/check"' in card
        assert code not in card
        refused = post(answering, "check", code="no")
        assert refused.status_code == 422
        assert "Это не тот код" in refused.text
        assert 'value="no"' in refused.text
        for _ in range(4):
            post(answering, "check", code="no")
        assert "Слишком много неверных кодов." in post(answering, "check", code=code).text
        clock.move(seconds=61)
        assert post(answering, "check", code=code).status_code == 303
        assert "Ответил: 1 из 2." in leader.get(f"/meetings/{meeting.id}/host/now").text
        clock.move(minutes=60)
        assert "Две минуты этой проверки прошли." in post(answering, "check", code=code).text
        page = leader.get(f"/meetings/{meeting.id}").text
        assert "проверки: 1 из 1" in page
        assert "проверки: 0 из 1" in page
        assert "Подтвердить: 1 из 2 присутствовал" in page
        assert "не меньше 75\xa0% занятия" in page
        assert "ответил хотя бы на половину проверок" in page
