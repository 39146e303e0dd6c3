"""The demonstration's data set: it imports on any day at any hour, and the story can be played with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.attachment_store import AttachmentStore
from lti_app.core.attachment_sweep import check_of
from lti_app.core.db import Database
from lti_app.core.invariants import audit
from lti_app.core.permissions import SYSTEM, Actor, Role
from lti_app.credits.overview import leader_overview
from lti_app.credits.service import propose_credits
from lti_app.demo import at_work, bringing, history, story, under_way
from lti_app.demo.dates import DATA, fill_in, render
from lti_app.demo.seed import ABSENT, TEMPLATE, sandbox_seed
from lti_app.importing.report import ImportReport
from lti_app.importing.service import import_workbook
from lti_app.intakes.message_models import IntakeMessage
from lti_app.intakes.models import Intake, Trainee
from lti_app.lti.models import Moodle
from lti_app.meetings.feedback_models import Feedback
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest
from lti_app.meetings.onsite_models import Arrival, AttendanceCorrection
from lti_app.people.models import Organisation, Person
from lti_app.plans.models import CompetenceRating, Consultation, ConsultationState, IndividualPlan, PlanState
from lti_app.products.models import Product, Publication
from lti_app.programmes.models import Mode, Programme
from lti_app.sites.models import Site, SiteLeader
from lti_app.web.upkeep import CHECKS
from moodle_sync.sandbox import running_sandbox

ZONE = ZoneInfo("Asia/Novokuznetsk")
AFTERNOON = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
JUST_AFTER_MIDNIGHT = datetime(2026, 11, 23, 17, 5, tzinfo=UTC)
JUST_BEFORE_MIDNIGHT = datetime(2026, 12, 31, 16, 55, tzinfo=UTC)


def bring_in(session: Session, folder: Path, now: datetime) -> ImportReport:
    render(DATA, folder, now, ZONE)
    return bringing.bring_in(session, folder, zone=ZONE, now=now)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.session() as session:
        session.add(Moodle(name=story.MOODLE, url="http://localhost:8800", token_encrypted="x", created_at=AFTERNOON))
        session.flush()
        yield session


def count(session: Session, kind: type) -> int:
    return session.scalar(select(func.count()).select_from(kind)) or 0


def test_it_imports_without_a_remark_and_twice_changes_nothing(session: Session, tmp_path: Path) -> None:
    report = bring_in(session, tmp_path, AFTERNOON)
    assert (report.problems, report.warnings) == ([], [])
    again = import_workbook(session, tmp_path, zone=ZONE, actor=SYSTEM, now=AFTERNOON)
    for tally in again.as_json(dry_run=False)["sheets"].values():
        assert (tally["created"], tally["changed"]) == (0, 0)


def test_it_is_large_enough_to_look_real(session: Session, tmp_path: Path) -> None:
    bring_in(session, tmp_path, AFTERNOON)
    assert count(session, Organisation) >= 3
    assert count(session, Site) >= 2
    assert count(session, Programme) >= 3
    assert count(session, Intake) >= 4
    assert count(session, Meeting) >= 12
    distance = select(func.count()).select_from(Meeting).where(Meeting.mode == Mode.DISTANCE)
    assert (session.scalar(distance) or 0) >= 5
    assert len(set(session.scalars(select(Trainee.person_id)))) >= 40


@pytest.mark.parametrize("weekday", range(7))
def test_it_imports_on_any_day_of_the_week(session: Session, tmp_path: Path, weekday: int) -> None:
    report = bring_in(session, tmp_path, AFTERNOON + timedelta(days=weekday))
    assert (report.problems, report.warnings) == ([], [])


@pytest.mark.parametrize("now", [AFTERNOON, JUST_AFTER_MIDNIGHT, JUST_BEFORE_MIDNIGHT])
def test_one_distance_seminar_is_under_way_others_are_past_and_to_come(
    session: Session, tmp_path: Path, now: datetime
) -> None:
    bring_in(session, tmp_path, now)
    meetings = session.scalars(select(Meeting)).all()
    (running,) = [meeting for meeting in meetings if meeting.starts_at <= now < meeting.ends_at]
    assert (running.intake.code, running.topic.position) == (story.INTAKE, story.SEMINAR_TOPIC)
    assert (running.mode, running.minutes, now - running.starts_at) == (Mode.DISTANCE, 90, timedelta(minutes=20))
    assert any(meeting.ends_at < now and meeting.mode is Mode.DISTANCE for meeting in meetings)
    assert any(meeting.starts_at > now and meeting.mode is Mode.DISTANCE for meeting in meetings)


def test_with_the_seminar_the_trainee_of_the_story_has_what_the_programme_needs(
    session: Session, tmp_path: Path
) -> None:
    bring_in(session, tmp_path, AFTERNOON)
    intake = session.scalars(select(Intake).where(Intake.code == story.INTAKE)).one()
    names = {trainee.person.moodle_idnumber for trainee in intake.trainees}
    assert story.TRAINEE in names
    assert intake.version.needs_completion is False
    meetings = session.scalars(select(Meeting).where(Meeting.intake_id == intake.id)).all()
    hours = {meeting.topic.position: meeting.hours for meeting in meetings}
    confirmed = {past.topic: past.absent for past in story.PAST_MEETINGS if past.intake == story.INTAKE}
    attended = sum((hours[topic] for topic, absent in confirmed.items() if story.TRAINEE not in absent), Decimal(0))
    assert attended == Decimal(14)
    assert attended < intake.version.hours_needed == attended + hours[story.SEMINAR_TOPIC]


def test_meetings_told_as_past_are_past_and_absentees_are_their_trainees(session: Session, tmp_path: Path) -> None:
    bring_in(session, tmp_path, AFTERNOON)
    for past in story.PAST_MEETINGS:
        intake = session.scalars(select(Intake).where(Intake.code == past.intake)).one()
        meetings = session.scalars(select(Meeting).where(Meeting.intake_id == intake.id)).all()
        (meeting,) = [meeting for meeting in meetings if meeting.topic.position == past.topic]
        assert meeting.ends_at < AFTERNOON
        assert past.absent <= {trainee.person.moodle_idnumber for trainee in intake.trainees}


@pytest.mark.parametrize("weekday", range(7))
def test_the_leader_is_waited_for_from_the_first_night_on(session: Session, tmp_path: Path, weekday: int) -> None:
    now = AFTERNOON + timedelta(days=weekday)
    bring_in(session, tmp_path, now)
    history.confirm_past_meetings(session)
    history.replay_stays(session)
    moodle = session.scalars(select(Moodle)).one()
    propose_credits(session, moodle_id=moodle.id, now=now)
    session.flush()
    site_id, person_id = session.execute(
        select(SiteLeader.site_id, SiteLeader.person_id).join(Person).where(Person.moodle_idnumber == story.LEADER)
    ).one()
    leader = Actor(person_id, "", roles=frozenset({Role.LEADER}), led_site_ids=frozenset({site_id}))

    cards = {card.intake_code: card for card in leader_overview(session, actor=leader, now=now, zone=ZONE)}

    intake, topic = story.UNCONFIRMED
    (seminar,) = cards[intake].attendance_waiting
    assert (seminar.topic_position, seminar.joined, seminar.trainees) == (topic, 12, 13)
    assert {code: card.proposals_waiting for code, card in cards.items() if card.proposals_waiting} == {"TEXT-16-1": 3}
    seminar_now = next(line for line in cards[story.INTAKE].upcoming if line.topic_position == story.SEMINAR_TOPIC)
    assert seminar_now.joined == len(story.SEMINAR_STAYS)
    assert not cards[story.INTAKE].attendance_waiting  # the seminar under way alone stands between trainee and credit


def test_a_leader_is_a_trainee_elsewhere(session: Session, tmp_path: Path) -> None:
    bring_in(session, tmp_path, AFTERNOON)
    person = session.scalars(select(Person).where(Person.moodle_idnumber == story.BOTH)).one()
    led = {site.code for site in session.scalars(select(Site)) if site.leaders[0].person_id == person.id}
    attended = {
        trainee.intake.version.programme.site.code
        for trainee in session.scalars(select(Trainee).where(Trainee.person_id == person.id))
    }
    assert led
    assert attended
    assert not led & attended


def test_the_sandbox_accepts_the_seed_and_knows_nearly_everybody(tmp_path: Path) -> None:
    render(DATA, tmp_path, AFTERNOON, ZONE)
    seed = sandbox_seed(tmp_path)
    numbers = {user.get("idnumber") for user in seed["users"]}
    assert {story.TRAINEE, story.LEADER, story.BOTH} <= numbers
    assert not ABSENT & numbers
    assert story.TRAINEE not in {stay.person for stay in story.SEMINAR_STAYS}  # the reader plays her part
    assert any(user["email"] != user["email"].lower() for user in seed["users"])
    with running_sandbox(seed) as sandbox:
        names = {course.shortname for course in sandbox.state.courses.values()}
        assert TEMPLATE in names
        assert any(user.admin and user.firstname == "Администратор" for user in sandbox.state.users.values())


def test_working_days_are_sought_away_from_today() -> None:
    tuesday = datetime(2026, 11, 24, 15, 0, tzinfo=ZONE)
    assert fill_in("{today}", tuesday) == "2026-11-24"
    assert fill_in("{today-3 10:00}", tuesday) == "2026-11-21 10:00"
    assert fill_in("{workday-3 10:00}", tuesday) == "2026-11-20 10:00"
    assert fill_in("{workday+4}", tuesday) == "2026-11-30"
    assert fill_in("{now-20m}", tuesday) == "2026-11-24 14:40"


def test_minutes_are_counted_through_a_change_of_clocks() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    after_the_skip = datetime(2027, 3, 28, 1, 10, tzinfo=UTC).astimezone(berlin)
    assert fill_in("{now-20m}", after_the_skip) == "2027-03-28 01:50"


def test_braces_that_hold_something_else_are_refused() -> None:
    with pytest.raises(ValueError, match="tomorrow"):
        fill_in("{tomorrow}", AFTERNOON)


def test_a_coming_seminar_is_open_with_guests_and_one_who_waits(session: Session, tmp_path: Path) -> None:
    bring_in(session, tmp_path, AFTERNOON)
    cast = under_way.Cast(session, session.scalars(select(Moodle)).one(), AFTERNOON, ZONE)
    under_way.begin_work(cast)
    states = session.scalars(select(MeetingGuest.state).order_by(MeetingGuest.queued_at, MeetingGuest.id)).all()
    assert states == [GuestState.SIGNED_UP, GuestState.SIGNED_UP, GuestState.WAITING]


def test_the_pages_of_a_running_intake_have_something_to_show(session: Session, tmp_path: Path) -> None:
    bring_in(session, tmp_path, AFTERNOON)
    history.confirm_past_meetings(session)
    history.replay_stays(session)
    cast = under_way.Cast(session, session.scalars(select(Moodle)).one(), AFTERNOON, ZONE)
    under_way.begin_work(cast)
    store = AttachmentStore(tmp_path / "files", endings=("docx",), megabytes=1)

    at_work.show_work(cast, store)

    session.flush()
    plans = {plan.state: plan for plan in session.scalars(select(IndividualPlan))}
    assert set(plans) == {PlanState.AGREED, PlanState.PROPOSED}
    products = session.scalars(select(Product.state)).all()
    assert sorted(products) == ["accepted", "accepted", "returned", "submitted"]
    assert count(session, Publication) == 2
    assert set(session.scalars(select(Consultation.state))) == {ConsultationState.ASKED, ConsultationState.AGREED}
    assert (count(session, Feedback), count(session, IntakeMessage)) == (len(at_work.FEEDBACK), 1)
    assert count(session, CompetenceRating) == 3 * 2 * len(at_work.RATED)
    assert session.scalars(select(AttendanceCorrection.reason)).all() == [story.CORRECTION.reason]
    assert count(session, Arrival) == len(at_work.COMING)
    assert list(audit(session, (*CHECKS, check_of(store)))) == []
