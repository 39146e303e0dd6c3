"""A launch leads straight to the course's intake, or to a page that says what is missing and who can help."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.permissions import Permission, Role, needs
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.lti.launch import Launch
from lti_app.lti.launch import launch_of as launch_of_claims
from lti_app.lti.registrations import Known
from lti_app.meetings.models import Meeting
from lti_app.people.models import MoodleAccount, Person, RoleGrant
from lti_app.programmes.models import Form, Mode, Topic
from tests.conftest import MovableClock
from tests.lti_app.lti.moodle import recorded
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World

COURSE, LEADER_USER = 12, 78


@pytest.fixture
def door(app: Flask) -> FlaskClient:
    """A browser, and an address at which a launch that was proven lands."""
    pending: list[Launch] = []
    app.extensions["pending"] = pending

    @app.post("/lands-here")
    @needs(Permission.PUBLIC)
    def lands_here():  # type: ignore[no-untyped-def]
        return app.extensions["ploshchadka"].services["land"](pending.pop())

    app.extensions["csrf"].exempt(lands_here)
    return app.test_client()


def launch_of(world: World, **changes: object) -> Launch:
    launch = Launch(
        registration_id=1,
        moodle_id=world.moodle.id,
        moodle_origin="http://moodle.example.org",
        user_id=77,
        name="Имя Из Moodle",
        email=None,
        idnumber=None,
        is_moodle_admin=False,
        is_instructor=False,
        is_learner=True,
        course_id=COURSE,
        course_title="Курс о грамотности",
        course_idnumber=None,
        resource_link_id="3",
        locale="ru",
        message_type="LtiResourceLinkRequest",
        custom={},
    )
    return replace(launch, **changes)  # type: ignore[arg-type]


def come(door: FlaskClient, launch: Launch, *, follow: bool = True):  # type: ignore[no-untyped-def]
    door.application.extensions["pending"].append(launch)
    return door.post("/lands-here", follow_redirects=follow)


@pytest.fixture
def world(database: Database) -> World:
    with database.transaction() as session:
        world = World(session, course_id=COURSE)
        world.trainee(person=world.person("Стажёрова", email="Trainee@example.org"))
        world.account(world.leader, LEADER_USER)
        return world


def test_a_trainee_lands_on_the_intake_of_the_course(door: FlaskClient, world: World) -> None:
    response = come(door, launch_of(world, email="trainee@EXAMPLE.org"), follow=False)

    assert (response.status_code, response.location) == (303, f"/intakes/{world.intake.id}")
    assert "Вы: стажёр" in door.get(response.location).text


def test_a_leader_lands_on_the_same_address_as_its_leader(door: FlaskClient, world: World) -> None:
    page = come(door, launch_of(world, user_id=LEADER_USER, is_instructor=True))

    assert page.request.path == f"/intakes/{world.intake.id}"
    assert "Вы: руководитель площадки" in page.text


def accounts(database: Database, person: Person) -> list[int]:
    with database.session(writes=False) as session:
        return list(session.scalars(select(MoodleAccount.user_id).where(MoodleAccount.person_id == person.id)))


@pytest.mark.parametrize("begins", ["last year", "next month"])
@pytest.mark.parametrize("told", ["idnumber", "e-mail"])
def test_a_launch_alone_makes_nobody_a_leader(door: FlaskClient, database: Database, told: str, begins: str) -> None:
    with database.transaction() as session:
        world = World(session, course_id=COURSE)
        world.leader.moodle_idnumber = "LEAD-1"
        if begins == "next month":
            world.leading.since = NOW.date() + timedelta(days=30)

    page = come(door, launch_of(world, idnumber="LEAD-1" if told == "idnumber" else None, email=world.leader.email))

    assert page.status_code == 403
    assert "Вас пока нет в списках" in page.text
    assert "Руководителя площадки при первом входе не узнают" in page.text
    assert accounts(database, world.leader) == []


def test_who_led_a_site_once_is_recognised_as_anybody_else(door: FlaskClient, database: Database) -> None:
    with database.transaction() as session:
        world = World(session, course_id=COURSE)
        world.leading.until = NOW.date() - timedelta(days=1)
        world.trainee(person=world.leader)

    page = come(door, launch_of(world, email=world.leader.email))

    assert "Вы: стажёр" in page.text
    assert accounts(database, world.leader) == [77]


def test_who_holds_a_granted_role_in_one_moodle_is_not_recognised_in_another_by_a_launch(
    door: FlaskClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        elsewhere = World(session, "b")
        specialist = elsewhere.person(email="specialist@example.org")
        elsewhere.account(specialist, 5)
        session.add(RoleGrant(moodle_id=elsewhere.moodle.id, user_id=5, role=Role.CENTRE, granted_at=NOW))

    page = come(door, launch_of(world, email="specialist@example.org"))

    assert page.status_code == 403
    assert accounts(database, specialist) == [5]


def test_a_leader_whom_the_administrator_ties_goes_on_from_the_page_that_did_not_know_them(
    door: FlaskClient, app: Flask, database: Database
) -> None:
    with database.transaction() as session:
        world = World(session, course_id=COURSE)
    unknown = come(door, launch_of(world, email=world.leader.email))

    tied = app.test_cli_runner().invoke(args=["people", "tie", world.moodle.name, "77", str(world.leader.email)])
    known = door.get(unknown.request.full_path, follow_redirects=True)

    assert tied.exit_code == 0, tied.output
    assert "Вы: руководитель площадки" in known.text


def test_a_leader_whose_account_is_untied_loses_the_site_with_the_next_page(
    door: FlaskClient, app: Flask, world: World
) -> None:
    page = come(door, launch_of(world, user_id=LEADER_USER))

    app.test_cli_runner().invoke(args=["people", "untie", world.moodle.name, str(LEADER_USER)])

    assert page.status_code == 200
    assert door.get(page.request.path).status_code == 403


def test_visits_end_at_once_where_a_moodle_is_disabled_and_begin_anew_once_it_is_enabled(
    door: FlaskClient, app: Flask, world: World, database: Database, clock: MovableClock
) -> None:
    with database.transaction() as session:
        world.session = session
        session.add(world.moodle)
        world.link(COURSE)
        elsewhere = World(session, "b", course_id=COURSE)
    launch = launch_of(world, email="trainee@example.org")
    page = come(door, launch)
    other = visit(app, elsewhere, elsewhere.leader)
    clock.move(seconds=5)

    shell = app.test_cli_runner()
    assert shell.invoke(args=["lti", "disable", world.moodle.name]).exit_code == 0

    ended = door.get(page.request.path)
    assert (page.status_code, ended.status_code) == (200, 401)
    assert "Администратор завершил все посещения, начатые из этого Moodle." in ended.text
    assert other.get("/").status_code == 200
    shell.invoke(args=["lti", "enable", world.moodle.name])
    assert door.get(page.request.path).status_code == 401
    clock.move(seconds=5)
    assert come(door, launch).status_code == 200


def test_an_instructor_of_moodle_who_leads_no_site_gets_no_power(door: FlaskClient, world: World) -> None:
    page = come(door, launch_of(world, is_instructor=True))

    assert page.status_code == 403
    assert "Вас пока нет в списках" in page.text


def test_somebody_unknown_learns_what_can_be_done(door: FlaskClient, world: World) -> None:
    page = come(door, launch_of(world))

    assert page.status_code == 403
    assert "Имя Из Moodle" in page.text
    assert "Руководителева Раиса (Школа a)" in page.text
    assert "МБОУ ДПО «ИМЦ»" in page.text


@pytest.mark.parametrize("name", ["launch_payload_stud1_privacy", "launch_payload_teach1_privacy"])
@pytest.mark.parametrize("has_course", [True, False])
def test_nobody_is_called_by_an_empty_name(door: FlaskClient, world: World, name: str, has_course: bool) -> None:
    """As Moodle sends it where the tool's privacy settings keep name and e-mail back."""
    known = Known(1, world.moodle.id, world.moodle.url, "iss", "client", "1", "a", "b", "c")
    launch = replace(launch_of_claims(recorded(name), known), locale="ru", course_id=COURSE if has_course else None)

    page = come(door, launch)

    assert (launch.name, launch.email) == ("", None)
    assert page.status_code == 403
    assert "Вас нет ни в одном потоке и ни на одной площадке." in page.text
    assert "как ," not in page.text
    assert "Вы пришли из Moodle как" not in page.text


def test_somebody_known_without_a_place_here_is_told_so(door: FlaskClient, world: World, database: Database) -> None:
    with database.transaction() as session:
        other = World(session, "b", moodle=session.merge(world.moodle))
        other.trainee(person=other.person(email="elsewhere@example.org"))

    page = come(door, launch_of(world, email="elsewhere@example.org"))

    assert page.status_code == 403
    assert "Вы не числитесь в этом потоке" in page.text
    assert "Функциональная грамотность на уроке" in page.text
    assert "К моим потокам" in page.text


def test_a_trainee_in_a_course_of_no_intake_learns_whom_to_ask(door: FlaskClient, world: World) -> None:
    page = come(door, launch_of(world, email="trainee@example.org", course_id=99))

    assert page.status_code == 200
    assert "Этот курс не относится ни к одному потоку" in page.text
    assert "Руководителева Раиса (Школа a)" in page.text


def test_an_administrator_lands_on_the_pages_of_the_night(door: FlaskClient, world: World) -> None:
    for course_id in (COURSE, 99):
        page = come(door, launch_of(world, is_moodle_admin=True, course_id=course_id))
        assert page.request.path == "/sync"


def test_a_launch_without_a_course_leads_home(door: FlaskClient, world: World) -> None:
    page = come(door, launch_of(world, user_id=LEADER_USER, course_id=None), follow=False)

    assert page.location == "/"


def test_the_courses_idnumber_ties_it_to_its_intake(door: FlaskClient, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainee(person=world.person(email="t@example.org"))
        intake_id = world.intake.id

    page = come(door, launch_of(world, email="t@example.org", course_id=31, course_idnumber="intake-a"), follow=False)

    assert page.location == f"/intakes/{intake_id}"
    with database.transaction() as session:
        assert session.get_one(Intake, intake_id).course_id == 31


def test_a_leader_ties_the_course_they_came_from(door: FlaskClient, app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainees(2)
        world.account(world.leader, LEADER_USER)
        intake_id = world.intake.id
    offer = come(door, launch_of(world, user_id=LEADER_USER, is_instructor=True, course_id=31))
    sealed = offer.request.args["course"]

    nothing = door.post("/intakes/tie", data={"csrf_token": token(app, door), "course": sealed})
    tied = door.post(
        "/intakes/tie",
        data={"csrf_token": token(app, door), "course": sealed, "intake": str(intake_id)},
        follow_redirects=True,
    )

    assert "Для какого потока этот курс?" in offer.text
    assert "Ближайшей ночью на этот курс будут записаны 2 стажёра." in offer.text
    assert "Название, даты и настройки самого курса не изменятся" in offer.text
    assert f'value="{intake_id}" id="intake-{intake_id}" checked' in offer.text
    assert "Функциональная грамотность на уроке" in offer.text
    assert nothing.status_code == 422
    assert "Поток не выбран." in nothing.text
    assert "Курс закреплён за потоком." in tied.text
    with database.transaction() as session:
        assert session.get_one(Intake, intake_id).course_id == 31


def test_nobody_can_name_another_course_in_the_address(door: FlaskClient, world: World) -> None:
    sealed = come(door, launch_of(world, user_id=LEADER_USER, is_instructor=True, course_id=31)).request.args["course"]

    assert door.get("/intakes/tie", query_string={"course": sealed}).status_code == 200
    assert door.get("/intakes/tie", query_string={"course": sealed[:-2] + "xx"}).status_code == 404


def test_a_leader_who_is_only_a_student_of_a_course_cannot_tie_it(
    door: FlaskClient, app: Flask, database: Database
) -> None:
    with database.transaction() as session:
        world = World(session)
        world.account(world.leader, LEADER_USER)
        intake_id = world.intake.id
    page = come(door, launch_of(world, user_id=LEADER_USER, course_id=31))
    sealed = page.request.args["course"]

    answer = door.post(
        "/intakes/tie", data={"csrf_token": token(app, door), "course": sealed, "intake": str(intake_id)}
    )

    assert page.request.path == "/course"
    assert "Закрепить курс за потоком может только его учитель" in page.text
    assert answer.status_code == 403
    assert "Вы не учитель этого курса в Moodle." in answer.text
    with database.session(writes=False) as session:
        assert session.get_one(Intake, intake_id).course_id is None


def test_an_address_that_names_a_course_serves_only_who_launched(
    door: FlaskClient, app: Flask, world: World, database: Database
) -> None:
    with database.transaction() as session:
        other = World(session, "b", moodle=session.merge(world.moodle))
        other.account(other.leader, 79)
    teacher = come(door, launch_of(world, user_id=LEADER_USER, is_instructor=True, course_id=31))
    passed_on = teacher.request.args["course"]
    come(door, launch_of(world, user_id=79, course_id=COURSE))

    for address in ("/intakes/tie", "/course"):
        answer = door.get(address, query_string={"course": passed_on})
        assert answer.status_code == 404
        assert "Этот адрес выдан другому человеку или слишком давно." in answer.text


def test_an_address_that_names_a_course_lasts_as_long_as_a_visit(
    door: FlaskClient, world: World, clock: MovableClock
) -> None:
    launch = launch_of(world, user_id=LEADER_USER, is_instructor=True, course_id=31)
    sealed = come(door, launch).request.args["course"]
    clock.move(hours=9)
    assert door.get("/intakes/tie", query_string={"course": sealed}).status_code == 200

    clock.move(hours=2)
    come(door, launch)
    assert door.get("/intakes/tie", query_string={"course": sealed}).status_code == 404


def test_the_page_of_a_course_leads_on_once_somebody_has_a_place(
    door: FlaskClient, world: World, database: Database
) -> None:
    waiting = come(door, launch_of(world, email="late@example.org"))
    with database.transaction() as session:
        world.session = session
        session.add(world.intake)
        world.trainee(person=world.person(email="late@example.org"))

    again = come(door, launch_of(world, email="late@example.org"), follow=False)

    assert waiting.status_code == 403
    assert again.location == f"/intakes/{world.intake.id}"


def test_the_language_is_moodles_until_another_is_chosen(door: FlaskClient, app: Flask, world: World) -> None:
    launch = launch_of(world, email="trainee@example.org", locale="en")

    english = come(door, launch).text
    door.post("/language", data={"csrf_token": token(app, door), "language": "ru", "next": "/"})
    russian_after_a_new_launch = come(door, launch).text

    assert '<html lang="en">' in english
    assert '<html lang="ru">' in russian_after_a_new_launch


def test_a_page_open_in_another_tab_stays_good_after_a_new_launch(door: FlaskClient, app: Flask, world: World) -> None:
    launch = launch_of(world, email="trainee@example.org")
    come(door, launch)
    from_the_first_tab = token(app, door)

    come(door, launch)

    answer = door.post("/language", data={"csrf_token": from_the_first_tab, "language": "en", "next": "/"})
    assert answer.status_code == 303


def test_another_person_in_the_same_browser_begins_anew(door: FlaskClient, app: Flask, world: World) -> None:
    come(door, launch_of(world, email="trainee@example.org"))
    of_the_first = token(app, door)

    come(door, launch_of(world, user_id=LEADER_USER))

    answer = door.post("/language", data={"csrf_token": of_the_first, "language": "en", "next": "/"})
    assert answer.status_code == 400


def shared_course(world: World, database: Database, *, moved: bool = False) -> Intake:
    """Let an intake to come share the course; ``moved``: the trainee has a place there as well."""
    with database.transaction() as session:
        first = session.get_one(Intake, world.intake.id)
        second = Intake(
            code="intake-z",
            version_id=first.version_id,
            moodle_id=first.moodle_id,
            starts_on=first.ends_on + timedelta(days=1),
            ends_on=first.ends_on + timedelta(days=9),
            capacity=10,
            published_at=NOW,
            course_id=COURSE,
            course_tied_by="leader",
        )
        session.add(second)
        session.flush()
        if moved:
            person = session.scalars(select(Person).where(Person.email == "Trainee@example.org")).one()
            session.add(Trainee(intake=second, person=person, state=TraineeState.ENROLLED, enrolled_at=NOW))
        return second


def test_in_a_shared_course_a_trainee_lands_where_they_have_their_place(
    door: FlaskClient, world: World, database: Database
) -> None:
    shared_course(world, database)
    launch = launch_of(world, email="trainee@example.org")
    for _ in range(2):  # found by the e-mail, then known
        assert come(door, launch, follow=False).location == f"/intakes/{world.intake.id}"


def test_a_leader_of_a_shared_course_and_who_has_several_places_choose_the_running_one_first(
    door: FlaskClient, world: World, database: Database
) -> None:
    second = shared_course(world, database, moved=True)
    for launch in (launch_of(world, email="trainee@example.org"), launch_of(world, user_id=LEADER_USER)):
        page = come(door, launch)
        assert page.request.path == "/intakes/choose"
        first, last = (page.text.index(f'href="/intakes/{number}"') for number in (world.intake.id, second.id))
        assert first < last
        assert "Закрепить за этим курсом ещё один поток" not in page.text
    page = come(door, launch_of(world, user_id=LEADER_USER, is_instructor=True))
    assert "Закрепить за этим курсом ещё один поток" in page.text
    sealed = page.request.args["course"]
    assert "относится к потоку (потокам) intake-z, intake-a" in door.get(f"/intakes/tie?course={sealed}").text


def test_a_stranger_in_a_shared_course_is_told_so_and_not_offered_a_choice(
    door: FlaskClient, world: World, database: Database
) -> None:
    shared_course(world, database)
    page = come(door, launch_of(world, user_id=99))
    assert page.status_code == 403
    sealed = page.request.args["course"]
    assert door.get(f"/intakes/choose?course={sealed}").location.startswith("/course?")


def test_a_leader_lets_an_intake_share_the_course_of_another(
    door: FlaskClient, world: World, database: Database
) -> None:
    second = shared_course(world, database)
    with database.transaction() as session:
        session.get_one(Intake, second.id).course_id = None
    come(door, launch_of(world, user_id=LEADER_USER))
    assert f'href="/intakes/{second.id}/share"' in door.get(f"/intakes/{second.id}").text
    address = f"/intakes/{second.id}/share"
    assert "intake-a" in door.get(address).text
    form = {"csrf_token": token(door.application, door)}
    refused = door.post(address, data=form)
    assert refused.status_code == 422
    done = door.post(address, data={**form, "intake": world.intake.id})
    assert done.location == f"/intakes/{second.id}"
    with database.session(writes=False) as session:
        assert session.get_one(Intake, second.id).course_id == COURSE
    assert "нет другого потока" in door.get(address).text


def test_a_trainee_who_comes_from_the_calendar_is_led_to_the_meetings_intake(
    door: FlaskClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        topic = session.scalars(select(Topic)).first()
        meeting = Meeting(
            intake_id=world.intake.id,
            topic=topic,
            form=Form.SEMINAR,
            mode=Mode.ON_SITE,
            starts_at=NOW,
            minutes=90,
            hours=2,
        )
        session.add(meeting)
        session.flush()
    come(door, launch_of(world, email="trainee@example.org"))
    assert door.get(f"/meetings/{meeting.id}").location == f"/intakes/{world.intake.id}#meeting-{meeting.id}"
    assert door.get("/meetings/999").status_code == 404
