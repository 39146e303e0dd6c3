"""A world with something on every page, and a way to walk in as any of its people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Flask
from flask import session as cookie
from playwright.sync_api import Page
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.edge import SignedIn, sign_in
from lti_app.core.permissions import Permission, needs
from lti_app.credits.service import propose_credits
from lti_app.intakes.launched import LaunchedCourse, seal
from lti_app.intakes.models import Outsider, Trainee
from lti_app.meetings.calendar_models import CalendarFeed
from lti_app.meetings.feedback_models import Feedback, FeedbackGiven, FeedbackQuestion
from lti_app.meetings.models import Meeting, Presence
from lti_app.people.models import Person, PersonQuestion
from lti_app.programmes.models import Form, Mode
from lti_app.sites.models import SiteLeader
from lti_app.sync.models import HeldPlan, PlanState, RunStatus, SyncChange, SyncRun
from moodle_sync.changes import Reason
from moodle_sync.errors import CapabilityMissing
from tests.lti_app.web.visits import tied_user
from tests.lti_app.world import NOW, World, behind_the_rules, suspensions

SECRET_KEY = "s" * 40
LEADER_USER = 501
NAMES = [
    ("Абрамова", "Ольга", "Викторовна"),
    ("Белоусова", "Наталья", "Сергеевна"),
    ("Васильченко-Островская", "Екатерина", "Александровна"),
    ("Гурьев", "Илья", "Петрович"),
    ("Дорошенко", "Марина", "Игоревна"),
    ("Ермакова", "Светлана", "Юрьевна"),
    ("Жукова", "Татьяна", "Андреевна"),
    ("Зайцев", "Роман", "Олегович"),
]
TOPICS = [
    "Функциональная грамотность: что изменилось в требованиях к современному уроку",
    "Проектирование учебного занятия в логике системно-деятельностного подхода",
    "Технологическая карта урока: от цели к результату",
]


@dataclass(frozen=True)
class Town:
    """Hold the ids that addresses need, and the people who visit."""

    world: World
    trainee: Person
    leader: Person
    intake_id: int
    joinable_id: int
    ended_id: int
    confirmed_id: int
    on_site_id: int
    entry_id: int
    run_id: int
    held_run_id: int
    running_id: int
    free_course: str
    """A course that no intake has yet, as addresses name it."""

    @property
    def pages(self) -> dict[str, tuple[str, str]]:
        """Return every page: its name, who visits it, and its address."""
        return {
            "trainee": ("trainee", f"/intakes/{self.intake_id}"),
            "leader-home": ("leader", "/"),
            "leader-intake": ("leader", f"/intakes/{self.intake_id}"),
            "leader-meeting": ("leader", f"/meetings/{self.ended_id}"),
            "leader-meeting-under-way": ("leader", f"/meetings/{self.joinable_id}"),
            "leader-meeting-confirmed": ("leader", f"/meetings/{self.confirmed_id}"),
            "leader-meeting-on-site": ("leader", f"/meetings/{self.on_site_id}"),
            "leader-ledger": ("leader", f"/intakes/{self.intake_id}/ledger"),
            "leader-reversal": ("leader", f"/credits/{self.entry_id}/reversal"),
            "calendar-none": ("trainee", "/calendar"),
            "calendar": ("leader", "/calendar"),
            "feedback": ("trainee", f"/meetings/{self.ended_id}/feedback"),
            "feedback-summary": ("leader", f"/meetings/{self.ended_id}/feedback/summary"),
            "feedback-few": ("leader", f"/meetings/{self.confirmed_id}/feedback/summary"),
            "sync": ("administrator", "/sync"),
            "sync-run": ("administrator", f"/sync/runs/{self.run_id}"),
            "sync-held": ("administrator", f"/sync/runs/{self.held_run_id}"),
            "sync-running": ("administrator", f"/sync/runs/{self.running_id}"),
            "who-is-who": ("administrator", "/sync/people"),
            "leader-tie": ("leader", f"/intakes/tie?course={self.free_course}"),
            "stranger": ("stranger", "/"),
            "stranger-course": ("stranger", f"/course?course={self.free_course}"),
            "no-such-page": ("trainee", "/nowhere"),
            "forbidden": ("trainee", "/sync"),
        }


def _nights_before(world: World) -> list[SyncRun]:
    """Three weeks of nights, one of them failed and one left out."""
    return [
        SyncRun(
            moodle_id=world.moodle.id,
            status=RunStatus.FAILED_SOME if days == 5 else RunStatus.DONE,
            started_at=NOW - timedelta(days=days, hours=13),
            finished_at=NOW - timedelta(days=days, hours=13) + timedelta(seconds=days),
            counts={"enrol": {"planned": 3 * days, "done": 3 * days - (days == 5), "failed": int(days == 5)}},
            held=[],
            notes=[],
            calls=9,
            seconds=float(days),
        )
        for days in range(1, 22)
        if days != 9
    ]


def found_town(database: Database) -> Town:
    """Fill a database: meetings past, under way and to come, stays, attendance, proposals, credit, nights."""
    with database.transaction() as session:
        world = World(session, needed=18, topics=(8, 8, 8), course_id=12)
        world.organisation.name = "МБОУ «Школа № 14 с углублённым изучением отдельных предметов»"
        world.organisation.short_name = "Школа № 14"
        world.leader.last_name, world.leader.first_name, world.leader.middle_name = "Киселёва", "Раиса", "Павловна"
        with behind_the_rules(session):
            for topic, title in zip(world.topics, TOPICS, strict=True):
                topic.title = title
        trainees = [_trainee(world, *name) for name in NAMES]
        confirmed = _past(world, trainees)
        ended = world.meeting(topic=2, hours=4, starts_at=NOW - timedelta(hours=5), minutes=180)
        for trainee, minutes in zip(trainees[:6], (180, 175, 160, 150, 60, 20), strict=True):
            world.stay(ended, trainee, ended.starts_at, ended.starts_at + timedelta(minutes=minutes))
        under_way = world.meeting(topic=2, hours=2, starts_at=NOW - timedelta(minutes=10))
        world.stay(under_way, trainees[1], NOW - timedelta(minutes=8))
        on_site = world.meeting(topic=1, starts_at=NOW - timedelta(days=2), mode=Mode.ON_SITE)
        on_site.form = Form.OPEN_LESSON
        world.meeting(topic=2, hours=2, starts_at=NOW + timedelta(days=16))
        world.meeting(topic=2, hours=2, starts_at=NOW + timedelta(days=20), cancelled=True)
        session.flush()
        propose_credits(session, moodle_id=world.moodle.id, now=NOW)
        mistaken = world.entry(trainees[4], 2)
        world.entry(trainees[4], 2, reverses=mistaken)
        entry = world.entry(trainees[4], 20)
        run, held_run, running = _nights(session, world, trainees)
        _second_site(session, world)
        _questions(session, world, trainees)
        _outsiders(session, world)
        _feedback(session, ended, trainees)
        session.add(CalendarFeed(person_id=world.leader.id, created_at=NOW))
        world.account(world.leader, LEADER_USER)
        session.flush()
        came_from = LaunchedCourse(
            moodle_id=world.moodle.id,
            user_id=LEADER_USER,
            since=int(NOW.timestamp()),
            is_instructor=True,
            course_id=31,
            title="Технологическая карта урока",
            idnumber=None,
        )
        return Town(
            world=world,
            trainee=trainees[0].person,
            leader=world.leader,
            intake_id=world.intake.id,
            joinable_id=under_way.id,
            ended_id=ended.id,
            confirmed_id=confirmed.id,
            on_site_id=on_site.id,
            entry_id=entry.id,
            run_id=run.id,
            held_run_id=held_run.id,
            running_id=running.id,
            free_course=seal(came_from, SECRET_KEY),
        )


def _second_site(session: Session, world: World) -> None:
    """Let the leader lead another site, too; its intake has no course yet and its schedule is not whole."""
    other = World(session, "b", moodle=world.moodle, title="Технологическая карта урока")
    other.leading.until = other.leading.since
    session.add(SiteLeader(site=other.site, person=world.leader, since=other.leading.since))
    other.trainees(21)
    other.meeting(starts_at=NOW + timedelta(hours=2))


def _outsiders(session: Session, world: World) -> None:
    """Let four people be in the course by other means, of whom the leader said of one that they are no trainee."""
    session.add_all(
        Outsider(
            moodle_id=world.moodle.id,
            course_id=world.intake.course_id,
            user_id=700 + number,
            is_offered=True,
            last_name=last_name,
            first_name="Екатерина Александровна",
            email=f"ekaterina.{number}@gymnasium-number-{number}.municipality.example.org",
            first_seen_at=NOW,
            dismissed_at=None if number else NOW,
        )
        for number, last_name in enumerate(("Иванова", "Кузнецова-Белозерская", "Ларина", "Мельникова"))
    )


def _feedback(session: Session, meeting: Meeting, trainees: list[Trainee]) -> None:
    """Let three give feedback on a meeting, two of them with a comment."""
    questions = session.scalars(select(FeedbackQuestion.id).order_by(FeedbackQuestion.position)).all()
    comments = (
        "Спасибо, очень полезно!",
        "Хотелось бы больше примеров для начальной школы.\nИ раздаточный материал.",
        None,
    )
    for trainee, mark, comment in zip(trainees[1:4], (5, 4, 3), comments, strict=True):
        session.add(FeedbackGiven(meeting_id=meeting.id, person_id=trainee.person_id))
        session.add(Feedback(meeting_id=meeting.id, answers=dict.fromkeys(map(str, questions), mark), comment=comment))


def _trainee(world: World, last_name: str, first_name: str, middle_name: str) -> Trainee:
    person = world.person(last_name)
    person.first_name, person.middle_name = first_name, middle_name
    return world.trainee(person=person)


def _past(world: World, trainees: list[Trainee]) -> Meeting:
    """Put down meetings that are confirmed; return the last, after which somebody came in as absent."""
    meetings = [
        world.meeting(topic=topic, hours=4, starts_at=NOW - timedelta(days=days), minutes=180)
        for topic, days in ((0, 50), (0, 43), (1, 36), (1, 29), (2, 22))
    ]
    for number, meeting in enumerate(meetings):
        world.attended(meeting, *(trainee for place, trainee in enumerate(trainees) if place % 4 or number != 4))
        absent = [trainee for place, trainee in enumerate(trainees) if not place % 4 and number == 4]
        if absent:
            world.attended(meeting, *absent, presence=Presence.ABSENT)
    for trainee in trainees:
        world.progress(trainee, 3, 5, read_at=NOW - timedelta(hours=12))
    world.stay(meetings[-1], trainees[0], meetings[-1].ends_at + timedelta(minutes=1), NOW - timedelta(days=1))
    return meetings[-1]


def _nights(session: Session, world: World, trainees: list[Trainee]) -> tuple[SyncRun, SyncRun, SyncRun]:
    world.account(trainees[3].person, 44)
    started = NOW - timedelta(hours=37)
    session.add(SyncRun(moodle_id=world.moodle.id, status=RunStatus.DONE, started_at=started, finished_at=started))
    session.flush()  # it is the earlier one, with which the other is compared
    run = SyncRun(
        moodle_id=world.moodle.id,
        status=RunStatus.FAILED_SOME,
        started_at=NOW - timedelta(hours=13),
        finished_at=NOW - timedelta(hours=13) + timedelta(seconds=42),
        counts={
            "create_course": {"planned": 1, "done": 1, "failed": 0},
            "enrol": {"planned": 24, "done": 23, "failed": 1},
        },
        held=[],
        notes=[
            {
                "code": "person_not_found",
                "course_key": "",
                "subject": trainees[5].person_id,
                "text": "several users match",
            }
        ],
        scores={
            "waiting": 2,
            "given_up": 1,
            "reasons": [
                {"reason": "nobody has opened the tool in course 12 yet", "trainees": 2, "given_up": False},
                {"reason": "score: Moodle answered 404", "trainees": 1, "given_up": True},
            ],
        },
        calls=31,
        seconds=42.3,
    )
    held_run = SyncRun(
        moodle_id=world.moodle.id,
        status=RunStatus.HELD,
        started_at=NOW - timedelta(hours=2),
        finished_at=NOW - timedelta(hours=2),
        counts={"suspend": {"planned": 7, "done": 0, "failed": 0}},
        plan_id="a" * 64,
        held=[{"code": "suspends_many", "course_key": "intake-a", "people": 7, "of": 8, "text": "7 of 8"}],
        notes=[],
        calls=9,
        seconds=3.1,
    )
    running = SyncRun(
        moodle_id=world.moodle.id,
        status=RunStatus.RUNNING,
        started_at=NOW - timedelta(minutes=1),
        phase="writing",
        steps_total=120,
        steps_done=47,
        counts={"enrol": {"planned": 120, "done": 47, "failed": 0}},
        held=[],
        notes=[],
    )
    session.add_all([*_nights_before(world), run, held_run, running])
    world.lock()
    session.flush()
    session.add(
        HeldPlan(
            moodle_id=world.moodle.id,
            run_id=held_run.id,
            plan_id="a" * 64,
            state=PlanState.HELD,
            reasons=held_run.held,
            plan=suspensions(7),
            created_at=NOW - timedelta(hours=2),
        )
    )
    for number in range(60):
        failed = number == 4
        session.add(
            SyncChange(
                run_id=run.id,
                kind="enrol",
                target=f"course intake-a, user {40 + number}, trainee",
                reason=Reason.LISTED.value,
                failed=failed,
                errorcode="nopermissions" if failed else None,
                message="no permission to assign the role" if failed else None,
                remedy=CapabilityMissing.remedy if failed else None,
                at=NOW - timedelta(hours=13),
            )
        )
    return run, held_run, running


def _questions(session: Session, world: World, trainees: list[Trainee]) -> None:
    """Put down whom the night could not find: two users match, one may be somebody else, nobody matches."""
    world.account(trainees[2].person, 71)
    users = [
        {"user_id": 71, "idnumber": "SN-71", "email": "gurev@school14.example.org", "full_name": "Илья Гурьев"},
        {"user_id": 72, "idnumber": "SN-71", "email": "gurev.ip@mail.example.org", "full_name": "Илья Петрович Гурьев"},
        {"user_id": 73, "idnumber": "", "email": "office@school14.example.org", "full_name": "Школа № 14"},
    ]
    asked = ((0, "several_users", users[:2]), (1, "other_idnumber", users[2:]), (3, "no_user", []))
    session.add_all(
        PersonQuestion(
            moodle_id=world.moodle.id,
            person_id=trainees[number].person_id,
            reason=reason,
            candidates=candidates,
            opened_at=NOW - timedelta(hours=13),
        )
        for number, reason, candidates in asked
    )


def open_door(app: Flask) -> None:
    """Give the application an address at which a visit begins, as it does after a launch."""
    visits: list[tuple[SignedIn, str]] = []
    app.extensions["visits_to_begin"] = visits

    @app.get("/come-in")
    @needs(Permission.PUBLIC)
    def begin_visit() -> str:
        who, language = visits.pop()
        sign_in(who)
        cookie["locale_chosen"] = language
        # Without an icon of its own the page makes the browser ask for one; that answer, if it came late, would
        # put back the cookie as it was before the next page.
        return '<title>Moodle</title><link rel="icon" href="data:,">'


def come_in(
    page: Page, app: Flask, town: Town, who: str, address: str, language: str = "ru", since: datetime = NOW
) -> None:
    """Begin a visit as ``who`` (trainee, leader, administrator, stranger) in this window."""
    person = {"trainee": town.trainee, "leader": town.leader}.get(who)
    visitor = SignedIn(
        moodle_id=town.world.moodle.id,
        user_id=tied_user(app, town.world.moodle.id, person.id) if person else 7,
        person_id=person.id if person else None,
        name=person.full_name if person else "Гостева Галина",
        is_moodle_admin=who == "administrator",
        moodle_origin=address,
        since=int(since.timestamp()),
    )
    app.extensions["visits_to_begin"].append((visitor, language))
    page.goto(f"{address}/come-in")
