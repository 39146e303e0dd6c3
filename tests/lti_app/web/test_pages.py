"""What trainees, leaders and administrators see, and what their buttons do."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.outbox import enqueue
from lti_app.credits.models import CreditEntry, CreditProposal
from lti_app.credits.outstanding import undelivered_scores
from lti_app.credits.service import SCORE, confirm_credits, propose_credits, reverse_entry
from lti_app.intakes.models import Intake, PlaceRequest, RequestState
from lti_app.meetings.models import Attendance, JoinLog, Presence
from lti_app.people.models import OrganisationHead, Person
from lti_app.programmes.models import Mode
from lti_app.sites.models import SiteLeader
from lti_app.sync.models import HeldPlan, PlanState, RunStatus, SyncChange, SyncRun
from tests.conftest import MovableClock
from tests.lti_app.web.conftest import Ledger, Scene
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries


def test_a_trainee_sees_the_next_meeting_and_the_missing_hours(scene: Scene) -> None:
    page = scene.come("trainee").get(f"/intakes/{scene.intake_id}").text

    assert "Занятие идёт" in page
    assert "вт, 24 ноября, 14:50–16:20" in page
    assert "0 из 16 ак. ч" in page
    assert "До зачёта не хватает 8 ак. ч" in page
    assert "по времени Новокузнецка (UTC+7)" in page
    assert "Войти на занятие" in page


def test_the_same_in_english(scene: Scene) -> None:
    page = scene.come("trainee", language="en").get(f"/intakes/{scene.intake_id}").text

    assert '<html lang="en">' in page
    assert "Tue, 24 November, 14:50–16:20" in page
    assert "0 of 16 academic hours" in page


def test_a_trainee_of_one_intake_goes_straight_there(scene: Scene) -> None:
    response = scene.come("trainee").get("/")

    assert (response.status_code, response.location) == (303, f"/intakes/{scene.intake_id}")


def test_a_trainee_whose_word_is_waited_for_is_not_led_past_it(scene: Scene, database: Database) -> None:
    with database.transaction() as session:
        head = OrganisationHead(
            organisation_id=scene.there.organisation.id, person_id=scene.trainee.id, since=NOW.date()
        )
        there = session.get_one(Intake, scene.there.intake.id)
        there.starts_on = NOW.date() + timedelta(days=1)
        asked = PlaceRequest(
            intake_id=there.id,
            person_id=scene.there.leader.id,
            state=RequestState.WITH_HEAD,
            asked_at=NOW,
            asked_by="х",
        )
        session.add_all([head, asked])
    response = scene.come("trainee").get("/")

    assert response.status_code == 200
    assert 'href="/places/to-confirm"' in response.text


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("trainee", ["Заявки на статус площадки"]),
        ("leader", ["Заявки на статус площадки"]),
        ("centre", ["Заявки"]),
        ("stranger", []),
    ],
)
def test_the_line_at_the_top_leads_whoever_may_apply_to_applications_once(
    scene: Scene, role: str, words: list[str]
) -> None:
    client = scene.come(role)
    line = client.get("/", follow_redirects=True).text.split("<nav", 1)[-1].split("</nav>")[0]

    assert re.findall(r'<a href="/applications"[^>]*>.*?</svg>\s*([^<]*?)\s*</a>', line, re.S) == words


def test_the_door_is_shut_before_its_time_and_says_when_it_opens(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        person = world.trainee().person
        world.meeting(starts_at=NOW + timedelta(hours=1))
        intake_id = world.intake.id

    page = visit(app, world, person).get(f"/intakes/{intake_id}").text

    assert "Вход откроется в 15:45" in page
    assert "data-door-open data-returns hidden" in page


def test_joining_leads_to_the_room_and_leaving_is_noted(scene: Scene, database: Database, clock: MovableClock) -> None:
    client = scene.come("trainee")
    data = {"csrf_token": token(scene.app, client)}

    joined = client.post(f"/meetings/{scene.meeting_id}/join", data=data)
    clock.move(minutes=20)
    inside = client.get(f"/intakes/{scene.intake_id}").text
    left = client.post(f"/meetings/{scene.meeting_id}/leave", data=data, follow_redirects=True).text

    assert joined.status_code == 303
    assert joined.location.startswith("https://rooms.example.org/")
    assert "вы на занятии с 15:00" in inside
    assert "Отмечено, что вы ушли." in left
    with database.transaction() as session:
        stay = session.scalars(select(JoinLog)).one()
        assert stay.left_at == NOW + timedelta(minutes=20)


def test_a_leader_sees_what_waits(scene: Scene) -> None:
    home = scene.come("leader").get("/").text
    intake = scene.come("leader").get(f"/intakes/{scene.intake_id}").text

    assert "1 стажёр ожидает зачёта" in home
    assert "идёт сейчас" in home
    assert "Зачесть выбранным (1)" in intake
    assert "занято мест: 2 из 100" in intake


def test_a_leader_learns_what_waits_in_other_intakes(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,), needed=4)
        intake_id = world.intake.id
        other = World(session, "b", moodle=world.moodle, topics=(4,), needed=4)
        session.add(SiteLeader(site=other.site, person=world.leader, since=other.leading.since))
        other.leading.until = other.leading.since
        diligent, lazy = other.trainees(2)
        confirmed = other.meeting(hours=4)
        other.attended(confirmed, diligent)
        other.attended(confirmed, lazy, presence=Presence.ABSENT)
        other.meeting(hours=4)
        other.meeting(hours=4, cancelled=True)
        other.meeting(hours=4, starts_at=NOW - timedelta(minutes=10))
        propose_credits(session, moodle_id=world.moodle.id, now=NOW)

    page = visit(app, world, world.leader).get(f"/intakes/{intake_id}").text

    assert "В этом потоке вас сегодня ничего не ждёт." in page
    assert "В других ваших потоках" in page
    assert "1 занятие ожидает отметок о посещаемости" in page
    assert "1 стажёр ожидает зачёта" in page


@pytest.mark.parametrize("asked", [True, False])
def test_activities_stand_beside_a_proposal_only_where_the_rule_asks_for_them(
    app: Flask, database: Database, asked: bool
) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,), needed=4, needs_completion=asked)
        trainee = world.trainee()
        world.attended(world.meeting(hours=4), trainee)
        world.progress(trainee, 2, 2)
        propose_credits(session, moodle_id=world.moodle.id, now=NOW)
        intake_id = world.intake.id

    leaders = visit(app, world, world.leader).get(f"/intakes/{intake_id}").text
    trainees = visit(app, world, trainee.person).get(f"/intakes/{intake_id}").text

    assert "по 1 посещённому занятию" in leaders
    assert ("элементы курса: 2 из 2" in leaders) is asked
    assert ("2 из 2" in trainees) is asked


def test_nobody_falls_behind_a_schedule_that_is_not_whole(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=8)
        trainee = world.trainee()
        world.attended(world.meeting(topic=0, hours=4), trainee)
        intake_id = world.intake.id
    leader = visit(app, world, world.leader)

    home, short = leader.get("/").text, leader.get(f"/intakes/{intake_id}").text
    with database.transaction() as session:
        world.session = session
        session.add_all([world.intake, *world.topics])
        world.attended(world.meeting(topic=1, hours=4), trainee, presence=Presence.ABSENT)
    whole = leader.get(f"/intakes/{intake_id}").text

    for page in (home, short):
        assert "в графике 4 из 8 ак. ч" in page
        assert "часов не хват" not in page
    assert "Составить недостающие занятия" in short
    assert "в графике" not in whole
    assert "1 стажёр не набрал нужных часов, а занятий больше нет" in whole
    assert "часов не хватит" in whole


def test_who_falls_behind_is_told_apart_by_whether_meetings_are_left(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=8)
        missed = world.meeting(topic=0, hours=4)
        world.attended(missed, *world.trainees(2), presence=Presence.ABSENT)
        world.meeting(topic=1, hours=4, starts_at=NOW + timedelta(days=2))
        intake_id = world.intake.id
    leader = visit(app, world, world.leader)

    for page in (leader.get("/").text, leader.get(f"/intakes/{intake_id}").text):
        assert "2 стажёра не наберут нужных часов на оставшихся занятиях" in page
        assert "часов не хватит" in page
        assert "занятий больше нет" not in page


@pytest.mark.parametrize(
    ("before", "shown"),
    [(timedelta(0), True), (timedelta(hours=15), True), (timedelta(hours=15, minutes=1), False)],
)
def test_today_is_the_municipalitys_day(
    app: Flask, database: Database, clock: MovableClock, before: timedelta, shown: bool
) -> None:
    """A meeting at 16:00 in Novokuznetsk is today's from midnight there, which is yesterday in UTC."""
    with database.transaction() as session:
        world = World(session)
        world.trainee()
        world.meeting(starts_at=NOW + timedelta(hours=1))
    clock.moment = NOW - before

    page = visit(app, world, world.leader, since=clock()).get("/").text

    assert ("Сегодня вас ничего не ждёт." in page) is not shown


def test_meetings_of_several_intakes_stand_in_the_order_of_time(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        other = World(session, "b", moodle=world.moodle)
        session.add(SiteLeader(site=other.site, person=world.leader, since=other.leading.since))
        other.leading.until = other.leading.since
        for one in (world, other):
            one.trainee()
            for hours in (-30, -27, 1, 4) if one is world else (-29, -28, 2, 3):
                one.meeting(starts_at=NOW + timedelta(hours=hours))

    page = visit(app, world, world.leader).get("/").text.split('id="led"')[0]

    times = [line.split("</time>")[0].rsplit(" ", 1)[1] for line in page.split("<time ")[1:]]
    assert [time[:5] for time in times] == ["16:00", "17:00", "18:00", "19:00", "09:00", "10:00", "11:00", "12:00"]


def next_step(app: Flask, world: World, person: Person, intake_id: int) -> str:
    page = visit(app, world, person).get(f"/intakes/{intake_id}").text
    return page.split('id="next">')[1].split("</section>")[0]


def test_a_trainee_without_meetings_left_learns_what_to_do(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,), needed=4, needs_completion=True, course_id=12)
        waiting, absent, idle, done = world.trainees(4)
        meeting = world.meeting(hours=4)
        world.attended(meeting, idle, done)
        world.attended(meeting, absent, presence=Presence.ABSENT)
        world.stay(meeting, waiting, meeting.starts_at, meeting.ends_at)
        world.progress(idle, 1, 2)
        world.progress(done, 2, 2)
        intake_id, address = world.intake.id, world.moodle.url
        people = [trainee.person for trainee in (waiting, absent, idle, done)]

    before = [next_step(app, world, person, intake_id) for person in people]
    with database.transaction() as session:
        propose_credits(session, moodle_id=world.moodle.id, now=NOW)
    proposed = next_step(app, world, people[3], intake_id)
    with database.transaction() as session:
        world.session = session
        proposal = session.scalars(select(CreditProposal.id)).one()
        confirm_credits(session, intake_id=intake_id, proposal_ids={proposal}, actor=world.leader_actor, now=NOW)
    credited = next_step(app, world, people[3], intake_id)

    assert "Дождитесь, когда руководитель подтвердит посещаемость" in before[0]
    assert "спросите руководителя, как их добрать (Руководителева Раиса)" in before[1]
    assert "Выполните оставшиеся элементы курса Moodle." in before[2]
    assert f'href="{address}/course/view.php?id=12" target="_top"' in before[2]
    assert "Ближайшей ночью часы будут предложены руководителю" in before[3]
    assert "Решение за руководителем площадки." in proposed
    assert "Ваши часы зачтены, больше ничего делать не нужно." in credited


def test_a_leader_confirms_attendance_with_what_was_ticked(scene: Scene, database: Database) -> None:
    client = scene.come("leader")
    page = client.get(f"/meetings/{scene.meeting_id}").text
    response = client.post(
        f"/meetings/{scene.meeting_id}/attendance",
        data={"csrf_token": token(scene.app, client), "present": str(scene.trainee_id)},
        follow_redirects=True,
    )

    assert "Подтвердить: 0 из 2 присутствовали" in page
    assert "Посещаемость подтверждена." in response.text
    with database.transaction() as session:
        marks = {
            mark.trainee_id: mark.presence
            for mark in session.scalars(select(Attendance).where(Attendance.meeting_id == scene.meeting_id))
        }
    assert marks.pop(scene.trainee_id) is Presence.PRESENT
    assert set(marks.values()) == {Presence.ABSENT}


def test_those_who_stayed_are_ticked_at_first(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        long, short = world.trainees(2)
        meeting = world.meeting(starts_at=NOW - timedelta(hours=3), minutes=100)
        world.stay(meeting, long, meeting.starts_at, meeting.starts_at + timedelta(minutes=80))
        world.stay(meeting, short, meeting.starts_at, meeting.starts_at + timedelta(minutes=20))
        meeting_id, long_id, short_id = meeting.id, long.id, short.id

    page = visit(app, world, world.leader).get(f"/meetings/{meeting_id}").text

    assert f'value="{long_id}" id="present-{long_id}" checked' in page
    assert f'value="{short_id}" id="present-{short_id}" data-one' in page
    assert "1 ч 20 мин из 1 ч 40 мин" in page
    assert "Подтвердить: 1 из 2 присутствовал" in page


def test_a_refused_confirmation_keeps_the_ticks(scene: Scene, clock: MovableClock) -> None:
    client = scene.come("leader")
    clock.move(hours=-3)

    response = client.post(
        f"/meetings/{scene.meeting_id}/attendance",
        data={"csrf_token": token(scene.app, client), "present": str(scene.trainee_id)},
    )

    assert response.status_code == 409
    assert "Это занятие ещё не началось." in response.text
    assert f'id="present-{scene.trainee_id}" checked' in response.text


def test_a_leader_credits_the_chosen(scene: Scene, database: Database) -> None:
    client = scene.come("leader")

    page = client.post(
        f"/intakes/{scene.intake_id}/credits",
        data={"csrf_token": token(scene.app, client), "proposal": str(scene.proposal_id)},
        follow_redirects=True,
    ).text

    assert "Часы зачтены 1 стажёру. Журнал оценок Moodle обновляется." in page
    assert "зачтено" in page
    with database.transaction() as session:
        assert session.scalars(select(CreditEntry.hours)).one() == 8
    scene.app.extensions["ploshchadka"].jobs.drain()


def test_crediting_nobody_says_what_to_do(scene: Scene) -> None:
    client = scene.come("leader")

    response = client.post(f"/intakes/{scene.intake_id}/credits", data={"csrf_token": token(scene.app, client)})

    assert response.status_code == 422
    assert "Отметьте тех, кому нужно зачесть часы." in response.text
    assert 'role="alert"' in response.text


def test_a_leader_takes_a_credit_back_and_is_told_before_what_follows(
    scene: Scene, ledger: Ledger, database: Database
) -> None:
    client = scene.come("leader")
    address = f"/credits/{ledger.entry_id}/reversal"

    listed = client.get(f"/intakes/{scene.intake_id}/ledger").text
    form = client.get(address).text
    refused = client.post(address, data={"csrf_token": token(scene.app, client), "reason": "  "})
    long = client.post(address, data={"csrf_token": token(scene.app, client), "reason": "я" * 501})
    done = client.post(address, data={"csrf_token": token(scene.app, client), "reason": "Занятие было на другой теме"})
    after = client.get(done.location).text
    again = client.get(address)

    assert f'href="{address}"' in listed
    assert listed.count("Отменить зачёт…") == 1  # what is taken back can't be taken back again
    assert f"{ledger.trainee.full_name}: останется зачтено 0 из 16 ак. ч; оценка в Moodle изменится." in form
    assert "Отменить зачёт: 8 ак. ч" in form
    assert refused.status_code == long.status_code == 422
    assert "Укажите причину отмены зачёта." in refused.text
    assert 'aria-invalid="true"' in refused.text
    assert "я" * 501 in long.text
    assert done.status_code == 303
    assert "Зачёт отменён. Новая оценка отправляется в Moodle." in after
    assert "причина: Занятие было на другой теме" in after
    assert "Отменить зачёт…" not in after
    assert again.status_code == 409
    with database.session(writes=False) as session:
        reversal = session.scalars(select(CreditEntry).where(CreditEntry.reverses_id == ledger.entry_id)).one()
        assert reversal.decided_by_id == scene.here.leader.id
    scene.app.extensions["ploshchadka"].jobs.drain()


def test_the_trainee_sees_that_the_credit_was_taken_back_why_by_whom_and_when(
    scene: Scene, ledger: Ledger, database: Database
) -> None:
    with database.transaction() as session:
        reverse_entry(session, entry_id=ledger.entry_id, reason="не та тема", actor=scene.here.leader_actor, now=NOW)

    page = " ".join(visit(scene.app, scene.here, ledger.trainee).get(f"/intakes/{scene.intake_id}").text.split())

    assert "зачёт отменён" in page
    assert "Руководитель отменил зачёт; причина указана в разделе «Зачтённые часы»." in page
    assert f"решение: {scene.here.leader.full_name} · причина: не та тема" in page
    assert "вт, 24 ноября, 15:00" in page
    assert "зачёт позднее отменён" in page


def test_a_leader_puts_forward_again_what_was_taken_back(scene: Scene, ledger: Ledger) -> None:
    client = scene.come("leader")

    before = client.get(f"/intakes/{scene.intake_id}").text
    done = client.post(f"/trainees/{ledger.returned_id}/proposal", data={"csrf_token": token(scene.app, client)})
    after = client.get(done.location).text

    assert before.count("Предложить к зачёту снова") == 1
    assert "Часы снова в разделе «Часы к зачёту»." in after
    assert "Предложить к зачёту снова" not in after
    assert after.count('name="proposal"') == before.count('name="proposal"') + 1


def test_the_ledger_is_searched_by_name(scene: Scene, ledger: Ledger) -> None:
    client = scene.come("leader")

    found = client.get(f"/intakes/{scene.intake_id}/ledger?q={ledger.trainee.last_name}").text
    nobody = client.get(f"/intakes/{scene.intake_id}/ledger?q=Никто").text

    assert found.count(f"{ledger.trainee.full_name}: 8 ак. ч") == 1
    assert "−8 ак. ч" not in found
    assert "По запросу «Никто» никто не найден." in nobody


def test_who_is_both_trainee_and_leader_can_switch(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainee(person=world.leader)
        intake_id = world.intake.id
    client = visit(app, world, world.leader)

    as_leader = client.get(f"/intakes/{intake_id}").text
    as_trainee = client.get(f"/intakes/{intake_id}?as=trainee").text

    assert "Вы: руководитель площадки" in as_leader
    assert f'href="/intakes/{intake_id}?as=trainee"' in as_leader
    assert "Вы: стажёр" in as_trainee
    assert f'href="/intakes/{intake_id}?as=leader"' in as_trainee


def test_long_lists_are_searched_and_paged_by_address(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainees(51)
        intake_id = world.intake.id
    client = visit(app, world, world.leader)

    first = client.get(f"/intakes/{intake_id}").text
    second = client.get(f"/intakes/{intake_id}?page=2").text
    found = client.get(f"/intakes/{intake_id}?q=стажёрова007").text
    nobody = client.get(f"/intakes/{intake_id}?q=Никто").text

    assert "1–50 из 51" in first
    assert "51–51 из 51" in second
    assert first.count('role="rowheader"') == 50
    assert second.count('role="rowheader"') == 1
    assert found.count('role="rowheader"') == 1
    assert "По запросу «Никто» никто не найден." in nobody


def test_a_leader_notes_that_somebody_has_left(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        trainee = world.trainee()
        meeting = world.meeting(starts_at=NOW - timedelta(minutes=30))
        world.stay(meeting, trainee, meeting.starts_at)
        meeting_id, trainee_id = meeting.id, trainee.id
    client = visit(app, world, world.leader)

    page = client.post(
        f"/meetings/{meeting_id}/stays/{trainee_id}/close",
        data={"csrf_token": token(app, client)},
        follow_redirects=True,
    ).text

    assert "Время ухода отмечено." in page
    assert "14:30–15:00" in page


def test_an_administrator_sees_what_a_held_plan_would_do(scene: Scene) -> None:
    page = scene.come("administrator").get("/sync").text

    assert "Поток intake-a: будут приостановлены 7 из 12 участников курса." in page
    assert "Разрешить: будут приостановлены 7 участников" in page
    assert "ожидает разрешения" in page


def test_approving_a_plan_starts_the_run_that_applies_it(scene: Scene, database: Database) -> None:
    started: list[int] = []
    scene.app.extensions["ploshchadka"].services["start_run"] = started.append
    client = scene.come("administrator")

    page = client.post(
        f"/sync/plans/{scene.plan_id}/approve", data={"csrf_token": token(scene.app, client)}, follow_redirects=True
    ).text

    assert "План разрешён" in page
    assert "план будет выполнен при следующем обмене" in page
    assert started == [scene.here.moodle.id]
    with database.transaction() as session:
        assert session.get_one(HeldPlan, scene.plan_id).state is PlanState.APPROVED


def test_a_run_names_people_and_what_to_do(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        lost = world.person("Потеряева")
        enrolled = world.person("Записина")
        world.account(enrolled, 44)
        run = SyncRun(
            moodle_id=world.moodle.id,
            status=RunStatus.FAILED_SOME,
            started_at=NOW,
            counts={"enrol": {"planned": 2, "done": 1, "failed": 1}},
            held=[],
            notes=[
                {"code": "person_not_found", "course_key": "", "subject": lost.id, "text": "several users match"},
                {"code": "enrolled_by_others", "course_key": "intake-a", "subject": 5, "text": "…"},
                {"code": "enrolled_by_others", "course_key": "intake-a", "subject": 6, "text": "…"},
            ],
        )
        session.add(run)
        session.flush()
        for user, failed in ((44, True), (45, False)):
            session.add(
                SyncChange(
                    run_id=run.id,
                    kind="enrol",
                    target=f"course intake-a, user {user}, trainee",
                    failed=failed,
                    errorcode="invaliduser" if failed else None,
                    remedy="Check that the user or course was not deleted in Moodle." if failed else None,
                    at=NOW,
                )
            )
        run_id = run.id
    client = visit(app, world, is_moodle_admin=True)

    everything = client.get(f"/sync/runs/{run_id}").text
    failed_only = client.get(f"/sync/runs/{run_id}?only=failed").text

    assert "записать: Записина Анна (стажёр), поток intake-a" in everything
    assert "Что делать: Проверьте, не удалён ли пользователь или курс в Moodle." in everything
    assert "Потеряева Анна: в Moodle подходит несколько пользователей" in everything
    assert "Кто есть кто: ответить о тех, кого не удалось найти точно" in everything
    assert "замечания: 2" in client.get("/sync").text
    assert "Поток intake-a: 2 человека записаны на курс другим способом" in everything
    assert "пользователь Moodle № 45" in everything
    assert "пользователь Moodle № 45" not in failed_only


def test_the_administrator_sees_whose_hours_did_not_reach_the_gradebook(scene: Scene, database: Database) -> None:
    with database.transaction() as session:
        here = scene.here
        here.session = session
        session.add(here.intake)
        waiting, given_up = here.trainees(2)
        for trainee, error in ((waiting, "nobody has opened the tool in course 12 yet"), (given_up, "score: 404")):
            message = enqueue(
                session, kind=SCORE, key=f"score:{trainee.id}", payload={"trainee_id": trainee.id}, now=NOW
            )
            message.last_error = error
            message.given_up_at = NOW if trainee is given_up else None
        session.flush()
        run = session.get_one(SyncRun, scene.run_id)
        run.scores = asdict(undelivered_scores(session, here.moodle.id))
    client = scene.come("administrator")

    for address in ("/sync", f"/sync/runs/{scene.run_id}"):
        page = " ".join(client.get(address).text.split())
        assert "часы ждут отправки в журнал оценок: 1 стажёр" in page
        assert "в курсе № 12 ещё никто не перешёл по ссылке на площадку" in page
        assert "часы не попали в журнал оценок: 1 стажёр" in page
        assert "score: 404" in page
        assert "outbox retry" in page


def test_progress_of_a_run_is_a_part_of_the_page(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.lock()
        run = SyncRun(
            moodle_id=world.moodle.id,
            status=RunStatus.RUNNING,
            started_at=NOW,
            phase="writing",
            steps_total=120,
            steps_done=47,
            counts={},
            held=[],
            notes=[],
        )
        session.add(run)
        session.flush()
        run_id = run.id
    client = visit(app, world, is_moodle_admin=True)

    under_way = client.get(f"/sync/runs/{run_id}/progress").text
    with database.transaction() as session:
        session.get_one(SyncRun, run_id).status = RunStatus.DONE
    ended = client.get(f"/sync/runs/{run_id}/progress").text

    assert "внесение изменений в Moodle: шаг 47 из 120" in under_way
    assert 'data-announce="внесение изменений в Moodle"' in under_way
    assert "aria-live" not in under_way
    assert 'max="120" value="47"' in under_way
    assert "data-finished" not in under_way
    assert "data-finished" in ended
    assert 'data-announce="Обмен завершён: выполнено"' in ended
    assert "<html" not in ended


def test_a_leader_without_intakes_learns_what_they_are_made_of(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        session.delete(world.intake)

    page = visit(app, world, world.leader).get("/").text
    assert "Поток создаётся по программе, которую одобрил методический совет" in page
    assert 'href="/programmes"' in page


def test_on_site_meetings_have_no_door(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        person = world.trainee().person
        world.meeting(starts_at=NOW + timedelta(minutes=5), mode=Mode.ON_SITE)
        intake_id = world.intake.id

    page = visit(app, world, person).get(f"/intakes/{intake_id}").text

    assert "каб. 12" in page
    assert "/join" not in page


def queries_of(app: Flask, world: World, person: Person, address: str) -> int:
    client = visit(app, world, person)
    with counted_queries(app.extensions["ploshchadka"].database) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_pages_cost_the_same_whatever_their_length(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        person = world.trainee().person
        meeting = world.meeting()
        intake_id, meeting_id = world.intake.id, meeting.id
    pages = [
        (person, f"/intakes/{intake_id}"),
        (world.leader, f"/intakes/{intake_id}"),
        (world.leader, "/"),
        (world.leader, f"/meetings/{meeting_id}"),
    ]
    few = [queries_of(app, world, who, address) for who, address in pages]
    with database.transaction() as session:
        world.session = session
        session.add_all([world.intake, world.leader, *world.topics])
        trainees = world.trainees(40)
        for _ in range(12):
            world.attended(world.meeting(), *trainees)

    many = [queries_of(app, world, who, address) for who, address in pages]

    assert many == few
    assert max(many) <= 20
