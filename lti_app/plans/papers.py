"""The individual plan of a trainee as a paper (5.2)."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_app.core.saving import as_json
from lti_app.core.words import in_municipal_language
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.papers.fields import IndividualPlanPaper, PlanPointLine
from lti_app.papers.page import Ask, Typed
from lti_app.papers.wording import short_date
from lti_app.plans.content import form_words
from lti_app.plans.overview import PlanPage
from lti_app.plans.progress import ItemLine, ItemState
from lti_app.sites.papers import official
from lti_app.sites.service import leader_of

DONE = "выполнено"
ATTENDED = "занятие посещено"


def plan_asks(page: PlanPage, day: date) -> list[Ask]:
    """Ask what the lists don't know of the paper."""
    agreed_on = page.agreed.agreed_at if page.agreed else day
    return [Ask("place", _l("Place")), Ask("year", _l("Year"), str(agreed_on.year))]


def plan_paper(session: Session, page: PlanPage, typed: Typed, *, zone: ZoneInfo) -> IndividualPlanPaper:
    """Return a plan as it is printed: the version that holds, else the text that is being written. Two queries."""
    seat = page.seat
    person = seat.trainee.person
    leader = leader_of(session, seat.version.programme.site_id)
    consultations = session.scalars(
        select(Meeting)
        .where(Meeting.only_for_id == seat.trainee.id, Meeting.state != MeetingState.CANCELLED)
        .options(joinedload(Meeting.topic))
        .order_by(Meeting.starts_at)
    ).all()
    aim = page.agreed.content["aim"] if page.agreed else (page.plan.aim if page.plan else "")
    return IndividualPlanPaper(
        host=seat.version.programme.site.organisation.name,
        person=official(person, person.organisation.name if person.organisation else ""),
        programme=seat.version.title,
        begins_on=seat.intake.starts_on,
        ends_on=seat.intake.ends_on,
        hours=seat.version.hours,
        aim=aim or "",
        points=tuple(_point(line, zone) for line in page.lines),
        consultations=tuple(
            f"{meeting.starts_at.astimezone(zone):%d.%m.%Y, %H:%M} – {meeting.topic.title}" for meeting in consultations
        ),
        leader=official(leader),
        agreed_on=page.agreed.agreed_at.astimezone(zone).date() if page.agreed else None,
        place=typed["place"],
        year=typed["year"],
    )


def _point(line: ItemLine, zone: ZoneInfo) -> PlanPointLine:
    point = line.point
    if line.meeting is not None:
        dates = f"{line.meeting.starts_at.astimezone(zone):%d.%m.%Y, %H:%M}"
    elif point.starts_on == point.ends_on:
        dates = short_date(point.ends_on)
    else:
        dates = f"{short_date(point.starts_on)} – {short_date(point.ends_on)}"
    done = ATTENDED if line.meeting is not None else DONE
    return PlanPointLine(
        title=point.title,
        form=in_municipal_language(form_words(point.form)),
        dates=dates,
        hours=str(as_json(point.hours)).replace(".", ",") if point.hours is not None else "",
        result=point.result or "",
        done=done if line.state is ItemState.DONE else "",
    )
