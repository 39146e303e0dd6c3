"""The leader's grid: people × meetings, with room for further columns, in a constant number of queries."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from lti_app.core.errors import NotFound
from lti_app.core.permissions import Actor
from lti_app.credits.cards import IntakeOverview, MeetingLine, MeetingPhase, TraineeRow
from lti_app.credits.overview import intake_overview
from lti_app.intakes.models import Trainee, TraineeState
from lti_app.meetings.checks import checks_of
from lti_app.meetings.models import Attendance, JoinLog, Meeting, Presence, StaySource
from lti_app.meetings.onsite_models import Arrival
from lti_app.meetings.service import find_meeting
from lti_app.meetings.stays import NO_CHECKS, USUAL, Checks, Span, StayRules, counting, minutes_inside, suggest_presence


class Sign(enum.StrEnum):
    """Say what a cell shows; the value is the cell's class on the page."""

    PRESENT = "p"
    ABSENT = "a"
    LIKELY_PRESENT = "sp"
    """No word yet; the join log suggests it."""
    LIKELY_ABSENT = "sa"
    WAITING = "w"
    """No word yet, and nothing suggests one."""
    TO_COME = "f"
    CANCELLED = "x"


SIGN_OF = {Presence.PRESENT: Sign.PRESENT, Presence.ABSENT: Sign.ABSENT}
SUGGESTED = {Presence.PRESENT: Sign.LIKELY_PRESENT, Presence.ABSENT: Sign.LIKELY_ABSENT, None: Sign.WAITING}
WAITS = frozenset(SUGGESTED.values())


class Shown(enum.StrEnum):
    """Say whose rows are shown."""

    ALL = "all"
    BEHIND = "behind"
    WAITING = "waiting"


class Cell(NamedTuple):
    """Show one trainee at one meeting: four thousand of them make a page."""

    sign: Sign
    is_credited: bool = False
    """Credited hours rest on it: it holds until the credit is taken back."""


@dataclass(frozen=True)
class SideCell:
    """Show what one trainee has in a column that is no meeting: a state is a word with an icon and a colour."""

    word: str
    icon: str
    tone: str
    address: str = ""


@dataclass(frozen=True)
class SideColumn:
    """Show one thing that each trainee does beside meetings: a product. ``cells`` by trainee id.

    Features below give these; ``intake_grid`` puts them after the meetings, in the order given.
    """

    title: str
    cells: dict[int, SideCell] = field(default_factory=dict)


@dataclass(frozen=True)
class GridRow:
    """Show one trainee with a cell for each of the grid's columns."""

    trainee: TraineeRow
    cells: tuple[Cell, ...]
    is_waiting: bool
    """A meeting that has ended has no word on this trainee yet."""


@dataclass(frozen=True)
class Grid:
    """Show an intake as people × meetings."""

    intake: IntakeOverview
    columns: tuple[MeetingLine, ...]
    """Meetings by time; meetings with one trainee alone are left out."""
    individual: int
    """How many were."""
    sides: tuple[SideColumn, ...]
    rows: tuple[GridRow, ...]
    """Enrolled trainees by name."""
    meeting_id: int | None = None
    """The one meeting that was asked for; None for all."""
    shown: Shown = Shown.ALL

    @property
    def current(self) -> MeetingLine | None:
        """Return what a narrow screen shows: the meeting asked for, else the last that has begun, else the first."""
        asked = [line for line in self.columns if line.meeting_id == self.meeting_id]
        begun = [line for line in self.columns if line.phase in (MeetingPhase.PAST, MeetingPhase.NOW)]
        return next(iter([*asked, *reversed(begun), *self.columns]), None)

    def counted(self, shown: Shown) -> int:
        """Return how many rows a filter leaves."""
        return len(list(_filtered(self.rows, shown)))

    def narrowed(self, *, shown: Shown = Shown.ALL, meeting_id: int | None = None) -> Grid:
        """Return the grid with some rows, or one meeting, alone."""
        rows, columns = tuple(_filtered(self.rows, shown)), self.columns
        place = next((number for number, line in enumerate(columns) if line.meeting_id == meeting_id), None)
        if place is None:
            return replace(self, rows=rows, shown=shown)
        return replace(
            self,
            columns=(columns[place],),
            rows=tuple(replace(row, cells=(row.cells[place],)) for row in rows),
            meeting_id=meeting_id,
            shown=shown,
        )


@dataclass(frozen=True)
class ChangedCell:
    """Show what became of a cell, and what follows from it for its row and its column."""

    cell: Cell
    trainee: TraineeRow
    column: MeetingLine


def intake_grid(
    session: Session,
    *,
    intake_id: int,
    actor: Actor,
    now: datetime,
    rules: StayRules = USUAL,
    sides: Sequence[SideColumn] = (),
) -> Grid:
    """Return the grid of an intake. Raises NotFound, or Forbidden to who does not lead its site (4.1)."""
    overview = intake_overview(session, intake_id=intake_id, actor=actor, now=now)
    alone = set(
        session.scalars(select(Meeting.id).where(Meeting.intake_id == intake_id, Meeting.only_for_id.is_not(None)))
    )
    credited = _credited(session, intake_id)
    suggested = _suggestions(session, intake_id, now, rules)
    kept = [(number, line) for number, line in enumerate(overview.meetings) if line.meeting_id not in alone]
    return Grid(
        intake=overview,
        columns=tuple(line for _number, line in kept),
        individual=len(overview.meetings) - len(kept),
        sides=tuple(sides),
        rows=tuple(_row(trainee, kept, credited, suggested) for trainee in overview.trainees if not trainee.has_left),
    )


def changed_cell(
    session: Session, *, meeting_id: int, trainee_id: int, actor: Actor, now: datetime, rules: StayRules = USUAL
) -> ChangedCell:
    """Return how a cell, its row and its column stand. Raises NotFound, or Forbidden to who does not lead the site."""
    intake_id = find_meeting(session, meeting_id).intake_id
    whole = intake_grid(session, intake_id=intake_id, actor=actor, now=now, rules=rules)
    grid = whole.narrowed(meeting_id=meeting_id)
    row = next((row for row in grid.rows if row.trainee.trainee_id == trainee_id), None)
    if row is None or grid.meeting_id is None:
        raise NotFound("no_such_trainee", _l("There is no such trainee in this intake."))
    return ChangedCell(cell=row.cells[0], trainee=row.trainee, column=grid.columns[0])


def _row(
    trainee: TraineeRow,
    columns: Sequence[tuple[int, MeetingLine]],
    credited: set[tuple[int, int]],
    suggested: dict[tuple[int, int], Presence | None],
) -> GridRow:
    cells = tuple(
        Cell(
            _sign(line.phase, trainee.marks[number], suggested.get((line.meeting_id, trainee.trainee_id))),
            (line.meeting_id, trainee.trainee_id) in credited,
        )
        for number, line in columns
    )
    waiting = (
        line.phase is MeetingPhase.PAST and cell.sign in WAITS
        for (_number, line), cell in zip(columns, cells, strict=True)
    )
    return GridRow(trainee=trainee, cells=cells, is_waiting=any(waiting))


def _sign(phase: MeetingPhase, presence: Presence | None, suggested: Presence | None) -> Sign:
    if phase is MeetingPhase.CANCELLED:
        return Sign.CANCELLED
    if presence is not None:
        return SIGN_OF[presence]
    return Sign.TO_COME if phase is MeetingPhase.NEXT else SUGGESTED[suggested]


def _filtered(rows: Iterable[GridRow], shown: Shown) -> Iterable[GridRow]:
    if shown is Shown.BEHIND:
        return (row for row in rows if row.trainee.is_behind)
    return (row for row in rows if row.is_waiting or shown is Shown.ALL)


def _credited(session: Session, intake_id: int) -> set[tuple[int, int]]:
    """Return (meeting id, trainee id) of the words on which credited hours rest."""
    rows = session.execute(
        select(Attendance.meeting_id, Attendance.trainee_id)
        .join(Meeting, Meeting.id == Attendance.meeting_id)
        .where(Meeting.intake_id == intake_id, Attendance.is_credited)
    )
    return {(meeting, trainee) for meeting, trainee in rows}


def _suggestions(
    session: Session, intake_id: int, now: datetime, rules: StayRules
) -> dict[tuple[int, int], Presence | None]:
    """Return what suggests itself for each trainee without a word, by (meeting id, trainee id): from the stays and
    the checks of presence at a distance, from the arrival on site.
    """
    rows = session.execute(
        select(Meeting, Trainee.id, JoinLog.joined_at, JoinLog.left_at, JoinLog.source, Arrival.id)
        .select_from(Meeting)
        .join(Trainee, and_(Trainee.intake_id == Meeting.intake_id, Trainee.state == TraineeState.ENROLLED))
        .outerjoin(Attendance, and_(Attendance.meeting_id == Meeting.id, Attendance.trainee_id == Trainee.id))
        .outerjoin(JoinLog, and_(JoinLog.meeting_id == Meeting.id, JoinLog.trainee_id == Trainee.id))
        .outerjoin(Arrival, and_(Arrival.meeting_id == Meeting.id, Arrival.trainee_id == Trainee.id))
        .where(Meeting.intake_id == intake_id, Meeting.starts_at <= now, Attendance.id.is_(None))
    ).all()
    meetings = {meeting.id: meeting for meeting, *_rest in rows}
    told = _sources(session, list(meetings))
    checks = checks_of(session, list(meetings), now)
    stays: dict[tuple[int, int], list[Span]] = {}
    arrived: set[tuple[int, int]] = set()
    for meeting, trainee_id, joined_at, left_at, source, arrival in rows:
        own = stays.setdefault((meeting.id, trainee_id), [])
        if arrival is not None:
            arrived.add((meeting.id, trainee_id))
        if joined_at is not None and source in told[meeting.id]:
            own.append((joined_at, left_at))
    return {
        key: Presence.PRESENT
        if key in arrived
        else suggest_presence(
            meetings[key[0]],
            minutes_inside(meetings[key[0]], own, now),
            now,
            rules=rules,
            checks=_checks_of_one(checks.get(key[0], {}), key[1]),
        )
        for key, own in stays.items()
    }


def _checks_of_one(checks: Mapping[int | None, Checks], trainee_id: int) -> Checks:
    return checks.get(trainee_id, checks.get(None, NO_CHECKS))


def _sources(session: Session, meeting_ids: Sequence[int]) -> dict[int, frozenset[StaySource]]:
    """Return whose stays count, by meeting."""
    told: dict[int, list[StaySource]] = {meeting_id: [] for meeting_id in meeting_ids}
    for meeting_id, source in session.execute(
        select(JoinLog.meeting_id, JoinLog.source).where(JoinLog.meeting_id.in_(meeting_ids)).distinct()
    ):
        told[meeting_id].append(source)
    return {meeting_id: counting(sources) for meeting_id, sources in told.items()}
