"""What administrators are told of the nights by mail, when, and who they are.

One look at the newest run that ended decides; keys in the outbox remember what was told, so that any number of
processes may look as often as they like.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.settings import Settings
from lti_app.core.mail import MAIL
from lti_app.core.outbox import OutboxMessage, enqueue
from lti_app.core.permissions import Role
from lti_app.lti.models import Moodle
from lti_app.people.models import MoodleAccount, Person, RoleGrant
from lti_app.sync.models import HeldPlan, PlanState, RunStatus, SyncRun
from lti_app.sync.service import failures_of

ABOUT = "night"
"""The composer of these mails (``lti_app.core.mail``)."""
SILENCE = timedelta(hours=26)
"""Without a run that ended for so long, a Moodle's nights don't run."""
REMIND_AFTER = timedelta(days=3)
"""A plan that still waits is told again."""
REPEAT_AFTER = timedelta(days=7)
"""The same failures night after night are told again."""
HELD, TROUBLE, SILENT, AGAIN = "held", "trouble", "silent", "again"


def watch_nights(session: Session, settings: Settings, now: datetime) -> None:
    """Queue a mail to each administrator of each Moodle whose nights need one; nothing without ``SMTP_URL``."""
    if not settings.smtp_url:
        return
    for moodle in session.scalars(select(Moodle).where(Moodle.stopped_at.is_(None)).order_by(Moodle.id)):
        _watch(session, settings, moodle, now)


def recipients(session: Session, settings: Settings, moodle_id: int) -> dict[str, str]:
    """Return the addresses of those to be told of a Moodle's nights, by a token that is no personal data."""
    rows = session.execute(
        select(Person.id, Person.email)
        .join(MoodleAccount, MoodleAccount.person_id == Person.id)
        .join(
            RoleGrant,
            (RoleGrant.moodle_id == MoodleAccount.moodle_id) & (RoleGrant.user_id == MoodleAccount.user_id),
        )
        .where(
            RoleGrant.moodle_id == moodle_id,
            RoleGrant.role == Role.ADMINISTRATOR,
            Person.email.is_not(None),
        )
        .order_by(Person.id)
    )
    found = {f"person-{person_id}": str(email) for person_id, email in rows}
    known = {email.lower() for email in found.values()}
    for address in settings.admin_mail:
        if address.lower() not in known:
            found[f"setting-{_digest(address.lower())}"] = address
    return found


def _watch(session: Session, settings: Settings, moodle: Moodle, now: datetime) -> None:
    ended = session.scalar(
        select(SyncRun)
        .where(SyncRun.moodle_id == moodle.id, SyncRun.finished_at.is_not(None))
        .order_by(SyncRun.id.desc())
        .limit(1)
    )
    since = ended.finished_at if ended is not None and ended.finished_at is not None else moodle.created_at
    run_id = ended.id if ended is not None else 0
    occasion: tuple[str, str, datetime] | None = None
    if now - since > SILENCE:
        occasion = SILENT, f"after-{run_id}", moodle.created_at
    elif ended is not None:
        occasion = _occasion(session, ended, now)
    if occasion is None:
        return
    kind, what, not_since = occasion
    stem = f"mail:night:{moodle.id}:{kind}:{what}:"
    if _told_at(session, stem, not_since):
        return
    for token in recipients(session, settings, moodle.id):
        key = f"{stem}{run_id}:{token}" if kind != HELD else f"{stem}{run_id}:{now.date()}:{token}"
        payload: dict[str, Any] = {
            "key": key,
            "about": ABOUT,
            "kind": kind,
            "moodle_id": moodle.id,
            "run_id": run_id,
            "to": token,
        }
        enqueue(session, kind=MAIL, key=key, payload=payload, now=now)


def _occasion(session: Session, run: SyncRun, now: datetime) -> tuple[str, str, datetime] | None:
    """Return kind, what exactly, and since when that must not have been told; None where there is nothing to tell."""
    match run.status:
        case RunStatus.HELD:
            plan = session.scalar(
                select(HeldPlan).where(
                    HeldPlan.moodle_id == run.moodle_id,
                    HeldPlan.plan_id == run.plan_id,
                    HeldPlan.state == PlanState.HELD,
                )
            )
            if plan is None:
                return None
            return HELD, f"{plan.id}", max(plan.created_at, now - REMIND_AFTER)
        case RunStatus.DONE:
            told = _told_at(session, f"mail:night:{run.moodle_id}:{TROUBLE}:")
            silent = _told_at(session, f"mail:night:{run.moodle_id}:{SILENT}:")
            again = _told_at(session, f"mail:night:{run.moodle_id}:{AGAIN}:")
            newest = max((moment for moment in (told, silent) if moment is not None), default=None)
            if newest is None or (again is not None and again >= newest):
                return None
            return AGAIN, f"{run.id}", newest
        case _:
            good = session.scalar(
                select(func.max(SyncRun.finished_at)).where(
                    SyncRun.moodle_id == run.moodle_id, SyncRun.status == RunStatus.DONE
                )
            )
            since = now - REPEAT_AFTER
            return TROUBLE, _fault(session, run), max(since, good) if good is not None else since


def _fault(session: Session, run: SyncRun) -> str:
    """Return what tells these failures from others, and is the same while they stay."""
    rows = sorted(f"{change.kind} {change.target} {change.errorcode}" for change in failures_of(session, run.id))
    return _digest("\n".join([run.status.value, run.error or "", *rows]))


def _told_at(session: Session, stem: str, since: datetime | None = None) -> datetime | None:
    """Return when something whose key begins with ``stem`` was told last, after ``since``."""
    query = select(func.max(OutboxMessage.created_at)).where(OutboxMessage.key.startswith(stem, autoescape=True))
    if since is not None:
        query = query.where(OutboxMessage.created_at >= since)
    return session.scalar(query)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
