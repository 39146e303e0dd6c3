"""One night's work with one Moodle: read, plan, guard, apply, read progress, propose credits, deliver."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.edge import Tool
from lti_app.core.outbox import deliver_due, retry_waiting
from lti_app.credits.outstanding import queue_for_new_links, undelivered_scores
from lti_app.credits.scores import count_hours_in_columns
from lti_app.credits.service import SCORE, propose_credits, put_forward_since
from lti_app.lti.models import Moodle
from lti_app.meetings.service import close_ended
from lti_app.sync import lock, parts
from lti_app.sync.accounts import account_notes, keep_accounts, remember_matches
from lti_app.sync.assignments import read_product_grades
from lti_app.sync.completion import read_completion
from lti_app.sync.desired import Scope
from lti_app.sync.events import forget_past_events, put_events
from lti_app.sync.journal import Progress, RunJournal, tie_course_of_night
from lti_app.sync.looking import Seen, look, plan_for
from lti_app.sync.models import HeldPlan, OwnedEnrolment, PlanState, RunStatus, SyncRun
from lti_app.sync.outsiders import keep_outsiders
from lti_app.sync.questions import keep_questions, settled_notes
from lti_app.sync.rosters import remember_rosters
from lti_app.sync.scores import retry_refused
from lti_app.sync.service import failures_of, report
from lti_app.sync.starting import Started, start
from moodle_sync.apply import apply_plan
from moodle_sync.client import MoodleClient
from moodle_sync.errors import CannotReadWhole
from moodle_sync.functions import PHP_DEFAULT_FIELDS
from moodle_sync.guard import Reason, Verdict
from moodle_sync.new_users import make_users
from moodle_sync.plan import ChangePlan, Kind, Note
from moodle_sync.roster import Observed, Owned, Role

log = logging.getLogger(__name__)

BROKE_OFF = "the run broke off; see the log"
"""What is said of a run that something unexpected ended, behind the name of the error."""
NOT_THE_APPROVED = "not_the_approved"
"""Why a plan is held that the guard would let pass, as a code of ``moodle_sync.guard.Reason``."""


def quiet(_phase: str, _done: int, _total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class NightResult:
    """Say how a run ended, and hold the object that ``sync run --json`` prints."""

    status: RunStatus
    report: dict[str, Any]


def client_for(tool: Tool, moodle: Moodle) -> MoodleClient:
    """Return a client of this Moodle's web services; the caller closes it. Raises VaultError."""
    fields = moodle.max_input_vars or PHP_DEFAULT_FIELDS
    return MoodleClient(moodle.url, tool.vault.open(moodle.token_encrypted), max_input_vars=fields)


def run_night(
    tool: Tool,
    moodle_id: int,
    *,
    approve: bool = False,
    dry_run: bool = False,
    only_plan: str | None = None,
    progress: Progress = quiet,
    call_helpers: parts.CallHelpers | None = None,
) -> NightResult:
    """Do one night's work with a Moodle now.

    ``approve`` applies also what the guard would hold; ``dry_run`` reads and plans and changes nothing anywhere;
    ``only_plan`` applies the plan with this id and holds any other; ``call_helpers`` lets other processes carry out
    parts of the plan.
    Raises lock.LockHeld where another run is under way.
    """
    if dry_run:
        moodle = _moodle(tool, moodle_id)
        with client_for(tool, moodle) as client:
            return _rehearse(tool, moodle, client, progress)
    return carry_out(
        tool,
        start(tool, moodle_id),
        approve=approve,
        only_plan=only_plan,
        progress=progress,
        call_helpers=call_helpers,
    )


def carry_out(
    tool: Tool,
    started: Started,
    *,
    approve: bool = False,
    only_plan: str | None = None,
    progress: Progress = quiet,
    call_helpers: parts.CallHelpers | None = None,
) -> NightResult:
    """Do the work of a run that was started, as ``run_night`` does, and give the lock back.

    Whatever happens, the run's row says how it ended. Raises VaultError where the token can't be opened.
    """
    with started.heart as heart:
        moodle = _moodle(tool, started.run.moodle_id)
        return _Night(
            tool,
            moodle,
            started.run,
            heart=heart,
            approve=approve,
            only_plan=only_plan,
            progress=progress,
            call_helpers=call_helpers,
        ).run()


def _moodle(tool: Tool, moodle_id: int) -> Moodle:
    with tool.database.session(writes=False) as session:
        return session.get_one(Moodle, moodle_id)


def _rehearse(tool: Tool, moodle: Moodle, client: MoodleClient, progress: Progress) -> NightResult:
    began = time.monotonic()
    run = SyncRun(moodle=moodle, status=RunStatus.DONE, counts={}, held=[], notes=[], proposed={}, calls=0, seconds=0.0)
    try:
        seen, plan, verdict = look(tool, moodle, client, progress)
    except CannotReadWhole as error:
        run.status, run.error = RunStatus.UNREADABLE, f"{error} {error.remedy}"
    else:
        with tool.database.session(writes=False) as session:
            notes = account_notes(session, moodle.id, seen.looked, seen.scope.desired)
            _describe(run, plan, verdict, settled_notes(session, moodle.id, [*plan.notes, *notes]))
        if verdict.held:
            run.status = RunStatus.HELD
    run.calls, run.seconds = client.calls, time.monotonic() - began
    with tool.database.session(writes=False) as session:
        run.scores = asdict(undelivered_scores(session, moodle.id))
    return NightResult(run.status, {**report(run, []), "dry_run": True})


def _stop_reason(moodle: Moodle) -> dict[str, Any]:
    """Return why nothing is written, in the form of the guard's reasons."""
    text = f"stopped by {moodle.stopped_by}: {moodle.stopped_why}"
    return Reason("stopped", "", 0, 0, text)._asdict()


def _describe(run: SyncRun, plan: ChangePlan, verdict: Verdict, notes: Sequence[Note]) -> None:
    run.plan_id = plan.id
    run.counts = {kind.value: {"planned": number, "done": 0, "failed": 0} for kind, number in plan.counts().items()}
    run.held = [reason._asdict() for reason in verdict.reasons]
    run.notes = [note._asdict() for note in notes]
    run.steps_total, run.steps_done = len(plan), 0


class _Night:
    """Carry one run through its phases, keeping its row up to date."""

    def __init__(
        self,
        tool: Tool,
        moodle: Moodle,
        run_row: SyncRun,
        *,
        heart: lock.Heart,
        approve: bool,
        only_plan: str | None,
        progress: Progress,
        call_helpers: parts.CallHelpers | None,
    ) -> None:
        self.tool, self.moodle, self.run_row = tool, moodle, run_row
        self.database: Database = tool.database
        self.heart, self.approve, self.progress = heart, approve, progress
        self.only_plan, self.call_helpers = only_plan, call_helpers
        self.began = time.monotonic()
        self.calls = 0

    def run(self) -> NightResult:
        """Do all phases; whatever happens, the run's row says how it ended."""
        try:
            with client_for(self.tool, self.moodle) as self.client:
                try:
                    status, error = self._work(), None
                finally:
                    self.calls = self.client.calls
        except CannotReadWhole as refusal:
            status, error = RunStatus.UNREADABLE, f"{refusal} {refusal.remedy}"
        except lock.LockLost:
            status, error = RunStatus.INTERRUPTED, self._why_lost()
        except BaseException as failure:
            self._finish(RunStatus.INTERRUPTED, f"{type(failure).__name__}: {BROKE_OFF}")
            raise
        return self._finish(status, error)

    def _why_lost(self) -> str:
        with self.database.session(writes=False) as session:
            moodle = session.get_one(Moodle, self.moodle.id)
        if moodle.stopped_at is not None:
            return str(_stop_reason(moodle)["text"])
        return "the lock was taken by another run, or broken"

    def _work(self) -> RunStatus:
        self._phase("reading")
        seen, plan, verdict = look(self.tool, self.moodle, self.client, self.progress)
        verdict = self._held_unless_approved(plan, verdict)
        with self.database.transaction() as session:
            # The Moodle's row before the lock's, and questions before accounts, as stops and decisions take them.
            moodle = session.get_one(Moodle, self.moodle.id, with_for_update={"key_share": True})
            self.heart.verify(session)
            run = session.get_one(SyncRun, self.run_row.id)
            keep_questions(session, moodle.id, seen.observed, now=self.tool.clock())
            self._remember_matches(session, seen.scope, seen.observed)
            _describe(run, plan, verdict, self._keep_people(session, seen, plan))
            seen = seen.without_accounts()
            run.phase = "writing"
            if moodle.stopped_at is not None:
                run.held = [_stop_reason(moodle), *run.held]
            approved = moodle.stopped_at is None and self._decide(session, plan, verdict)
            if approved and plan and moodle.trusted_at is None:
                moodle.trusted_at = self.tool.clock()
            remember_rosters(
                session,
                self.moodle.id,
                seen.observed,
                except_for=plan.course_ids if approved else (),
                now=self.tool.clock(),
            )
        status = RunStatus.DONE
        if approved:
            failed = self._apply(seen, plan)
            status = RunStatus.FAILED_SOME if failed else RunStatus.DONE
            self._close_plan(plan)
        else:
            status = RunStatus.HELD
        self._read_completion()
        self.heart.check()
        keep_outsiders(self.tool, self.moodle, self.client, seen)
        self._follow_up()
        return status

    def _held_unless_approved(self, plan: ChangePlan, verdict: Verdict) -> Verdict:
        """Hold whatever isn't the plan that was approved for this run: nobody has seen this one."""
        if self.only_plan in (None, plan.id) or not len(plan):
            return verdict
        return Verdict((*verdict.reasons, Reason(NOT_THE_APPROVED, "", 0, 0, "another plan was approved")))

    def _decide(self, session: Session, plan: ChangePlan, verdict: Verdict) -> bool:
        """Tell whether the plan may be applied; keep a held one for a person, and expire those the world outran."""
        now = self.tool.clock()
        waiting = session.scalars(
            select(HeldPlan).where(
                HeldPlan.moodle_id == self.moodle.id, HeldPlan.state.in_([PlanState.HELD, PlanState.APPROVED])
            )
        ).all()
        same = next((held for held in waiting if held.plan_id == plan.id), None)
        for held in waiting:
            if held is not same:
                held.state, held.closed_at = PlanState.EXPIRED, now
        if not verdict.held or self.approve or (same is not None and same.state is PlanState.APPROVED):
            return True
        if same is None:
            earlier = session.scalar(
                select(HeldPlan).where(HeldPlan.moodle_id == self.moodle.id, HeldPlan.plan_id == plan.id)
            )
            held = earlier or HeldPlan(moodle_id=self.moodle.id, plan_id=plan.id)
            held.run_id, held.state, held.created_at, held.closed_at = self.run_row.id, PlanState.HELD, now, None
            held.approved_at = held.approved_by = None
            held.reasons, held.plan = [reason._asdict() for reason in verdict.reasons], plan.to_json()
            session.add(held)
        return False

    def _close_plan(self, plan: ChangePlan) -> None:
        with self.database.transaction() as session:
            session.execute(
                update(HeldPlan)
                .where(
                    HeldPlan.moodle_id == self.moodle.id,
                    HeldPlan.plan_id == plan.id,
                    HeldPlan.state.in_([PlanState.HELD, PlanState.APPROVED]),
                )
                .values(state=PlanState.APPLIED, closed_at=self.tool.clock())
            )

    def _remember_matches(self, session: Session, scope: Scope, observed: Observed) -> None:
        """Keep who was found in Moodle, and the courses that were found by their idnumber, also under a new id."""
        remember_matches(session, self.moodle, observed, now=self.tool.clock())
        for course in scope.desired.courses:
            present = observed.courses.get(course.key)
            if course.managed and present is not None and present.idnumber == course.key:
                tie_course_of_night(
                    session,
                    intake_id=scope.intake_ids[course.key],
                    known=course.course_id,
                    course_id=present.course_id,
                )

    def _keep_people(self, session: Session, seen: Seen, plan: ChangePlan) -> list[Note]:
        """Keep what Moodle says of people; return the run's notes."""
        now, moodle_id, desired = self.tool.clock(), self.moodle.id, seen.scope.desired
        merged = keep_accounts(session, moodle_id, seen.looked, desired, now=now)
        amiss = account_notes(session, moodle_id, seen.looked, desired)
        return settled_notes(session, moodle_id, [*plan.notes, *merged, *amiss])

    def _apply(self, seen: Seen, plan: ChangePlan) -> bool:
        """Carry the plan out; return whether something failed."""
        self.progress("writing", 0, len(plan))
        journal = RunJournal(
            self.database,
            self.run_row,
            plan,
            seen.scope.intake_ids,
            heart=self.heart,
            clock=self.tool.clock,
            progress=self.progress,
        )
        if made := make_users(self.client, plan, seen.looked.new, journal):
            observed = seen.observed
            seen = replace(seen, observed=observed._replace(users={**observed.users, **made}))
        if plan.counts().get(Kind.CREATE_USER):
            # The same world, but for the new users: what was approved follows from it, and their enrolments.
            plan = plan_for(self.tool, replace(seen, looked=replace(seen.looked, new={})))
            journal.expect(plan)
        self._remember_seen(plan, seen.scope.events.since)
        if self.call_helpers is not None and len(parts.parts_of(plan)) > 1:
            failed = parts.carry_out(
                self.tool,
                self.client,
                self.moodle,
                self.run_row,
                plan,
                rosters=seen.observed.rosters,
                address=seen.scope.events.address,
                heart=self.heart,
                call_helpers=self.call_helpers,
            )
            return failed > 0
        roles = {Role.TRAINEE: self.moodle.trainee_role_id, Role.LEADER: self.moodle.leader_role_id}
        apply_plan(
            self.client,
            plan,
            journal,
            role_ids=roles,
            now=int(self.tool.clock().timestamp()),
            rosters=seen.observed.rosters,
            address=seen.scope.events.address,
        )
        return any(count["failed"] for count in journal.counts.values())

    def _remember_seen(self, plan: ChangePlan, since: int) -> None:
        """Forget rows of people who are in their courses no more: whoever is enrolled there later is not ours.

        Keep of the others what a person in Moodle made of them, and the events as they are; those before ``since``
        (Unix seconds) are forgotten.
        """
        with self.database.transaction() as session:
            self.heart.verify(session)
            for row in plan.gone:
                session.execute(delete(OwnedEnrolment).where(*self._is_row(row)))
            for row in plan.seen:
                session.execute(update(OwnedEnrolment).where(*self._is_row(row)).values(drift=row.drift))
            put_events(session, self.moodle.id, plan.events, self.tool.clock())
            forget_past_events(session, self.moodle.id, since)

    def _is_row(self, row: Owned) -> list[ColumnElement[bool]]:
        return [
            OwnedEnrolment.moodle_id == self.moodle.id,
            OwnedEnrolment.course_id == row.course_id,
            OwnedEnrolment.user_id == row.user_id,
            OwnedEnrolment.role == row.role.value,
        ]

    def _read_completion(self) -> None:
        self._phase("progress")
        read = read_completion(self.tool, self.moodle, self.client, heart=self.heart, progress=self.progress)
        read_product_grades(self.tool, self.moodle, self.client, read, heart=self.heart)

    def _follow_up(self) -> None:
        """Close stays of meetings that ended, propose credits, and deliver what waits for Moodle."""
        self._phase("credits")
        now: datetime = self.tool.clock()
        with self.database.transaction() as session:
            close_ended(session, now=now)
            propose_credits(session, moodle_id=self.moodle.id, now=now)
            proposed = put_forward_since(session, moodle_id=self.moodle.id, since=now)
            session.execute(update(SyncRun).where(SyncRun.id == self.run_row.id).values(proposed=proposed))
            queue_for_new_links(session, moodle_id=self.moodle.id, now=now)
            retry_waiting(session, kind=SCORE, now=now)
            retry_refused(session, moodle_id=self.moodle.id, now=now)
        self._phase("delivery")
        deliver_due(self.database, self.tool.deliverers, self.tool.clock)
        count_hours_in_columns(self.database, self.moodle.id)

    def _phase(self, name: str) -> None:
        self.heart.check()
        self.progress(name, 0, 0)
        with self.database.transaction() as session:
            session.execute(update(SyncRun).where(SyncRun.id == self.run_row.id).values(phase=name))

    def _finish(self, status: RunStatus, error: str | None) -> NightResult:
        with self.database.transaction() as session:
            # Before the run's row is locked: helpers lock their part first, too.
            parts.forget_parts(session, [self.run_row.id])
            run = session.get_one(SyncRun, self.run_row.id)
            run.status, run.error, run.finished_at, run.phase = status, error, self.tool.clock(), ""
            run.calls, run.seconds = (run.calls or 0) + self.calls, time.monotonic() - self.began
            run.scores = asdict(undelivered_scores(session, self.moodle.id))
            return NightResult(status, report(run, failures_of(session, run.id)))
