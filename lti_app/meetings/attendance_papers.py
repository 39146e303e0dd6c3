"""Papers of attendance: the sheet that people sign at a meeting, and the journal of an intake; who may have them."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_app.core.edge import actor, db_session, tool
from lti_app.core.errors import NotFound
from lti_app.core.navigation import NavItem
from lti_app.core.permissions import Permission, needs
from lti_app.intakes.models import Intake
from lti_app.meetings.arriving import expected_at, hosted_meeting
from lti_app.meetings.models import Attendance, Meeting, MeetingState, Presence
from lti_app.meetings.service import enrolled_trainees
from lti_app.papers.attendance import ABSENT, PRESENT
from lti_app.papers.fields import JournalLine, JournalPaper, SignInLine, SignInPaper
from lti_app.papers.page import Ask, Typed, paper_answer
from lti_app.papers.wording import short_date
from lti_app.programmes.models import Mode, Programme, ProgrammeVersion
from lti_app.sites.models import Site
from lti_app.sites.papers import official, signatory, signatory_asks
from lti_app.sites.service import present_leader

blueprint = Blueprint("attendance_papers", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()
RESPONSIBLE = "Руководитель стажировочной площадки"
MOST_EMPTY = 40


@blueprint.get("/meetings/<int:meeting_id>/sheet")
@needs(Permission.SIGNED_IN)
def sheet(meeting_id: int) -> Response:
    """Print the sign-in sheet of a meeting: for its host and the leader of the site."""
    meeting = hosted_meeting(db_session(), meeting_id, actor=actor())
    return paper_answer(
        lambda typed: sheet_paper(db_session(), meeting, typed, tool().settings.zone),
        sheet_asks(meeting),
        back=url_for("credits.meeting", meeting_id=meeting.id),
    )


@blueprint.get("/intakes/<int:intake_id>/journal")
@needs(Permission.RUN_INTAKES)
def journal(intake_id: int) -> Response:
    """Print the journal of attendance of an intake: for the leader of its site."""
    intake = _led_intake(db_session(), intake_id)
    leading = present_leader(intake.version.programme.site)
    return paper_answer(
        lambda typed: journal_paper(db_session(), intake, typed, tool().settings.zone),
        signatory_asks(RESPONSIBLE, leading.person.full_name if leading else ""),
        back=url_for("credits.intake", intake_id=intake.id) + "?as=leader",
    )


def _led_intake(session: Session, intake_id: int) -> Intake:
    intake = session.scalar(
        select(Intake)
        .where(Intake.id == intake_id)
        .options(
            joinedload(Intake.version)
            .joinedload(ProgrammeVersion.programme)
            .joinedload(Programme.site)
            .joinedload(Site.organisation)
        )
    )
    if intake is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    actor().require_site(intake.version.programme.site_id)
    return intake


def sheet_asks(meeting: Meeting) -> list[Ask]:
    """Ask who is responsible, where it is held, and how many empty lines the sheet shall have."""
    leading = present_leader(meeting.intake.version.programme.site)
    host = meeting.host or (leading.person if leading else None)
    position = official(host).position if meeting.host else RESPONSIBLE
    return [
        Ask("place", _l("Place"), meeting.place or ("дистанционно" if meeting.mode is Mode.DISTANCE else "")),
        Ask("empty", _l("Empty lines at the end"), "3"),
        *signatory_asks(position or RESPONSIBLE, host.full_name if host else ""),
    ]


def sheet_paper(session: Session, meeting: Meeting, typed: Typed, zone: ZoneInfo) -> SignInPaper:
    """Return the sign-in sheet of a meeting, with those who are awaited."""
    begins, ends = meeting.starts_at.astimezone(zone), meeting.ends_at.astimezone(zone)
    empty = typed["empty"]
    return SignInPaper(
        host=meeting.intake.version.programme.site.organisation.name,
        programme=meeting.intake.version.title,
        topic=meeting.topic.title,
        date=begins.date(),
        time=f"{begins:%H:%M}–{ends:%H:%M}",
        place=typed["place"],
        people=tuple(SignInLine(one.name, one.organisation or "") for one in expected_at(session, meeting)),
        responsible=signatory(typed),
        lines_left=min(int(empty), MOST_EMPTY) if empty.isascii() and empty.isdigit() and len(empty) < 4 else 0,
    )


def journal_paper(session: Session, intake: Intake, typed: Typed, zone: ZoneInfo) -> JournalPaper:
    """Return the journal of an intake: common meetings that weren't cancelled, and the leader's word. Three queries."""
    meetings = session.scalars(
        select(Meeting)
        .where(Meeting.intake_id == intake.id, Meeting.state == MeetingState.PLANNED, Meeting.only_for_id.is_(None))
        .order_by(Meeting.starts_at, Meeting.id)
    ).all()
    words = {
        (trainee_id, meeting_id): presence
        for trainee_id, meeting_id, presence in session.execute(
            select(Attendance.trainee_id, Attendance.meeting_id, Attendance.presence)
            .join(Meeting, Meeting.id == Attendance.meeting_id)
            .where(Meeting.intake_id == intake.id)
        )
    }
    marks = {Presence.PRESENT: PRESENT, Presence.ABSENT: ABSENT, None: ""}
    people = sorted(enrolled_trainees(session, intake.id), key=lambda one: (one.person.full_name.casefold(), one.id))
    return JournalPaper(
        host=intake.version.programme.site.organisation.name,
        programme=intake.version.title,
        term=f"{short_date(intake.starts_on)} – {short_date(intake.ends_on)}",
        dates=tuple((meeting.starts_at.astimezone(zone).date(), meeting.hours) for meeting in meetings),
        people=tuple(
            JournalLine(
                name=one.person.full_name,
                marks=tuple(marks[words.get((one.id, meeting.id))] for meeting in meetings),
                hours=sum((m.hours for m in meetings if words.get((one.id, m.id)) is Presence.PRESENT), Decimal(0)),
            )
            for one in people
        ),
        responsible=signatory(typed),
    )
