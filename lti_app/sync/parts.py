"""One run's plan carried out by several processes: parted by course, each part by whoever claims it first.

The process that holds the run's lock works on parts as well, so that nothing waits for helpers that don't come, and
takes over the parts of those that died.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from lti_app.core.clock import Clock
from lti_app.core.db import Database
from lti_app.core.edge import Tool
from lti_app.intakes.models import Intake
from lti_app.lti.models import Moodle
from lti_app.sync import lock
from lti_app.sync.desired import TIED_BY_NIGHT
from lti_app.sync.journal import RunJournal
from lti_app.sync.models import RunStatus, SyncChange, SyncLock, SyncPart, SyncRun
from moodle_sync.apply import apply_plan, leave_plan, make_categories
from moodle_sync.client import MoodleClient
from moodle_sync.outcomes import NOT_TRIED, Outcome
from moodle_sync.plan import Change, ChangePlan, CourseChange, EnrolmentChange, EventChange, GroupChange, UserChange
from moodle_sync.roster import CourseRoster, Role

log = logging.getLogger(__name__)

PART_WEIGHT = 2000
"""Weight from which on a part is full; an enrolment weighs 1."""
COURSE_WEIGHT = 100
"""Weight of a course to be made or changed: about the enrolments that take Moodle as long."""
MOST_HELPERS = 3
"""Processes that are asked to help with one run: each sends a Moodle up to four calls at once."""
LOOK_EVERY = 0.5
"""Seconds between two looks at the parts that others work on."""

CallHelpers = Callable[[int, int], None]
"""Asks for help with a run: its id, and the number of helpers."""


def parts_of(plan: ChangePlan) -> list[list[Change]]:
    """Part a plan's courses and enrolments, each course's together and in their order. Pure.

    Accounts and categories are made before; groups and events are written after, by the process that holds the lock:
    whoever takes a part over may repeat what another had sent, and an event would be there twice.
    """
    by_course: dict[int | str, list[Change]] = {}
    for change in plan.changes:
        if not isinstance(change, CourseChange | EnrolmentChange):
            continue
        key = change.course_key if isinstance(change, EnrolmentChange) else change.course.key
        by_course.setdefault(key if change.course_id is None else change.course_id, []).append(change)
    parts: list[list[Change]] = []
    weight = PART_WEIGHT
    for changes in by_course.values():
        if weight >= PART_WEIGHT:
            parts.append([])
            weight = 0
        parts[-1] += changes
        weight += sum(COURSE_WEIGHT if isinstance(change, CourseChange) else 1 for change in changes)
    return parts


def carry_out(
    tool: Tool,
    client: MoodleClient,
    moodle: Moodle,
    run: SyncRun,
    plan: ChangePlan,
    *,
    rosters: Mapping[int, CourseRoster],
    address: str,
    heart: lock.Heart,
    call_helpers: CallHelpers,
) -> int:
    """Carry out a run's plan with others' help; return how many changes failed. Raises LockLost.

    ``address`` is what the addresses of meetings begin with.
    """
    journal = _SharedJournal(tool.database, run, plan, {}, heart=heart, clock=tool.clock, progress=lambda *_: None)
    plan = make_categories(client, plan, journal)
    _share_out(tool, client, moodle, run.id, parts_of(plan), rosters=rosters, heart=heart, call_helpers=call_helpers)
    _write_after(tool, client, moodle, plan, run_id=run.id, journal=journal, address=address)
    return gather(tool.database, run.id)


def _share_out(
    tool: Tool,
    client: MoodleClient,
    moodle: Moodle,
    run_id: int,
    parts: Sequence[Sequence[Change]],
    *,
    rosters: Mapping[int, CourseRoster],
    heart: lock.Heart,
    call_helpers: CallHelpers,
) -> None:
    """Have the parts carried out, by whoever claims them; return when all are. Raises LockLost."""
    with tool.database.transaction() as session:
        session.add_all(_row(run_id, number, part, rosters) for number, part in enumerate(parts))
    call_helpers(run_id, min(MOST_HELPERS, len(parts) - 1))
    while True:
        with tool.database.session(writes=False) as session:
            heart.verify(session)
        if work_on_next(tool, client, moodle, run_id, heart.holder):
            gather(tool.database, run_id)
        elif _all_finished(tool.database, run_id):
            return
        else:
            time.sleep(LOOK_EVERY)


def _write_after(
    tool: Tool,
    client: MoodleClient,
    moodle: Moodle,
    plan: ChangePlan,
    *,
    run_id: int,
    journal: RunJournal,
    address: str,
) -> None:
    """Write groups and events, once all people are enrolled."""
    changes = [change for change in plan.changes if isinstance(change, GroupChange | EventChange)]
    if not changes:
        return
    with tool.database.session(writes=False) as session:
        rest = ChangePlan(_placed(session, moodle, changes))
        gave_up = _gave_up(session, run_id)
    if gave_up:
        leave_plan(rest, journal)
    else:
        apply_plan(client, rest, journal, role_ids={}, now=int(tool.clock().timestamp()), address=address)


def help_run(tool: Tool, run_id: int, connect: Callable[[Tool, Moodle], MoodleClient]) -> None:
    """Work on parts of a run until none is left to claim; does nothing where the run is over."""
    with tool.database.session(writes=False) as session:
        run = session.get(SyncRun, run_id)
        held = session.get(SyncLock, run.moodle_id) if run is not None else None
        if run is None or held is None or run.status is not RunStatus.RUNNING:
            return
        if held.taken_at > run.started_at:  # another run's, which has not closed this one yet
            return
        moodle, holder = session.get_one(Moodle, run.moodle_id), held.holder
    try:
        with connect(tool, moodle) as client:
            while work_on_next(tool, client, moodle, run_id, holder):
                pass
            with tool.database.transaction() as session:
                session.execute(update(SyncRun).where(SyncRun.id == run_id).values(calls=SyncRun.calls + client.calls))
    except lock.LockLost:
        log.info("run %s is over, or this part of it was taken over", run_id)


def forget_parts(session: Session, run_ids: Iterable[int]) -> None:
    """Delete what is left of runs' parts: whoever still works on one finds out with its next look."""
    session.execute(delete(SyncPart).where(SyncPart.run_id.in_(list(run_ids))))


def gather(database: Database, run_id: int) -> int:
    """Count a run's outcomes into its row; return how many failed."""
    with database.transaction() as session:
        # Not FOR UPDATE: that waits for whoever has added outcomes of this run and is about to change its row.
        run = session.get_one(SyncRun, run_id, with_for_update={"key_share": True})
        counts = {kind: {**count, "done": 0, "failed": 0} for kind, count in run.counts.items()}
        rows = session.execute(
            select(SyncChange.kind, SyncChange.failed, func.count())
            .where(SyncChange.run_id == run_id)
            .group_by(SyncChange.kind, SyncChange.failed)
        ).all()
        for kind, failed, number in rows:
            counts[kind]["failed" if failed else "done"] = number
        run.counts, run.steps_done = counts, sum(number for _, _, number in rows)
    return sum(number for _, failed, number in rows if failed)


def work_on_next(tool: Tool, client: MoodleClient, moodle: Moodle, run_id: int, lock_holder: str) -> bool:
    """Claim a part and carry it out; tell whether there was one. Raises LockLost."""
    claimed = _claim(tool.database, run_id, tool.clock())
    if claimed is None:
        return False
    part, was_begun = claimed
    heart = _PartHeart(tool.database, moodle.id, lock_holder, tool.clock, part)
    heart.start()
    try:
        _work_on(tool, client, moodle, part, heart, was_begun=was_begun)
    finally:
        heart.stop()
    return True


def _work_on(
    tool: Tool, client: MoodleClient, moodle: Moodle, part: SyncPart, heart: _PartHeart, *, was_begun: bool
) -> None:
    plan = ChangePlan.from_json(part.plan)
    with tool.database.transaction() as session:
        heart.look(session)
        if was_begun:
            plan = _left(session, moodle, part.run_id, plan)
        run = session.get_one(SyncRun, part.run_id)
        intake_ids = _intake_ids(session, moodle, plan)
        gave_up = _gave_up(session, part.run_id)
    journal = _PartJournal(tool.database, run, plan, intake_ids, heart=heart, clock=tool.clock, was_begun=was_begun)
    if gave_up:
        leave_plan(plan, journal)
    else:
        apply_plan(
            client,
            plan,
            journal,
            role_ids={Role.TRAINEE: moodle.trainee_role_id, Role.LEADER: moodle.leader_role_id},
            now=int(tool.clock().timestamp()),
            rosters={row[0]: CourseRoster(frozenset(row[1]), frozenset(row[2])) for row in part.rosters},
        )
    with tool.database.transaction() as session:
        heart.look(session).finished_at = tool.clock()


def _row(run_id: int, number: int, part: Sequence[Change], rosters: Mapping[int, CourseRoster]) -> SyncPart:
    course_ids = {change.course_id for change in part if not isinstance(change, UserChange)} & rosters.keys()
    known = [
        [course_id, sorted(rosters[course_id].enrolled), sorted(rosters[course_id].inactive)]
        for course_id in sorted(filter(None, course_ids))
    ]
    return SyncPart(run_id=run_id, number=number, plan=ChangePlan(part).to_json(), rosters=known)


def _claim(database: Database, run_id: int, now: datetime) -> tuple[SyncPart, bool] | None:
    """Claim a part that nobody works on; also say whether somebody who died had begun it."""
    with database.transaction() as session:
        open_parts = select(SyncPart).where(SyncPart.run_id == run_id, SyncPart.finished_at.is_(None))
        free = session.scalar(
            open_parts.where(SyncPart.holder.is_(None))
            .order_by(SyncPart.number)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        part = free or next(
            (
                begun
                for begun in session.scalars(
                    open_parts.where(SyncPart.holder.is_not(None)).with_for_update(skip_locked=True)
                )
                if begun.holder is not None
                and begun.beat_at is not None
                and lock.is_dead(begun.holder, begun.beat_at, now)
            ),
            None,
        )
        if part is None:
            return None
        was_begun = part.holder is not None
        part.holder, part.beat_at = lock.new_holder(), now
        return part, was_begun


def _all_finished(database: Database, run_id: int) -> bool:
    with database.session(writes=False) as session:
        open_part = select(SyncPart.number).where(SyncPart.run_id == run_id, SyncPart.finished_at.is_(None))
        return session.scalar(open_part.limit(1)) is None


def _gave_up(session: Session, run_id: int) -> bool:
    """Tell whether this Moodle was found down by some part: each further call would wait for its timeouts."""
    not_tried = select(SyncChange.id).where(
        SyncChange.run_id == run_id, SyncChange.failed, SyncChange.errorcode == NOT_TRIED[0]
    )
    return session.scalar(not_tried.limit(1)) is not None


def _intake_ids(session: Session, moodle: Moodle, plan: ChangePlan) -> dict[str, int]:
    keys = [change.course.key for change in plan.changes if isinstance(change, CourseChange)]
    rows = session.execute(select(Intake.code, Intake.id).where(Intake.moodle_id == moodle.id, Intake.code.in_(keys)))
    return {row.code: row.id for row in rows}


def _left(session: Session, moodle: Moodle, run_id: int, plan: ChangePlan) -> ChangePlan:
    """Leave out what has an outcome already, and say the ids of courses that were made."""
    recorded = {
        (kind, target)
        for kind, target in session.execute(
            select(SyncChange.kind, SyncChange.target).where(SyncChange.run_id == run_id)
        )
    }
    left = [change for change in plan.changes if (change.kind.value, change.target[:300]) not in recorded]
    return ChangePlan(_placed(session, moodle, left))


def _placed(session: Session, moodle: Moodle, changes: Iterable[Change]) -> list[Change]:
    """Say the ids of courses that this run's parts have made."""
    tied = select(Intake.code, Intake.course_id).where(
        Intake.moodle_id == moodle.id, Intake.course_tied_by == TIED_BY_NIGHT
    )
    made = {row.code: row.course_id for row in session.execute(tied)}
    return [
        change._replace(course_id=made.get(change.course_key))
        if isinstance(change, EnrolmentChange | EventChange) and change.course_id is None
        else change
        for change in changes
    ]


class _PartHeart(lock.Heart):
    """Keep a part warm for as long as the run's own lock is."""

    def __init__(self, database: Database, moodle_id: int, lock_holder: str, clock: Clock, part: SyncPart) -> None:
        super().__init__(database, moodle_id, lock_holder, clock)
        self._run_id, self._number, self._part_holder = part.run_id, part.number, part.holder

    def _beat(self) -> None:
        with self._database.transaction() as session:
            self.look(session).beat_at = self._clock()

    def verify(self, session: Session) -> None:
        """Raise LockLost unless the part is ours and its run's lock unbroken; asked before each write to Moodle."""
        self.check()
        self.look(session)

    def look(self, session: Session) -> SyncPart:
        """Return the part, locked for this transaction, if it still is ours and its run lives. Raises LockLost."""
        part = session.scalar(
            select(SyncPart)
            .where(
                SyncPart.run_id == self._run_id,
                SyncPart.number == self._number,
                SyncPart.holder == self._part_holder,
                SyncPart.finished_at.is_(None),
            )
            .with_for_update()
        )
        held = session.get(SyncLock, self._moodle_id)
        if part is None or held is None or held.holder != self.holder:
            raise lock.LockLost(self.holder)
        if lock.is_dead(held.holder, held.beat_at, self._clock()):
            raise lock.LockLost(self.holder)
        return part


class _SharedJournal(RunJournal):
    """Keep outcomes of a run to which others add theirs: its counts are made of all (``gather``)."""

    def _show_counts(self, session: Session, outcomes: int) -> None:
        session.execute(
            update(SyncRun).where(SyncRun.id == self._run_id).values(steps_done=SyncRun.steps_done + outcomes)
        )


class _PartJournal(_SharedJournal):
    """Keep a part's intents and outcomes only as long as it is ours: nothing is counted twice."""

    def __init__(
        self,
        database: Database,
        run: SyncRun,
        plan: ChangePlan,
        intake_ids: dict[str, int],
        *,
        heart: _PartHeart,
        clock: Clock,
        was_begun: bool,
    ) -> None:
        super().__init__(database, run, plan, intake_ids, heart=heart, clock=clock, progress=lambda *_: None)
        self._look, self._was_begun = heart.look, was_begun

    def _open(self, session: Session) -> None:
        self._look(session)

    def _forget_refused(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        # Whoever died may have got through what is refused now: only the next night's read tells.
        if not self._was_begun:
            super()._forget_refused(session, outcomes)
