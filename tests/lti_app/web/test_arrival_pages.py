"""The host's screen, the phone that follows its code, the digits that are typed in: what each page says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.meetings.arrival_codes import Codes
from lti_app.meetings.arrival_notes import COOKIE
from lti_app.meetings.models import Meeting
from lti_app.meetings.onsite_models import Arrival
from lti_app.people.models import Person
from lti_app.programmes.models import Mode
from tests.conftest import MovableClock
from tests.lti_app.web.test_landing import come, door, launch_of
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

__all__ = ["door"]  # the fixture at which launches land

CODES = Codes("s" * 40)
MINUTE = timedelta(minutes=1)
COURSE = 12


@dataclass(frozen=True)
class Hall:
    """A meeting on site that began ten minutes ago, its host, and a trainee tied to a user of Moodle."""

    app: Flask
    world: World
    meeting: Meeting
    trainee: Person
    host: Person

    @property
    def code(self) -> str:
        return f"/here/{CODES.token(self.meeting.id, NOW)}"

    def arrivals(self) -> list[str]:
        with self.app.extensions["ploshchadka"].database.session(writes=False) as session:
            return [one.how.value for one in session.scalars(select(Arrival))]


@pytest.fixture
def database_url(sqlite_template, tmp_path):  # type: ignore[no-untyped-def]
    """Pages are tried on one kind of database; the services are on both (tests/lti_app/meetings)."""
    import shutil

    path = tmp_path / "pages.sqlite3"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def hall(app: Flask, database: Database) -> Hall:
    with database.transaction() as session:
        world = World(session, course_id=COURSE)
        trainee = world.trainee(person=world.person("Стажёрова", email="trainee@example.org")).person
        world.trainee("Другова")
        host = world.person("Ведущева")
        meeting = world.meeting(starts_at=NOW - 10 * MINUTE, mode=Mode.ON_SITE)
        meeting.host_id = host.id
        session.flush()
        return Hall(app, world, meeting, trainee, host)


def test_the_host_shows_a_code_and_marks_who_has_no_phone(hall: Hall) -> None:
    host = visit(hall.app, hall.world, hall.host)
    assert host.get(f"/meetings/{hall.meeting.id}").location == f"/meetings/{hall.meeting.id}/code"
    with counted_queries(hall.app.extensions["ploshchadka"].database) as queries:
        page = host.get(f"/meetings/{hall.meeting.id}/code").text
    assert len(queries) <= 5
    assert '<svg viewBox="0 0 ' in page
    assert "Пришли: 0 из 2" in page
    typed = CODES.typed(hall.meeting.id, NOW)
    assert f"{typed[:4]} {typed[4:]}" in page
    assert 'http-equiv="refresh" content="20"' in page  # without scripts
    assert "style=" not in page  # the content policy forbids it

    address = f"/meetings/{hall.meeting.id}/arrivals"
    refused = host.post(address, data={"csrf_token": token(hall.app, host)})
    assert refused.status_code == 422
    assert "Поставьте отметки тем, кто пришёл." in refused.text
    assert host.post(address, data={"csrf_token": token(hall.app, host), "arrived": "x"}).status_code == 404
    key = re.findall(r'name="arrived" value="(t\d+)"', page)[0]
    done = host.post(address, data={"csrf_token": token(hall.app, host), "arrived": key}, follow_redirects=True).text
    assert "Отмечен: 1 человек." in done
    assert "Пришли: 1 из 2" in done
    assert "опоздание" in done
    back = host.post(address, data={"csrf_token": token(hall.app, host), "take_back": key}, follow_redirects=True)
    assert "Отметка снята." in back.text
    assert hall.arrivals() == []


def test_the_part_that_changes_says_when_the_page_is_to_be_shown_anew(hall: Hall, clock: MovableClock) -> None:
    leader = visit(hall.app, hall.world, hall.world.leader)
    part = f"/meetings/{hall.meeting.id}/code/part?was=open"
    first = leader.get(part).text
    assert "data-finished" not in first
    clock.move(seconds=20)
    assert leader.get(part).text != first
    clock.move(minutes=90)
    over = leader.get(part).text
    assert "data-finished" in over
    assert "<svg viewBox" not in over
    assert "код больше не принимается" in leader.get(f"/meetings/{hall.meeting.id}/code").text
    clock.moment = NOW - timedelta(hours=2)
    early = visit(hall.app, hall.world, hall.world.leader, since=clock.moment).get(f"/meetings/{hall.meeting.id}/code")
    assert "Код появится здесь в 14:20." in early.text
    assert "<svg viewBox" not in early.text


def test_who_is_signed_in_here_already_is_marked_at_once(hall: Hall) -> None:
    trainee = visit(hall.app, hall.world, hall.trainee)
    page = trainee.get(hall.code, follow_redirects=True).text
    assert "Вы отмечены" in page
    assert hall.trainee.full_name in page  # a phone may still hold somebody else's visit
    assert "Тема 1, 15:00" in page
    assert "Занятие началось в 14:50." in page
    assert hall.arrivals() == ["code"]
    assert "вы отмечены, 15:00" in trainee.get(f"/intakes/{hall.world.intake.id}").text
    confirm = visit(hall.app, hall.world, hall.world.leader).get(f"/meetings/{hall.meeting.id}").text
    assert "отметка в 15:00" in confirm
    assert "Подтвердить: 1 из 2 присутствовал" in confirm
    assert "Заранее отмечены те, кто отметился по коду" in confirm


@pytest.mark.parametrize("cmid", [44, None])
def test_a_phone_goes_through_moodle_and_the_launch_marks_it(
    hall: Hall, door: FlaskClient, database: Database, cmid: int | None
) -> None:
    with database.transaction() as session:
        hall.world.session = session
        link = hall.world.link(COURSE)
        link.cmid = cmid
        session.flush()
        way = f"launch.php?id={cmid}" if cmid else f"view.php?l={link.resource_link_id}"
    sent = door.get(hall.code)
    assert sent.location == f"{hall.world.moodle.url}/mod/lti/{way}"
    said = sent.headers["Set-Cookie"]
    assert said.startswith(f"{COOKIE}=")
    for mark in ("Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/lti/", "Max-Age=600"):
        assert mark in said
    assert hall.arrivals() == []
    keep(door, sent.headers["Set-Cookie"])
    landed = come(door, launch_of(hall.world, email="trainee@example.org"), follow=False)
    assert landed.location == f"/meetings/{hall.meeting.id}/arrived"
    assert any(COOKIE in said and "Max-Age=0" in said for said in landed.headers.getlist("Set-Cookie"))
    assert "Вы отмечены" in door.get(landed.location).text


def keep(browser: FlaskClient, said: str) -> None:
    """Keep the note for every path, as the landing of these tests is at another than a launch's."""
    browser.set_cookie(COOKIE, said.partition(";")[0].partition("=")[2])


def test_a_note_runs_out_and_a_false_one_marks_nobody(hall: Hall, door: FlaskClient, clock: MovableClock) -> None:
    keep(door, door.get(hall.code).headers["Set-Cookie"])
    clock.move(minutes=10, seconds=1)
    launch = launch_of(hall.world, email="trainee@example.org")
    assert come(door, launch, follow=False).location == f"/intakes/{hall.world.intake.id}"
    for false in ("WzEsMV0.AAAA", "", "[1,2]"):
        door.set_cookie(COOKIE, false)
        assert come(door, launch, follow=False).location == f"/intakes/{hall.world.intake.id}"
    assert hall.arrivals() == []


def test_who_has_no_place_is_told_so_and_may_go_on(hall: Hall, door: FlaskClient, database: Database) -> None:
    with database.transaction() as session:
        hall.world.session = session
        hall.world.person("Чужова", email="stranger@example.org")
    keep(door, door.get(hall.code).headers["Set-Cookie"])
    page = come(door, launch_of(hall.world, user_id=90, email="stranger@example.org"))
    assert page.status_code == 403
    assert "На этом занятии для вас нет места." in page.text
    assert hall.arrivals() == []


def test_without_a_known_way_into_the_course_it_is_said_how_to_go_by_hand(hall: Hall, door: FlaskClient) -> None:
    page = door.get(hall.code)
    assert page.status_code == 200
    assert "В течение десяти минут" in page.text
    assert hall.world.moodle.url in page.text
    assert COOKIE in page.headers["Set-Cookie"]


def test_a_code_that_has_changed_or_is_forged_says_what_to_do(
    hall: Hall, door: FlaskClient, clock: MovableClock
) -> None:
    code = hall.code
    clock.move(seconds=20)
    assert door.get(code).status_code == 200
    clock.move(seconds=20)
    for address in (code, "/here/1-aaaaaaaaaaaaaaaa", "/here/x"):
        page = door.get(address)
        assert page.status_code == 404
        assert "Этот код уже сменился или прочитан не полностью." in page.text
        assert "Наведите камеру на экран ведущего ещё раз" in page.text
        assert "Set-Cookie" not in page.headers or COOKIE not in page.headers["Set-Cookie"]


def test_digits_are_typed_on_the_card_of_the_meeting(hall: Hall) -> None:
    trainee = visit(hall.app, hall.world, hall.trainee)
    assert "Цифры с экрана" in trainee.get(f"/intakes/{hall.world.intake.id}").text
    address = f"/meetings/{hall.meeting.id}/arrive"
    wrong = trainee.post(address, data={"csrf_token": token(hall.app, trainee), "code": "1234"})
    assert wrong.status_code == 422
    assert "Это не тот код" in wrong.text
    assert 'value="1234"' in wrong.text
    typed = {"csrf_token": token(hall.app, trainee), "code": CODES.typed(hall.meeting.id, NOW)}
    assert "Вы отмечены" in trainee.post(address, data=typed, follow_redirects=True).text
    assert hall.arrivals() == ["typed"]
    other = visit(hall.app, hall.world, hall.host)
    refused = other.post(address, data={"csrf_token": token(hall.app, other), "code": typed["code"]})
    assert refused.status_code == 403


def test_a_change_of_the_word_asks_for_a_reason_and_keeps_what_was_ticked(hall: Hall, database: Database) -> None:
    leader = visit(hall.app, hall.world, hall.world.leader)
    address = f"/meetings/{hall.meeting.id}"
    page = leader.get(address).text
    assert 'name="reason"' not in page
    ids = re.findall(r'name="present" value="(\d+)"', page)

    def confirm(*present: str, reason: str = ""):  # type: ignore[no-untyped-def]
        fields = {"csrf_token": token(hall.app, leader), "present": list(present), "reason": reason}
        return leader.post(f"{address}/attendance", data=fields, follow_redirects=True)

    assert confirm(ids[0]).status_code == 200
    refused = confirm(ids[1])
    assert refused.status_code == 422
    assert "Стажёрова А., Другова А.: изменится уже подтверждённая отметка." in refused.text
    assert re.search(rf'value="{ids[1]}" id="present-{ids[1]}" checked', refused.text)
    long = confirm(ids[1], reason="а" * 301)
    assert (long.status_code, "а" * 301 in long.text) == (422, True)
    done = confirm(ids[1], reason="пришла позже").text
    assert done.count("пришла позже") == 2
    assert "изменено на «отсутствовал»" in done
    seen = visit(hall.app, hall.world, hall.trainee).get(f"/intakes/{hall.world.intake.id}").text
    assert seen.count("пришла позже") == 1
