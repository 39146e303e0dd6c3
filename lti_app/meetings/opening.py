"""A meeting opened beyond its intake, and closed again: the leader's settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.editing import differences, edited_meanwhile
from lti_app.core.errors import Conflict, DomainError, Text
from lti_app.core.permissions import Actor
from lti_app.meetings.guests import (
    fill,
    let_all_go,
    locked_meeting,
    may_stand_open,
    places_taken,
    under_way,
)
from lti_app.meetings.models import Meeting

MOST_PLACES = 10_000
LONGEST_NOTICE = 168
"""Hours before the start until which a guest may cancel: a week at most."""

FIELDS: dict[str, Text] = {
    "is_open": _l("open to teachers of the municipality"),
    "guest_places": _l("places for guests"),
    "cancel_hours": _l("hours before the start until which a guest may cancel"),
}


@dataclass(frozen=True)
class OpenTerms:
    """Hold what the leader sets. ``guest_places`` None: no limit; ``cancel_hours`` before the start."""

    is_open: bool
    guest_places: int | None
    cancel_hours: int


@dataclass(frozen=True)
class Opened:
    """Say what followed: guests who got a place that became free, guests who were taken off."""

    promoted: int
    let_go: int


def set_open(
    session: Session,
    meeting_id: int,
    terms: OpenTerms,
    *,
    seen: int | None,
    lets_guests_go: bool = False,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> Opened:
    """Open a meeting to others, close it, or change the places; those who wait get what became free.

    ``seen`` is the revision that the form was filled from; ``lets_guests_go`` says that everybody who signed up is
    taken off and told where the meeting is closed. Raises NotFound, Forbidden to who does not lead the site (4.1),
    EditedMeanwhile, Conflict (begun, cancelled, individual, not published, guests without a word, fewer places than
    guests), DomainError for numbers that make no sense.
    """
    meeting = locked_meeting(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    values: dict[str, Any] = {
        "is_open": terms.is_open,
        "guest_places": terms.guest_places,
        "cancel_hours": terms.cancel_hours,
    }
    if seen != meeting.revision:
        raise edited_meanwhile(session, meeting, differences(meeting, values, FIELDS, _shown), meeting.revision)
    _require_before_start(meeting, now)
    let_go = 0
    if terms.is_open:
        _require_openable(meeting)
        _check_numbers(terms)
        _require_room_for_guests(session, meeting, terms)
    else:
        values = {"is_open": False}
        let_go = _let_go(session, meeting, lets_guests_go, actor=actor, now=now, zone=zone)
    saving.change(session, meeting, values, actor=actor, now=now, action="open_meeting")
    promoted = fill(session, meeting, now=now, zone=zone)
    return Opened(promoted=len(promoted), let_go=let_go)


def _require_before_start(meeting: Meeting, now: datetime) -> None:
    if now >= meeting.starts_at:
        raise Conflict(
            "opened_too_late",
            _l("The meeting has begun: whether others may come can't be changed any more."),
            remedy=_l("Open a meeting that is still to come."),
        )


def _require_openable(meeting: Meeting) -> None:
    if may_stand_open(meeting):
        return
    if meeting.only_for_id is not None:
        raise Conflict(
            "individual_meeting",
            _l("This is a meeting with one trainee alone: nobody else is let in."),
            remedy=_l("Open a meeting of the whole intake."),
            clause="5.2",
        )
    raise Conflict(
        "not_to_be_opened",
        _l("Only a planned meeting of a published intake can be opened, on a version that the council approved."),
        remedy=_l("Publish the intake first, or open another meeting."),
        clause="4.2",
    )


def _check_numbers(terms: OpenTerms) -> None:
    if terms.guest_places is not None and not 0 < terms.guest_places <= MOST_PLACES:
        raise DomainError(
            "places_not_sensible",
            _l("The number of places is from 1 to %(most)s.", most=MOST_PLACES),
            remedy=_l("Leave the field empty if everybody may come."),
            field="guest_places",
        )
    if not 0 <= terms.cancel_hours <= LONGEST_NOTICE:
        raise DomainError(
            "hours_not_sensible",
            _l("Guests may cancel until the start, or up to %(most)s hours before it.", most=LONGEST_NOTICE),
            remedy=_l("Give whole hours: 0 means until the start."),
            field="cancel_hours",
        )


def _require_room_for_guests(session: Session, meeting: Meeting, terms: OpenTerms) -> None:
    taken = places_taken(session, meeting.id)
    if terms.guest_places is not None and terms.guest_places < taken:
        raise Conflict(
            "fewer_than_signed_up",
            _l("More guests have signed up than that: %(taken)s.", taken=taken),
            remedy=_l("Take guests off the list first, or leave more places."),
            field="guest_places",
        )


def _let_go(session: Session, meeting: Meeting, is_wanted: bool, *, actor: Actor, now: datetime, zone: ZoneInfo) -> int:
    guests = under_way(session, meeting.id)
    if guests and not is_wanted:
        raise Conflict(
            "guests_signed_up",
            _l("Teachers have signed up for this meeting: %(number)s.", number=len(guests)),
            remedy=_l("Tick that they are taken off and told, or leave the meeting open."),
            field="lets_guests_go",
        )
    return let_all_go(session, meeting, actor=actor, now=now, zone=zone)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    return str(value)
