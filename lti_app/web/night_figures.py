"""Figures of each Moodle's nights for Prometheus, read from the database in four queries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.lti.models import Moodle
from lti_app.people.models import PersonQuestion
from lti_app.sync.models import HeldPlan, PlanState, RunStatus, SyncLock, SyncRun

OUTCOMES = ("planned", "done", "failed")


def night_figures(session: Session, at: datetime) -> Iterator[GaugeMetricFamily]:
    """Yield the figures as of ``at``; durations are seconds, moments Unix time."""
    yield from _moodles(session, at)
    yield from _finished_runs(session)


def _family(name: str, says: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"ploshchadka_{name}", says, labels=["moodle", *labels])


def _moodles(session: Session, at: datetime) -> Iterator[GaugeMetricFamily]:
    stopped = _family("exchange_stopped", "1 while the exchange is stopped")
    held = _family("plan_held", "Plans of this Moodle that wait for an administrator")
    questions = _family("open_questions", "People whom the night can't find for certain")
    since_good = _family("seconds_since_good_run", "Since the last run that did all; without one since it was added")
    lock_age = _family("lock_seconds", "How long the run under way has held the lock; 0 without one")
    heartbeat = _family("lock_heartbeat_seconds", "Since the run under way last showed that it lives; 0 without one")
    held_counts = dict(
        session.execute(
            select(HeldPlan.moodle_id, func.count())
            .where(HeldPlan.state == PlanState.HELD)
            .group_by(HeldPlan.moodle_id)
        ).all()
    )
    question_counts = dict(
        session.execute(
            select(PersonQuestion.moodle_id, func.count())
            .where(PersonQuestion.closed_at.is_(None), PersonQuestion.decided_at.is_(None))
            .group_by(PersonQuestion.moodle_id)
        ).all()
    )
    good = (
        select(SyncRun.moodle_id, func.max(SyncRun.finished_at).label("at"))
        .where(SyncRun.status == RunStatus.DONE)
        .group_by(SyncRun.moodle_id)
        .subquery()
    )
    rows = session.execute(
        select(Moodle, good.c.at, SyncLock)
        .outerjoin(good, good.c.moodle_id == Moodle.id)
        .outerjoin(SyncLock, SyncLock.moodle_id == Moodle.id)
        .order_by(Moodle.id)
    )
    for moodle, good_at, lock in rows:
        name = [moodle.name]
        stopped.add_metric(name, float(moodle.stopped_at is not None))
        held.add_metric(name, held_counts.get(moodle.id, 0))
        questions.add_metric(name, question_counts.get(moodle.id, 0))
        since_good.add_metric(name, (at - (good_at or moodle.created_at)).total_seconds())
        lock_age.add_metric(name, (at - lock.taken_at).total_seconds() if lock else 0.0)
        heartbeat.add_metric(name, (at - lock.beat_at).total_seconds() if lock else 0.0)
    yield from (stopped, held, questions, since_good, lock_age, heartbeat)


def _finished_runs(session: Session) -> Iterator[GaugeMetricFamily]:
    finished = _family("last_finished_run_ended", "Unix time at which the newest finished run ended")
    seconds = _family("last_finished_run_seconds", "How long it took")
    calls = _family("last_finished_run_calls", "Its calls to Moodle")
    status = _family("last_finished_run_status", "1 for its state", "status")
    changes = _family("last_finished_run_changes", "Its changes", "kind", "outcome")
    newest = (
        select(func.max(SyncRun.id).label("id"))
        .where(SyncRun.finished_at.is_not(None))
        .group_by(SyncRun.moodle_id)
        .subquery()
    )
    rows = session.execute(
        select(Moodle.name, SyncRun)
        .join(SyncRun, SyncRun.moodle_id == Moodle.id)
        .join(newest, newest.c.id == SyncRun.id)
    )
    for name, run in rows:
        if run.finished_at is not None:
            finished.add_metric([name], run.finished_at.timestamp())
        seconds.add_metric([name], run.seconds)
        calls.add_metric([name], run.calls)
        for one in RunStatus:
            if one is not RunStatus.RUNNING:
                status.add_metric([name, one.value], float(run.status is one))
        for kind, numbers in sorted(run.counts.items()):
            for outcome in OUTCOMES:
                changes.add_metric([name, kind, outcome], numbers.get(outcome, 0))
    yield from (finished, seconds, calls, status, changes)
