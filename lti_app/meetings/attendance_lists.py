"""Lists of who was in a room, brought in from elsewhere: columns, people, and then stays in the log.

The rows are personal data of people who may be none of ours: they are kept while somebody matches them, until the list
is accepted or a month old.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import audit
from lti_app.core.editing import require_unchanged
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.fitting import require_fitting
from lti_app.core.permissions import Actor
from lti_app.core.tables import Table, UnreadableTable, read_csv, read_workbook
from lti_app.core.words import plain
from lti_app.intakes.models import Trainee, TraineeState
from lti_app.meetings.list_matching import Candidate, Match, Matched, match
from lti_app.meetings.list_reading import (
    COLUMNS,
    ListedPerson,
    Span,
    as_text,
    guess,
    is_enough,
    people_of,
    signature,
    spans_at,
)
from lti_app.meetings.models import GuestState, JoinLog, Meeting, MeetingGuest, StaySource
from lti_app.meetings.onsite_models import AttendanceList, ListMapping, ListState
from lti_app.meetings.service import find_meeting, lock_intakes, person_of
from lti_app.meetings.stays import united
from lti_app.people.models import Person
from lti_app.programmes.models import Mode

MOST_BYTES = 2 * 1024 * 1024
MOST_ROWS = 2000
MOST_COLUMNS = 60
LONGEST_CELL = 200
KEPT = timedelta(days=30)
"""How long a list waits to be accepted."""
NOBODY = "-"
"""The decision that somebody on a list is none of those awaited."""


@dataclass(frozen=True)
class ListLine:
    """Show somebody on a list, whom they may be, and how long they were at the meeting by the list (minutes)."""

    person: ListedPerson
    matched: Matched
    minutes: int


def take_list(
    session: Session, *, meeting_id: int, provider: str, file_name: str, content: bytes, actor: Actor, now: datetime
) -> AttendanceList:
    """Keep a list to be matched, in place of one of the same meeting that waits. Columns are as remembered or guessed.

    Raises NotFound, Forbidden to who does not lead the site (4.1), Conflict for a meeting on site or one that has not
    begun, DomainError for a file that can't be read as a list or is too large, and where no provider is named.
    """
    meeting = led_meeting(session, meeting_id, actor=actor)
    if now < meeting.starts_at:
        raise Conflict(
            "meeting_not_begun",
            _l("This meeting has not begun yet."),
            remedy=_l("Bring the list in once the meeting is over."),
        )
    provider = " ".join(provider.split())
    if not provider:
        raise DomainError(
            "no_provider",
            _l("It isn't said where the list comes from."),
            remedy=_l("Write the name of the service, such as Telemost: its columns are remembered under it."),
            field="provider",
        )
    require_fitting(AttendanceList, {"provider": provider})
    table = _read(file_name, content)
    known = _remembered(session, provider, table.headings)
    columns = known or guess(table.headings)
    is_clear = known is not None or not {"name", "last_name"}.isdisjoint(columns)
    session.execute(
        delete(AttendanceList).where(
            AttendanceList.meeting_id == meeting.id, AttendanceList.state != ListState.ACCEPTED
        )
    )
    made = AttendanceList(
        meeting_id=meeting.id,
        provider=provider,
        file_name=file_name.replace("\\", "/").rpartition("/")[2][:255] or "list",
        headings=[heading[:LONGEST_CELL] for heading in table.headings],
        rows=[[row.number, [as_text(cell, LONGEST_CELL) for cell in row.cells[:MOST_COLUMNS]]] for row in table.rows],
        columns=columns,
        state=ListState.REVIEW if is_clear else ListState.COLUMNS,
        uploaded_at=now,
        uploaded_by_id=person_of(actor),
        # SQLite gives the number of a list that is gone to the next: a form of the old one must not fit the new one.
        revision=int(now.timestamp()) % 1_000_000_000,
    )
    session.add(made)
    session.flush()
    changes = {"rows": [None, len(made.rows)]}
    audit.record(session, actor=actor, now=now, action="take_list", on=meeting, changes=changes)
    return made


def _read(file_name: str, content: bytes) -> Table:
    if not content:
        raise DomainError(
            "list_empty", _l("No file was chosen, or it is empty."), remedy=_l("Choose the list's file."), field="file"
        )
    if len(content) > MOST_BYTES:
        raise DomainError(
            "list_too_large",
            _l("The file is larger than %(number)s MB.", number=MOST_BYTES // 1024**2),
            remedy=_l("A list of one meeting is smaller: leave out what isn't part of it."),
            field="file",
        )
    try:
        if content.startswith(b"PK"):
            tables = read_workbook(io.BytesIO(content), file_name, most_bytes=MOST_BYTES, most_rows=MOST_ROWS)
            table = next((one for one in tables if one.rows), None)
        else:
            table = read_csv(content, file_name, most_rows=MOST_ROWS)
    except UnreadableTable as error:
        raise DomainError("list_unreadable", error.message, remedy=error.remedy, field="file") from error
    if table is None or not table.rows or len(table.headings) > MOST_COLUMNS:
        raise DomainError(
            "list_without_rows",
            _l("The file has no rows below a row of headings, or too many columns."),
            remedy=_l("The first row names the columns, each further one is a person: save the list so."),
            field="file",
        )
    return table


def _remembered(session: Session, provider: str, headings: Sequence[str]) -> dict[str, int] | None:
    columns = session.scalar(
        select(ListMapping.columns).where(
            ListMapping.provider_key == plain(provider)[:100], ListMapping.signature == signature(headings)
        )
    )
    return dict(columns) if columns else None


def led_meeting(session: Session, meeting_id: int, *, actor: Actor) -> Meeting:
    """Return a meeting that takes lists. Raises NotFound, Forbidden (4.1), Conflict for a meeting on site."""
    meeting = find_meeting(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    if meeting.mode is not Mode.DISTANCE:
        raise Conflict(
            "list_of_meeting_on_site",
            _l("Lists are of rooms; this meeting takes place on site."),
            remedy=_l("Mark who has come by the code on the screen, or confirm the attendance by the signed sheet."),
        )
    return meeting


def find_list(session: Session, list_id: int, *, actor: Actor) -> AttendanceList:
    """Return a list with its meeting. Raises NotFound, Forbidden to who does not lead the site (4.1)."""
    found = session.get(AttendanceList, list_id)
    if found is None:
        raise NotFound(
            "no_such_list",
            _l("There is no such list: it was replaced, or it had waited for a month."),
            remedy=_l("Bring it in once more on the page of the meeting."),
        )
    led_meeting(session, found.meeting_id, actor=actor)
    return found


def lists_of(session: Session, meeting_id: int) -> list[AttendanceList]:
    """Return a meeting's lists, the newest first."""
    return list(
        session.scalars(
            select(AttendanceList)
            .where(AttendanceList.meeting_id == meeting_id)
            .options(joinedload(AttendanceList.uploaded_by))
            .order_by(AttendanceList.id.desc())
        )
    )


def providers(session: Session) -> list[str]:
    """Return the providers whose columns are remembered."""
    return list(session.scalars(select(ListMapping.provider).distinct().order_by(ListMapping.provider)))


def settle_columns(
    session: Session,
    *,
    list_id: int,
    columns: Mapping[str, int],
    seen: int | None,
    actor: Actor,
    now: datetime,
) -> AttendanceList:
    """Say which column is which, for this list and for those of the same provider with the same headings.

    ``columns``: name of ``COLUMNS`` to the column's index. Raises NotFound, Forbidden, Conflict where it is accepted or
    was changed meanwhile, DomainError where people can't be told by the columns or one column is named twice.
    """
    found = _waiting(session, list_id, seen, actor)
    chosen = {name: place for name, place in columns.items() if name in COLUMNS and 0 <= place < len(found.headings)}
    if not is_enough(chosen):
        raise DomainError(
            "columns_not_enough",
            _l("It isn't said which column names the people."),
            remedy=_l("Choose the column with the name, the e-mail address, or the Moodle number."),
            field="name",
        )
    if len(set(chosen.values())) < len(chosen):
        raise DomainError(
            "column_twice",
            _l("One column can't be two things."),
            remedy=_l("Leave one of them empty."),
            field=next(name for name in chosen if list(chosen.values()).count(chosen[name]) > 1),
        )
    found.columns, found.state, found.revision = chosen, ListState.REVIEW, found.revision + 1
    key, sign = plain(found.provider)[:100], signature(found.headings)
    mapping = session.scalar(select(ListMapping).where(ListMapping.provider_key == key, ListMapping.signature == sign))
    if mapping is None:
        mapping = ListMapping(provider=found.provider, provider_key=key, signature=sign)
        session.add(mapping)
    mapping.columns, mapping.saved_at = chosen, now
    session.flush()
    return found


def lines_of(session: Session, found: AttendanceList, *, zone: ZoneInfo) -> list[ListLine]:
    """Return the people of a list that waits, in the file's order, with whom they may be. Three queries."""
    meeting = find_meeting(session, found.meeting_id)
    awaited = awaited_at(session, meeting)
    day = meeting.starts_at.astimezone(zone).date()
    lines = []
    for person in people_of(found.rows, found.columns, found.headings, day=day, zone=zone):
        spans = spans_at(person, starts_at=meeting.starts_at, ends_at=meeting.ends_at)
        there = sum((end - begin for begin, end in spans), timedelta(0))
        lines.append(ListLine(person, match(person, awaited), there // timedelta(minutes=1)))
    return lines


def awaited_at(session: Session, meeting: Meeting) -> list[Candidate]:
    """Return whom rows of a list may mean: the trainees whom it is for and those who signed up. Two queries."""
    theirs = (
        select(Trainee.id, Person)
        .join(Person, Person.id == Trainee.person_id)
        .where(Trainee.intake_id == meeting.intake_id, Trainee.state == TraineeState.ENROLLED)
        .order_by(Person.last_name, Person.first_name, Trainee.id)
    )
    if meeting.only_for_id is not None:
        theirs = theirs.where(Trainee.id == meeting.only_for_id)
    trainees = session.execute(theirs)
    guests = session.execute(
        select(MeetingGuest.id, Person)
        .join(Person, Person.id == MeetingGuest.person_id)
        .where(MeetingGuest.meeting_id == meeting.id, MeetingGuest.state == GuestState.SIGNED_UP)
        .order_by(Person.last_name, Person.first_name, MeetingGuest.id)
    )
    found = [(f"t{number}", person) for number, person in trainees] + [(f"g{n}", person) for n, person in guests]
    return [
        Candidate(
            key,
            person.last_name,
            person.first_name,
            person.middle_name or "",
            person.email or "",
            person.moodle_idnumber or "",
        )
        for key, person in found
    ]


def accept_list(
    session: Session,
    *,
    list_id: int,
    decisions: Mapping[str, str],
    names_checked: bool,
    seen: int | None,
    zone: ZoneInfo,
    actor: Actor,
    now: datetime,
) -> AttendanceList:
    """Put the list's stays into the log, in place of those of an earlier list of the meeting; forget its rows.

    ``decisions``: key of a listed person to the key of one awaited, or ``NOBODY``. The leader's word on attendance is
    not touched. Raises NotFound, Forbidden, Conflict where it is accepted, was changed meanwhile, or names somebody who
    has no place any more; DomainError where something is undecided, or people found by name alone weren't looked at.
    """
    found = _waiting(session, list_id, seen, actor)
    meeting = find_meeting(session, found.meeting_id)
    lock_intakes(session, meeting.intake_id)
    lines = lines_of(session, found, zone=zone)
    keys = {one.key for one in awaited_at(session, meeting)}
    undecided = [line for line in lines if not decisions.get(line.person.key)]
    if undecided:
        people = [line.person for line in undecided[:5]]
        names = ", ".join(one.name or one.email or one.number or one.key for one in people)
        raise DomainError(
            "list_undecided",
            _l("Not decided yet, whom these rows mean: %(names)s.", names=names),
            remedy=_l("Choose a person for each, or “none of these”."),
            field=f"row-{undecided[0].person.key}",
        )
    if not {decisions[line.person.key] for line in lines} <= keys | {NOBODY}:
        raise Conflict(
            "not_awaited",
            _l("Somebody on the list has no place at this meeting any more."),
            remedy=_l("Look through the rows again."),
        )
    if not names_checked and any(
        line.matched.how is Match.NAME and decisions[line.person.key] != NOBODY for line in lines
    ):
        raise DomainError(
            "names_not_checked",
            _l("Some were found by their name alone."),
            remedy=_l("Look whether it is them, and tick that you did."),
            field="names_checked",
        )
    stays: dict[str, list[Span]] = {}
    for line in lines:
        if decisions[line.person.key] != NOBODY:
            spans = spans_at(line.person, starts_at=meeting.starts_at, ends_at=meeting.ends_at)
            stays.setdefault(decisions[line.person.key], []).extend(spans)
    _write_stays(session, meeting, stays)
    found.people, found.left_out = len(stays), sum(decisions[line.person.key] == NOBODY for line in lines)
    found.rows, found.headings = [], []
    found.state, found.accepted_at, found.revision = ListState.ACCEPTED, now, found.revision + 1
    session.flush()
    changes = {"people": [None, found.people], "left_out": [None, found.left_out]}
    audit.record(session, actor=actor, now=now, action="accept_list", on=meeting, changes=changes)
    return found


def _write_stays(session: Session, meeting: Meeting, stays: Mapping[str, Sequence[Span]]) -> None:
    session.execute(delete(JoinLog).where(JoinLog.meeting_id == meeting.id, JoinLog.source == StaySource.LIST))
    for key, spans in stays.items():
        number = int(key[1:])
        for joined_at, left_at in united(spans):
            session.add(
                JoinLog(
                    meeting_id=meeting.id,
                    trainee_id=number if key[0] == "t" else None,
                    guest_id=number if key[0] == "g" else None,
                    source=StaySource.LIST,
                    joined_at=joined_at,
                    left_at=left_at,
                    left_how="list",
                )
            )
    session.flush()


def discard_list(session: Session, *, list_id: int, actor: Actor, now: datetime) -> int:
    """Forget a list that waits; return its meeting. Raises NotFound, Forbidden, Conflict where it is accepted."""
    found = _waiting(session, list_id, None, actor)
    meeting_id = found.meeting_id
    meeting = find_meeting(session, meeting_id)
    session.delete(found)
    session.flush()
    audit.record(session, actor=actor, now=now, action="discard_list", on=meeting)
    return meeting_id


def sweep_lists(session: Session, *, now: datetime) -> int:
    """Forget lists that have waited for a month; return how many."""
    gone = session.execute(
        delete(AttendanceList)
        .where(AttendanceList.state != ListState.ACCEPTED, AttendanceList.uploaded_at < now - KEPT)
        .returning(AttendanceList.id)
    ).all()
    return len(gone)


def _waiting(session: Session, list_id: int, seen: int | None, actor: Actor) -> AttendanceList:
    found = find_list(session, list_id, actor=actor)
    if found.state is ListState.ACCEPTED:
        raise Conflict(
            "list_accepted",
            _l("This list is accepted already, and its rows are forgotten."),
            remedy=_l("To change something, bring the list in once more: it takes the place of this one."),
        )
    if seen is not None:
        require_unchanged(session, found, seen, list)
    return found
