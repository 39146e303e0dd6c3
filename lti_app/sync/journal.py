"""The run's memory: intent before each write, outcome after it, both committed at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from lti_app.core.clock import Clock
from lti_app.core.db import Database, put_rows
from lti_app.intakes.models import Intake
from lti_app.sync.accounts import tie_new_user
from lti_app.sync.desired import TIED_BY_NIGHT
from lti_app.sync.events import confirm_events, intend_events
from lti_app.sync.hiding import remember_hidden
from lti_app.sync.lock import Heart
from lti_app.sync.models import OwnedEnrolment, SyncChange, SyncRun
from moodle_sync.outcomes import Outcome
from moodle_sync.plan import ChangePlan, CourseChange, EnrolmentChange, EventChange, Kind, UserChange
from moodle_sync.roster import Drift

Progress = Callable[[str, int, int], None]
"""Told of the phase of a run, the steps done, and the steps in all (0: not known)."""


class RunJournal:
    """Keep a run's intents and outcomes in the database. A ``moodle_sync.apply.Journal``; called from threads."""

    def __init__(
        self,
        database: Database,
        run: SyncRun,
        plan: ChangePlan,
        intake_ids: dict[str, int],
        *,
        heart: Heart,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._database, self._run_id, self._moodle_id = database, run.id, run.moodle_id
        self._intake_ids, self._heart, self._clock, self._progress = intake_ids, heart, clock, progress
        self._lock = threading.Lock()
        self._done, self._total = 0, len(plan)
        self.counts = {
            kind.value: {"planned": number, "done": 0, "failed": 0} for kind, number in plan.counts().items()
        }

    def intend(self, changes: Sequence[EnrolmentChange]) -> None:
        """Remember these enrolments as ours, not yet known to be written. Raises LockLost, also if it was broken."""
        now = self._clock()
        rows = [
            {
                "moodle_id": self._moodle_id,
                "course_id": change.course_id,
                "user_id": change.user_id,
                "role": change.role.value,
                "starts": change.starts,
                "ends": change.ends,
                "suspended": change.suspended,
                "pending": True,
                "drift": Drift.NONE,
                "written_at": now,
            }
            for change in changes
        ]
        with self._lock, self._database.transaction() as session:
            self._heart.verify(session)
            if rows:
                session.execute(put_rows(session, OwnedEnrolment), rows)

    def intend_events(self, changes: Sequence[EventChange]) -> None:
        """Remember these events as ours, not yet known to be written. Raises LockLost, also if it was broken."""
        with self._lock, self._database.transaction() as session:
            self._heart.verify(session)
            intend_events(session, self._moodle_id, changes, self._clock())

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Remember what became of changes; confirm what was written. Raises LockLost."""
        self._heart.check()
        if not outcomes:
            return
        with self._lock:
            for outcome in outcomes:
                self.counts[outcome.change.kind.value]["done" if outcome.done else "failed"] += 1
            self._done += len(outcomes)
            with self._database.transaction() as session:
                self._open(session)
                self._confirm(session, outcomes)
                self._forget_refused(session, outcomes)
                confirm_events(session, self._moodle_id, outcomes)
                session.execute(insert(SyncChange), [self._change_row(outcome) for outcome in outcomes])
                self._tie_courses(session, outcomes)
                remember_hidden(session, self._moodle_id, outcomes, self._clock())
                self._tie_new_users(session, outcomes)
                self._show_counts(session, len(outcomes))
        self._progress("writing", self._done, self._total)

    def _open(self, session: Session) -> None:
        """Raise LockLost unless outcomes are this run's to remember: another may be at the same rows."""
        self._heart.verify(session)

    def _show_counts(self, session: Session, _outcomes: int) -> None:
        counts = {key: dict(value) for key, value in self.counts.items()}
        session.execute(update(SyncRun).where(SyncRun.id == self._run_id).values(steps_done=self._done, counts=counts))

    def _confirm(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        rows = [
            {
                "c": outcome.course_id,
                "u": outcome.change.user_id,
                "r": outcome.change.role.value,
                "d": Drift.ELSEWHERE if outcome.is_in_vain else Drift.NONE,
            }
            for outcome in outcomes
            if (outcome.done or outcome.is_in_vain) and isinstance(outcome.change, EnrolmentChange)
        ]
        if rows:
            table = OwnedEnrolment.__table__
            session.connection().execute(
                update(OwnedEnrolment)
                .where(
                    table.c.moodle_id == self._moodle_id,
                    table.c.course_id == bindparam("c"),
                    table.c.user_id == bindparam("u"),
                    table.c.role == bindparam("r"),
                )
                .values(pending=False, drift=bindparam("d"), written_at=self._clock()),
                rows,
            )

    def _forget_refused(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        """Give up rows that Moodle refused to make: who is enrolled there later was not enrolled by us."""
        for outcome in outcomes:
            change = outcome.change
            if isinstance(change, EnrolmentChange) and change.kind is Kind.ENROL and outcome.certain_failure:
                session.execute(
                    delete(OwnedEnrolment).where(
                        OwnedEnrolment.moodle_id == self._moodle_id,
                        OwnedEnrolment.course_id == outcome.course_id,
                        OwnedEnrolment.user_id == change.user_id,
                        OwnedEnrolment.role == change.role.value,
                        OwnedEnrolment.pending,
                    )
                )

    def _tie_courses(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        """Tie intakes to courses made or found, unless somebody has tied them, or the course, meanwhile."""
        for outcome in outcomes:
            change = outcome.change
            if not isinstance(change, CourseChange) or outcome.course_id is None:
                continue
            tie_course_of_night(
                session,
                intake_id=self._intake_ids[change.course.key],
                known=change.course.course_id,
                course_id=outcome.course_id,
            )

    def expect(self, plan: ChangePlan) -> None:
        """Count on the changes of a further plan, besides those that were recorded."""
        for kind, number in plan.counts().items():
            count = self.counts.setdefault(kind.value, {"planned": 0, "done": 0, "failed": 0})
            count["planned"] = count["done"] + count["failed"] + number
        self._total = self._done + len(plan)
        with self._database.transaction() as session:
            session.execute(
                update(SyncRun)
                .where(SyncRun.id == self._run_id)
                .values(steps_total=self._total, counts={key: dict(value) for key, value in self.counts.items()})
            )

    def _tie_new_users(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        """Remember whose the accounts are that were made, unless a launch has tied them meanwhile."""
        for outcome in outcomes:
            change, account = outcome.change, outcome.account
            if isinstance(change, UserChange) and account is not None:
                tie_new_user(session, self._moodle_id, change.person_key, account, now=self._clock())

    def _change_row(self, outcome: Outcome) -> dict[str, Any]:
        return {
            "run_id": self._run_id,
            "kind": outcome.change.kind.value,
            "target": outcome.change.target[:300],
            "reason": str(outcome.change.reason)[:40] or None,
            "failed": not outcome.done,
            "errorcode": outcome.errorcode[:100] or None,
            "message": outcome.message or None,
            "remedy": outcome.remedy or None,
            "at": self._clock(),
        }


def tie_course_of_night(session: Session, *, intake_id: int, known: int | None, course_id: int) -> None:
    """Tie an intake to its course, if it still is tied as it was when the run read it (``known``).

    A course that another intake holds is left to it: the unique index would refuse a second one.
    """
    intake = session.get_one(Intake, intake_id, with_for_update=True, populate_existing=True)
    if intake.course_id != known or intake.course_id == course_id:
        return
    held = session.scalar(select(Intake.id).where(Intake.moodle_id == intake.moodle_id, Intake.course_id == course_id))
    if held is not None:
        return
    intake.course_id, intake.course_tied_by = course_id, TIED_BY_NIGHT
    if known is not None:  # it was made anew, or came back: those who share it come along
        session.execute(
            update(Intake)
            .where(Intake.moodle_id == intake.moodle_id, Intake.course_id == known)
            .values(course_id=course_id)
        )
