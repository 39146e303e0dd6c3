"""What a server tells of a room afterwards: that it has ended, and who was in it when."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.errors import Forbidden, NotFound
from lti_app.core.outbox import Delivered, Later, Needless, Outcome, enqueue
from lti_app.intakes.models import Intake, Trainee
from lti_app.meetings.bigbluebutton import (
    Attended,
    BigBlueButtonError,
    Report,
    ReportRefused,
    read_report,
    same,
)
from lti_app.meetings.joining import close
from lti_app.meetings.models import JoinLog, Meeting, MeetingGuest, StaySource
from lti_app.meetings.room_models import RoomOpening, RoomServer
from lti_app.meetings.rooms.bigbluebutton import bigbluebutton_room
from lti_app.meetings.rooms.provider import RoomsOffice
from lti_app.meetings.stays import united
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.sites.models import SiteLeader

log = logging.getLogger(__name__)

ROOM_ENDED = "room-ended"
"""Kind of the message that asks a server whether a room has ended, as somebody told us."""
FAR_OFF = timedelta(days=1)
"""A stay so long before the start or after the end is of a clock that is wrong."""

Owner = tuple[str, int]
"""Column of join_log and id."""


@dataclass(frozen=True)
class Told:
    """Say what a report changed: people whose stays are noted now, and people whom the intake doesn't know."""

    known: int
    strangers: int
    is_new: bool


def note_ending(session: Session, *, token: str, office: RoomsOffice, now: datetime) -> None:
    """Take note that a room is said to have ended: its server is asked before anything follows from it.

    Whoever was in the room may know the address, which stands in the room's metadata. Raises NotFound for one that
    isn't ours.
    """
    meeting_id, _server_id = _told_of(token, office)
    opening = session.get(RoomOpening, meeting_id)
    if opening is None or opening.opened_at is None:
        return
    key = f"{ROOM_ENDED}:{meeting_id}:{opening.create_time}"
    enqueue(session, kind=ROOM_ENDED, key=key, payload={"meeting": meeting_id}, now=now)


def ask_whether_ended(office: RoomsOffice, database: Database, payload: dict[str, Any], now: datetime) -> Outcome:
    """Ask the server whether a room is gone, and if so note it (a deliverer of the outbox)."""
    with database.session(writes=False) as session:
        found = session.execute(
            select(Meeting, RoomServer, RoomOpening)
            .join(RoomOpening, RoomOpening.meeting_id == Meeting.id)
            .join(RoomServer, RoomServer.id == RoomOpening.server_id)
            .where(Meeting.id == payload["meeting"], RoomOpening.opened_at.is_not(None))
        ).one_or_none()
        if found is None:
            return Needless("the room has ended already")
        meeting, server, opening = found
        room = bigbluebutton_room(office, meeting, server, opening)
    try:
        if room.is_there():
            return Later("the room is still there")
    except BigBlueButtonError as error:
        return Later(error.code)
    with database.transaction() as session:
        end_opening(session, meeting_id=payload["meeting"], create_time=room.create_time, now=now)
    return Delivered()


def end_opening(session: Session, *, meeting_id: int, create_time: int | None, now: datetime) -> None:
    """Put down that the room of that ``create_time`` has ended, and that everybody has left it."""
    ended = session.execute(
        update(RoomOpening)
        .where(RoomOpening.meeting_id == meeting_id, RoomOpening.create_time == create_time)
        .values(create_time=None, opened_at=None, ended_at=now, tried_until=None)
    )
    if not getattr(ended, "rowcount", 0):
        return
    meeting = session.get_one(Meeting, meeting_id)
    for stay in session.scalars(
        select(JoinLog).where(JoinLog.meeting_id == meeting_id, JoinLog.left_at.is_(None)).with_for_update()
    ):
        close(stay, meeting, now, "room")


def note_report(
    session: Session, *, token: str, bearer: str | None, body: Any, office: RoomsOffice, now: datetime
) -> Told:
    """Put down who was in a room, as its server tells; told again, it changes nothing.

    Each person's stays of this source become the union of those known and those told. Raises NotFound for an address
    that isn't ours, Forbidden for what the server's secret does not prove, or what is of another room.
    """
    meeting_id, server_id = _told_of(token, office)
    server = session.get(RoomServer, server_id)
    meeting = session.get(Meeting, meeting_id)
    if server is None or meeting is None:
        raise _not_ours()
    try:
        report = read_report(body, bearer, office.vault.open(server.secret_encrypted), now)
    except ReportRefused as error:
        log.warning("a report of meeting %s was refused: %s", meeting_id, error)
        raise _not_proven() from None
    if not same(report.room_key, office.room_key(meeting_id)):
        log.warning("a report of meeting %s was refused: it is of another room", meeting_id)
        raise _not_proven()
    opening = session.get(RoomOpening, meeting_id)
    if opening is None:
        raise _not_ours()
    lock_row_of(session, opening)
    return _take_over(session, opening, report, meeting=meeting, office=office, now=now)


def lock_row_of(session: Session, opening: RoomOpening) -> None:
    """Let one report at a time change the stays of a meeting."""
    session.execute(
        select(RoomOpening.meeting_id).where(RoomOpening.meeting_id == opening.meeting_id).with_for_update()
    )
    session.refresh(opening)


def _take_over(
    session: Session, opening: RoomOpening, report: Report, *, meeting: Meeting, office: RoomsOffice, now: datetime
) -> Told:
    owners, hosts = _people(session, meeting, office)
    told: dict[Owner, list[tuple[datetime, datetime]]] = {}
    strangers = 0
    for attended in report.attended:
        owner = owners.get(attended.user_id)
        if owner is not None:
            told.setdefault(owner, []).extend(_sensible(attended, meeting))
        elif attended.user_id not in hosts:
            strangers += 1
    known: dict[Owner, list[tuple[datetime, datetime]]] = {}
    rows = session.scalars(
        select(JoinLog).where(JoinLog.meeting_id == meeting.id, JoinLog.source == StaySource.ROOM)
    ).all()
    for row in rows:
        known.setdefault(_owner_of(row), []).append((row.joined_at, row.left_at or row.joined_at))
    changed = False
    for owner, spans in told.items():
        before = sorted(known.get(owner, []))
        after = united([*before, *spans])
        if before == after:
            continue
        changed = True
        for row in rows:
            if _owner_of(row) == owner:
                session.delete(row)
        session.flush()
        column, number = owner
        session.add_all(
            JoinLog(
                meeting_id=meeting.id,
                source=StaySource.ROOM,
                joined_at=begin,
                left_at=end,
                left_how="room",
                **{column: number},
            )
            for begin, end in after
        )
    if changed or opening.told_at is None or strangers > opening.strangers:
        opening.told_at = now
        opening.strangers = max(opening.strangers, strangers)
    session.flush()
    return Told(len(told), strangers, changed)


def _people(session: Session, meeting: Meeting, office: RoomsOffice) -> tuple[dict[str, Owner], set[str]]:
    """Return who is behind each key, and the keys of those who may host; two queries and one for the site."""
    trainees = session.scalars(select(Trainee.id).where(Trainee.intake_id == meeting.intake_id)).all()
    guests = session.scalars(select(MeetingGuest.id).where(MeetingGuest.meeting_id == meeting.id)).all()
    leaders = session.scalars(
        select(SiteLeader.person_id)
        .join(Programme, Programme.site_id == SiteLeader.site_id)
        .join(ProgrammeVersion, ProgrammeVersion.programme_id == Programme.id)
        .join(Intake, Intake.version_id == ProgrammeVersion.id)
        .where(Intake.id == meeting.intake_id)
    ).all()
    owners: dict[str, Owner] = {office.trainee_key(meeting.id, number): ("trainee_id", number) for number in trainees}
    owners |= {office.guest_key(meeting.id, number): ("guest_id", number) for number in guests}
    hosts = {office.host_key(meeting.id, person_id) for person_id in (*leaders, meeting.host_id) if person_id}
    return owners, hosts


def _sensible(attended: Attended, meeting: Meeting) -> Iterable[tuple[datetime, datetime]]:
    first, last = meeting.starts_at - FAR_OFF, meeting.ends_at + FAR_OFF
    return [(begin, end) for begin, end in attended.spans if first <= begin and end <= last]


def _owner_of(row: JoinLog) -> Owner:
    return ("trainee_id", row.trainee_id) if row.trainee_id is not None else ("guest_id", row.guest_id or 0)


def _told_of(token: str, office: RoomsOffice) -> tuple[int, int]:
    found = office.opened_callback(token)
    if found is None:
        raise _not_ours()
    return found


def _not_ours() -> NotFound:
    return NotFound("no_such_room", _l("There is no such room."))


def _not_proven() -> Forbidden:
    return Forbidden(
        "report_not_proven",
        _l("Nothing proves that the server of the room sent this."),
        remedy=_l("Only the server that the room was made on may tell who was in it."),
    )
