"""What differs between a run and the one before it against the same Moodle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import ScalarSelect, Select, func, intersect, select
from sqlalchemy.orm import Session

from lti_app.sync.models import RunStatus, SyncChange, SyncRun

CARRIED_OUT = (RunStatus.DONE, RunStatus.FAILED_SOME)
COMPARED = (*CARRIED_OUT, RunStatus.HELD)
"""Runs that had a plan; others say nothing about what there was to do."""


class Count(NamedTuple):
    """How many changes of a kind the plan had, in the run before and now."""

    kind: str
    before: int
    now: int


class Failures(NamedTuple):
    """Changes that failed now only, in both runs, and in the run before only; the same is kind and target."""

    new: int
    same: int
    gone: int


class Difference(NamedTuple):
    """Hold what differs from ``earlier``; ``failures`` is None where one of both runs was held and tried nothing."""

    earlier: SyncRun
    counts: list[Count]
    failures: Failures | None
    notes: list[Any]
    """As in ``SyncRun.notes``: those that the earlier run did not have."""


def difference_from_earlier(session: Session, run: SyncRun) -> Difference | None:
    """Return what differs from the last run before that had a plan; None for the first, and for one without a plan.

    Rehearsals leave no run, so none is compared.
    """
    if run.status not in COMPARED:
        return None
    earlier = session.scalar(
        select(SyncRun)
        .where(
            SyncRun.moodle_id == run.moodle_id,
            SyncRun.started_at <= run.started_at,
            SyncRun.id < run.id,
            SyncRun.status.in_(COMPARED),
        )
        .order_by(SyncRun.started_at.desc(), SyncRun.id.desc())
        .limit(1)
    )
    if earlier is None:
        return None
    tried = run.status in CARRIED_OUT and earlier.status in CARRIED_OUT
    known = {_note_key(note) for note in earlier.notes}
    return Difference(
        earlier,
        _counts(earlier.counts, run.counts),
        _failures(session, earlier.id, run.id) if tried else None,
        [note for note in run.notes if _note_key(note) not in known],
    )


def _counts(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Count]:
    kinds = dict.fromkeys((*now, *before))
    found = (Count(kind, _planned(before, kind), _planned(now, kind)) for kind in kinds)
    return [count for count in found if count.before != count.now]


def _planned(counts: Mapping[str, Any], kind: str) -> int:
    return int(counts.get(kind, {}).get("planned", 0))


def _note_key(note: Any) -> tuple[Any, ...]:
    """Say what a note is about: how it is worded may change from night to night."""
    return (note.get("code"), note.get("course_key"), note.get("subject")) if isinstance(note, dict) else (note,)


def _failures(session: Session, earlier_id: int, run_id: int) -> Failures:
    before, now = _failed(earlier_id), _failed(run_id)
    row = session.execute(
        select(_number(select(before.subquery())), _number(select(now.subquery())), _number(_both(before, now)))
    ).one()
    then, since, same = row
    return Failures(since - same, same, then - same)


def _failed(run_id: int) -> Select[str, str]:
    return select(SyncChange.kind, SyncChange.target).where(SyncChange.run_id == run_id, SyncChange.failed).distinct()


def _both(before: Select[str, str], now: Select[str, str]) -> Select[Any]:
    return select(intersect(before, now).subquery())


def _number(rows: Select[Any]) -> ScalarSelect[int]:
    return select(func.count()).select_from(rows.subquery()).scalar_subquery()
