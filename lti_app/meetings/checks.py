"""Checks of presence during a seminar: the host shows a code, whoever is there enters it within two minutes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from lti_app.core import audit
from lti_app.core.db import insert_for
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.permissions import Actor
from lti_app.meetings.bigbluebutton import same
from lti_app.meetings.hosts import require_host
from lti_app.meetings.joining import Place, find_place
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.meetings.room_models import PresenceAnswer, PresenceCheck
from lti_app.meetings.service import person_of
from lti_app.meetings.stays import Checks
from lti_app.programmes.models import Mode

ANSWERED_WITHIN = timedelta(minutes=2)
DIGITS = 5
TRIES = 5
"""False codes that somebody may enter within TRIES_WITHIN; of 100,000 codes nobody guesses one by ten tries."""
TRIES_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True)
class Answer:
    """Say what became of a code that somebody entered: ``refusal`` is None where it is noted."""

    place: Place
    refusal: DomainError | None = None


def start_check(session: Session, *, meeting_id: int, actor: Actor, now: datetime) -> PresenceCheck:
    """Open a check with a new code for two minutes.

    Raises NotFound, Forbidden to who does not host the meeting, DomainError for one on site, Conflict where it is
    cancelled or not under way, and while a check is open.
    """
    meeting = require_host(session, meeting_id=meeting_id, actor=actor)
    session.execute(select(Meeting.id).where(Meeting.id == meeting_id).with_for_update(key_share=True))
    _require_under_way(meeting, now)
    if open_check(session, meeting_id, now) is not None:
        raise Conflict(
            "check_is_open",
            _l("A check is open already."),
            remedy=_l("Start the next one when its two minutes are over."),
        )
    check = PresenceCheck(
        meeting_id=meeting_id,
        code=f"{secrets.randbelow(10**DIGITS):0{DIGITS}}",
        opened_at=now,
        closes_at=now + ANSWERED_WITHIN,
        opened_by_id=person_of(actor),
    )
    session.add(check)
    session.flush()
    audit.record(session, actor=actor, now=now, action="start_check", on=meeting)
    return check


def answer_check(session: Session, *, meeting_id: int, code: str, actor: Actor, now: datetime) -> Answer:
    """Take a code that somebody entered. What is refused is counted, so commit before the refusal is raised.

    Raises NotFound, Forbidden to who has no place at the meeting.
    """
    place = find_place(session, meeting_id, actor)
    check = open_check(session, meeting_id, now)
    if check is None:
        return Answer(place, _none_open(session, meeting_id))
    row = _own_row(session, check, place)
    if row.answered_at is not None:
        return Answer(place)
    if row.tried_from is None or now - row.tried_from >= TRIES_WITHIN:
        row.tries, row.tried_from = 0, now
    if row.tries >= TRIES:
        return Answer(
            place,
            Conflict(
                "too_many_codes",
                _l("Too many false codes."),
                remedy=_l("Wait a minute and enter the code that the host shows."),
                field="code",
            ),
        )
    if not same("".join(code.split()), check.code):
        row.tries += 1
        session.flush()
        return Answer(
            place,
            DomainError(
                "false_code",
                _l("This is not the code that the host shows."),
                remedy=_l("Look at it once more: it has five digits."),
                field="code",
            ),
        )
    row.answered_at = now
    session.flush()
    return Answer(place)


def open_check(session: Session, meeting_id: int, now: datetime) -> PresenceCheck | None:
    """Return the check of a meeting that can be answered now, or None."""
    return session.scalar(
        select(PresenceCheck)
        .where(PresenceCheck.meeting_id == meeting_id, PresenceCheck.opened_at <= now, PresenceCheck.closes_at > now)
        .order_by(PresenceCheck.id.desc())
        .limit(1)
    )


def checks_of(
    session: Session, meeting_ids: Sequence[int], now: datetime, *, of_guests: bool = False
) -> dict[int, dict[int | None, Checks]]:
    """Return by meeting and trainee, or guest, how many checks they answered of those held; one query.

    Under None stands what holds for who answered none. A check that is still open counts for whoever has answered it.
    """
    whose = PresenceAnswer.guest_id if of_guests else PresenceAnswer.trainee_id
    rows = session.execute(
        select(
            PresenceCheck.meeting_id,
            PresenceCheck.id,
            PresenceCheck.closes_at,
            case((PresenceAnswer.answered_at.is_not(None), whose), else_=None),
        )
        .outerjoin(PresenceAnswer, PresenceAnswer.check_id == PresenceCheck.id)
        .where(PresenceCheck.meeting_id.in_(meeting_ids))
    ).all()
    found: dict[int, dict[int | None, Checks]] = {}
    for meeting_id in {row[0] for row in rows}:
        own = [row for row in rows if row[0] == meeting_id]
        closed = {check_id for _meeting, check_id, closes_at, _person in own if closes_at <= now}
        answered: dict[int, set[int]] = {}
        for _meeting, check_id, _closes_at, person in own:
            if person is not None:
                answered.setdefault(person, set()).add(check_id)
        found[meeting_id] = {None: Checks(0, len(closed))} | {
            person: Checks(len(checks), len(closed | checks)) for person, checks in answered.items()
        }
    return found


def answers_to(session: Session, check_id: int) -> int:
    """Return how many people have answered a check."""
    return (
        session.scalar(
            select(func.count()).where(PresenceAnswer.check_id == check_id, PresenceAnswer.answered_at.is_not(None))
        )
        or 0
    )


def _own_row(session: Session, check: PresenceCheck, place: Place) -> PresenceAnswer:
    """Return this person's row of a check, locked; made where there is none, whoever else makes it meanwhile."""
    session.execute(
        insert_for(session, PresenceAnswer).on_conflict_do_nothing(), [{"check_id": check.id, **place.whose}]
    )
    own = (
        PresenceAnswer.trainee_id == place.trainee_id
        if place.trainee_id is not None
        else PresenceAnswer.guest_id == place.guest_id
    )
    return session.scalars(
        select(PresenceAnswer)
        .where(
            PresenceAnswer.check_id == check.id,
            own,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _none_open(session: Session, meeting_id: int) -> Conflict:
    last = session.scalar(select(func.max(PresenceCheck.id)).where(PresenceCheck.meeting_id == meeting_id))
    if last is None:
        return Conflict(
            "no_check_open",
            _l("No check is held at the moment."),
            remedy=_l("Enter the code when the host shows one."),
            field="code",
        )
    return Conflict(
        "check_is_over",
        _l("The two minutes of this check are over."),
        remedy=_l("Tell the host if you were there: the leader's word decides."),
        field="code",
    )


def _require_under_way(meeting: Meeting, now: datetime) -> None:
    if meeting.mode is not Mode.DISTANCE:
        raise DomainError(
            "meeting_on_site",
            _l("This meeting takes place on site; there is no room to join."),
            remedy=_l("The leader confirms who was there."),
            clause="5.1",
        )
    if meeting.state is MeetingState.CANCELLED:
        raise Conflict("meeting_cancelled", _l("This meeting has been cancelled."))
    if not meeting.starts_at <= now < meeting.ends_at:
        raise Conflict(
            "meeting_not_under_way",
            _l("A check can be held only while the meeting is under way."),
            remedy=_l("Start it between the beginning and the end of the meeting."),
        )
