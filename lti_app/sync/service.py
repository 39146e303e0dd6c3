"""What administrators see and decide about the night: runs, failures, held plans."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from lti_app.core import audit
from lti_app.core.errors import Conflict, NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.lti.models import Moodle
from lti_app.sync import lock
from lti_app.sync.models import HeldPlan, PlanState, RunStatus, SyncChange, SyncLock, SyncRun
from lti_app.sync.starting import DIED
from moodle_sync.plan import ChangePlan, Kind


@dataclass(frozen=True)
class RunDetail:
    """Hold one run with a page of its changes, failed ones first."""

    run: SyncRun
    changes: list[SyncChange]
    changes_total: int
    failures_total: int


def _is_theirs(moodle_id: InstrumentedAttribute[int], actor: Actor) -> ColumnElement[bool]:
    """Limit a query to the Moodle that ``actor`` came from; the command line came from none and sees all."""
    return true() if actor.moodle_id is None else moodle_id == actor.moodle_id


def _runs(actor: Actor) -> Select[SyncRun, SyncLock]:
    """Select the runs that ``actor`` may see, each with its Moodle's lock as it was at the same moment."""
    return (
        select(SyncRun, SyncLock)
        .outerjoin(SyncLock, SyncLock.moodle_id == SyncRun.moodle_id)
        .where(_is_theirs(SyncRun.moodle_id, actor))
        .options(joinedload(SyncRun.moodle))
    )


def _as_it_stands(session: Session, run: SyncRun, held: SyncLock | None, now: datetime) -> SyncRun:
    """Show a run as broken off whose process is gone, for nobody would end it; the next run puts that down."""
    if run.status is RunStatus.RUNNING and (held is None or lock.is_dead(held.holder, held.beat_at, now)):
        session.expunge(run)  # what is shown here is not to be written
        run.status, run.error = RunStatus.INTERRUPTED, DIED
    return run


def recent_runs(session: Session, *, actor: Actor, now: datetime, limit: int = 20) -> list[SyncRun]:
    """Return the newest runs that ``actor`` may see, newest first."""
    rows = session.execute(_runs(actor).order_by(SyncRun.started_at.desc(), SyncRun.id.desc()).limit(limit)).all()
    return [_as_it_stands(session, run, held, now) for run, held in rows]


def run_detail(
    session: Session,
    run_id: int,
    *,
    actor: Actor,
    now: datetime,
    only_failed: bool = False,
    offset: int = 0,
    limit: int = 50,
) -> RunDetail:
    """Return a run and a page of its changes. Raises NotFound, also for a run of another Moodle."""
    found = session.execute(_runs(actor).where(SyncRun.id == run_id)).one_or_none()
    if found is None:
        raise NotFound("no_such_run", _l("There is no such run."))
    run = _as_it_stands(session, found[0], found[1], now)
    of_run = SyncChange.run_id == run_id
    total = session.scalar(select(func.count()).select_from(SyncChange).where(of_run)) or 0
    failures = session.scalar(select(func.count()).select_from(SyncChange).where(of_run, SyncChange.failed)) or 0
    query = select(SyncChange).where(of_run).order_by(SyncChange.failed.desc(), SyncChange.id)
    if only_failed:
        query = query.where(SyncChange.failed)
    return RunDetail(run, list(session.scalars(query.offset(offset).limit(limit))), total, failures)


class Planned(NamedTuple):
    """A change that a held plan would make; named as in ``SyncChange``."""

    kind: str
    target: str
    reason: str | None


def planned_changes(session: Session, run: SyncRun, *, offset: int = 0, limit: int = 50) -> tuple[list[Planned], int]:
    """Return a page of what the plan of a held run would do, suspensions first, and the number of its changes.

    None where nobody keeps the plan: it was never held, or the run is one that only was stopped. One query.
    """
    held = session.scalar(
        select(HeldPlan.plan).where(HeldPlan.moodle_id == run.moodle_id, HeldPlan.plan_id == run.plan_id)
    )
    if held is None:
        return [], 0
    changes = sorted(ChangePlan.from_json(held).changes, key=lambda change: change.kind is not Kind.SUSPEND)
    shown = changes[offset : offset + limit]
    return [Planned(change.kind.value, change.target, change.reason) for change in shown], len(changes)


def decisions_on(session: Session, runs: Collection[SyncRun]) -> dict[int, PlanState]:
    """Return what became of the plans of held runs, by run. One query."""
    held = {run.id: (run.moodle_id, run.plan_id) for run in runs if run.status is RunStatus.HELD and run.plan_id}
    rows = session.execute(
        select(HeldPlan.moodle_id, HeldPlan.plan_id, HeldPlan.state).where(
            HeldPlan.plan_id.in_({plan_id for _moodle_id, plan_id in held.values()})
        )
    )
    states = {(moodle_id, plan_id): state for moodle_id, plan_id, state in rows}
    return {run_id: states[plan] for run_id, plan in held.items() if plan in states}


def failures_of(session: Session, run_id: int) -> list[SyncChange]:
    """Return the failed changes of a run, in the order in which they happened."""
    return list(
        session.scalars(
            select(SyncChange).where(SyncChange.run_id == run_id, SyncChange.failed).order_by(SyncChange.id)
        )
    )


def held_plans(session: Session, *, actor: Actor) -> list[HeldPlan]:
    """Return the plans that ``actor`` may see and that wait for a decision or for their run, oldest first."""
    return list(
        session.scalars(
            select(HeldPlan)
            .options(joinedload(HeldPlan.moodle))
            .where(HeldPlan.state.in_([PlanState.HELD, PlanState.APPROVED]), _is_theirs(HeldPlan.moodle_id, actor))
            .order_by(HeldPlan.created_at)
        )
    )


def moodles(session: Session, *, actor: Actor) -> list[Moodle]:
    """Return the Moodles whose nights ``actor`` may see, by name."""
    return list(session.scalars(select(Moodle).where(_is_theirs(Moodle.id, actor)).order_by(Moodle.name)))


def check_may_start(session: Session, *, moodle_id: int, actor: Actor) -> None:
    """Raise Forbidden or NotFound unless ``actor`` may start a night's work with this Moodle."""
    actor.require(Permission.APPROVE_SYNC)
    if all(moodle.id != moodle_id for moodle in moodles(session, actor=actor)):
        raise NotFound(
            "no_such_moodle",
            _l("There is no such Moodle here."),
            remedy=_l("A Moodle's administrator starts the night's work of that Moodle only."),
        )


def approve_plan(session: Session, *, held_plan_id: int, actor: Actor, now: datetime) -> HeldPlan:
    """Let a held plan be applied by the run that follows, if the world still is as it was.

    Raises Forbidden, NotFound (also for a plan of another Moodle), Conflict (decided or expired meanwhile).
    """
    actor.require(Permission.APPROVE_SYNC)
    held = session.scalar(
        select(HeldPlan)
        .where(HeldPlan.id == held_plan_id, _is_theirs(HeldPlan.moodle_id, actor))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if held is None:
        raise NotFound("no_such_plan", _l("There is no such held plan."))
    if held.state is PlanState.APPROVED:
        return held
    if held.state is not PlanState.HELD:
        raise Conflict(
            "plan_not_held",
            _l("This plan no longer waits for approval: it was applied, or Moodle has changed since."),
            remedy=_l("Look at the newest run; start a new one if needed."),
        )
    held.state, held.approved_at, held.approved_by = PlanState.APPROVED, now, actor.name
    audit.record(session, actor=actor, now=now, action="approve_plan", on=held, changes={"plan": [None, held.plan_id]})
    return held


def held_plan_named(session: Session, plan: str, *, actor: Actor) -> HeldPlan:
    """Return the open held plan whose id begins with ``plan`` (8 characters are enough). Raises NotFound."""
    matches = [held for held in held_plans(session, actor=actor) if len(plan) >= 8 and held.plan_id.startswith(plan)]
    if len(matches) != 1:
        raise NotFound(
            "no_such_plan",
            _l("No held plan is called “%(plan)s”.", plan=plan),
            remedy=_l("`sync status` lists the plans that wait."),
        )
    return matches[0]


def current_locks(session: Session) -> dict[int, SyncLock]:
    """Return the locks that are held, by Moodle."""
    return {lock.moodle_id: lock for lock in session.scalars(select(SyncLock))}


def report(run: SyncRun, failures: Sequence[SyncChange]) -> dict[str, Any]:
    """Return the object that ``sync run --json`` prints (interface.md)."""
    return {
        "plan": run.plan_id,
        "run": run.id,
        "moodle": run.moodle.name,
        "status": run.status.value,
        "counts": run.counts,
        "calls": run.calls,
        "seconds": round(run.seconds, 3),
        "failures": [
            {
                "change": f"{change.kind} {change.target}",
                "errorcode": change.errorcode,
                "message": change.message,
                "remedy": change.remedy,
            }
            for change in failures
        ],
        "held": run.held,
        "notes": run.notes,
        "proposed": run.proposed,
        "scores": run.scores,
        "error": run.error,
    }


EXIT_CODES = {
    RunStatus.DONE: 0,
    RunStatus.FAILED_SOME: 1,
    RunStatus.HELD: 2,
    RunStatus.UNREADABLE: 3,
}
"""Exit codes of ``sync run`` (interface.md); 4, another run holds the lock, makes no run at all."""
