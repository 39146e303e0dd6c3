"""When something is wrong: stop a Moodle's nights, let them go on, break a lock."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete
from sqlalchemy.orm import Session

from lti_app.core import audit
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.permissions import Actor
from lti_app.lti.models import Moodle
from lti_app.sync.models import SyncLock
from lti_app.sync.service import check_may_start

LONGEST_REASON = 300


def stop_nights(session: Session, *, moodle_id: int, reason: str, actor: Actor, now: datetime) -> Moodle:
    """Let no night write to a Moodle until ``resume_nights``; a run under way ends before its next write.

    Nights go on reading and say what they would do. Raises Forbidden, NotFound (also for another Moodle), DomainError
    without a reason, Conflict where they are stopped already.
    """
    moodle = _locked(session, moodle_id, actor)
    words = " ".join(reason.split())
    if not words or len(words) > LONGEST_REASON:
        raise DomainError(
            "reason_needed",
            _l("Say why the exchange is stopped, in %(most)s characters at most.", most=LONGEST_REASON),
            remedy=_l("Others read it and decide by it when to let the exchange go on."),
        )
    if moodle.stopped_at is not None:
        raise Conflict(
            "stopped_already",
            _l("The exchange with this Moodle is stopped already."),
            remedy=_l("The page of runs says by whom and why, and so does `sync status` on the server."),
        )
    moodle.stopped_at, moodle.stopped_by, moodle.stopped_why = now, actor.name, words
    session.execute(delete(SyncLock).where(SyncLock.moodle_id == moodle_id))
    audit.record(session, actor=actor, now=now, action="stop_nights", on=moodle, changes={"stopped_why": [None, words]})
    return moodle


def resume_nights(session: Session, *, moodle_id: int, actor: Actor, now: datetime) -> bool:
    """Let nights write to a Moodle again; tell whether they might not. Raises Forbidden, NotFound."""
    moodle = _locked(session, moodle_id, actor)
    if moodle.stopped_at is None:
        return False
    before = moodle.stopped_why
    moodle.stopped_at = moodle.stopped_by = moodle.stopped_why = None
    audit.record(
        session, actor=actor, now=now, action="resume_nights", on=moodle, changes={"stopped_why": [before, None]}
    )
    return True


def break_lock(session: Session, *, moodle_id: int, actor: Actor, now: datetime) -> str:
    """Take the lock away from the run that holds it; return which run that was.

    If that run lives, it ends before its next write. Raises Forbidden, NotFound, Conflict where nobody holds it.
    """
    moodle = _locked(session, moodle_id, actor)
    lock = session.get(SyncLock, moodle_id, with_for_update=True)
    if lock is None:
        raise Conflict(
            "no_lock",
            _l("No run holds the lock of this Moodle."),
            remedy=_l("Nothing is in the way of the next run."),
        )
    holder = lock.holder
    session.delete(lock)
    audit.record(session, actor=actor, now=now, action="break_lock", on=moodle, changes={"lock": [holder, None]})
    return holder


def _locked(session: Session, moodle_id: int, actor: Actor) -> Moodle:
    check_may_start(session, moodle_id=moodle_id, actor=actor)
    return session.get_one(Moodle, moodle_id, with_for_update={"key_share": True}, populate_existing=True)
