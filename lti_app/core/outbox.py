"""What must follow a commit: written with it, delivered after it, at least once, under an idempotency key."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, String, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from lti_app.core.clock import Clock
from lti_app.core.db import Base, Database
from lti_app.core.errors import DomainError, described
from lti_app.core.types import UtcDateTime

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)
PATIENT_RETRY = timedelta(hours=1)
"""How long a message waits that nothing has failed for: the database alone is asked whether its time has come."""
GIVE_UP_AFTER = 40
"""Failures after which a message is given up; waiting for the world to be ready is none."""
QUEUED = "outbox_queued"
"""Key in ``Session.info``: something was queued in this session, so delivery may begin after its commit."""


class OutboxMessage(Base):
    """Keep one message to the outside until it is delivered or given up."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        Index(
            "ix_outbox_message_due",
            "next_attempt_at",
            sqlite_where=text("delivered_at IS NULL AND given_up_at IS NULL"),
            postgresql_where=text("delivered_at IS NULL AND given_up_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), comment="which deliverer: score, mail, …")
    key: Mapped[str] = mapped_column(String(200), unique=True, comment="idempotency key")
    payload: Mapped[dict[str, Any]] = mapped_column(comment="what the deliverer needs; ids, no personal data")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="also the end of a worker's lease")
    attempts: Mapped[int] = mapped_column(default=0, comment="leases taken so far: tells one lease from a later one")
    failures: Mapped[int] = mapped_column(default=0, comment="attempts that failed; patient waits are none")
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    given_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(String(500), comment="why it was not delivered; no personal data")


@dataclass(frozen=True)
class Delivered:
    """Say that the message has arrived; ``note`` where it had arrived before."""

    note: str = ""


@dataclass(frozen=True)
class Later:
    """Say that it could not be delivered yet and why; it is tried again.

    ``patient``: nothing has failed, the world isn't ready (nobody opened the course yet); it is never given up.
    """

    reason: str
    patient: bool = False


@dataclass(frozen=True)
class Refused:
    """Say that the other side will never take it, and why."""

    reason: str


@dataclass(frozen=True)
class Needless:
    """Say that there is nothing to deliver this way, and why: it is settled, and nobody has to look at it."""

    reason: str


Outcome = Delivered | Later | Refused | Needless
Deliverer = Callable[[Database, dict[str, Any], datetime], Outcome]
"""Delivers a payload. It opens its own short transactions, so that none is open for writing while it asks the network;
whatever it does must be safe to repeat."""


@dataclass
class DeliveryCounts:
    """Count what one round of delivery did."""

    delivered: int = 0
    later: int = 0
    refused: int = 0


def enqueue(session: Session, *, kind: str, key: str, payload: dict[str, Any], now: datetime) -> OutboxMessage:
    """Add a message to the transaction under way, unless one with this key is there already."""
    known = session.scalar(select(OutboxMessage).where(OutboxMessage.key == key))
    if known is not None:
        return known
    message = OutboxMessage(
        kind=kind, key=key, payload=payload, created_at=now, next_attempt_at=now, attempts=0, failures=0
    )
    session.add(message)
    session.info[QUEUED] = True
    return message


def deliver_due(
    database: Database, deliverers: Mapping[str, Deliverer], clock: Clock, *, limit: int = 500
) -> DeliveryCounts:
    """Deliver what is due, oldest first, each message in transactions of its own.

    A message is leased before it is sent, so that two workers don't send it at once; no transaction is open while the
    deliverer works. Whatever a deliverer raises counts as Later and stops nothing else.
    """
    counts = DeliveryCounts()
    tried: set[int] = set()
    while len(tried) < limit:
        errand = _lease_next(database, deliverers, clock(), tried)
        if errand is None:
            break
        tried.add(errand.message_id)
        outcome = _deliver(database, deliverers[errand.kind], errand, clock())
        _settle(database, errand, outcome, clock(), counts)
    return counts


def retry_waiting(session: Session, *, kind: str, now: datetime) -> int:
    """Make undelivered messages of ``kind`` due now that would wait for longer than a lease; return how many.

    A message due sooner may be on its way just now, in another worker's lease, and comes due by itself if it isn't.
    """
    result = session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.kind == kind,
            OutboxMessage.delivered_at.is_(None),
            OutboxMessage.given_up_at.is_(None),
            OutboxMessage.next_attempt_at > now + LEASE,
        )
        .values(next_attempt_at=now)
    )
    return int(getattr(result, "rowcount", 0))


def retry_given_up(session: Session, *, now: datetime) -> int:
    """Give every message that was given up another chance, as if it had never failed; return how many there are."""
    result = session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.given_up_at.is_not(None))
        .values(given_up_at=None, failures=0, next_attempt_at=now)
    )
    return int(getattr(result, "rowcount", 0))


@dataclass(frozen=True)
class _Errand:
    """Hold what one worker leased: ``attempt`` tells its lease from a later one on the same message."""

    message_id: int
    kind: str
    payload: dict[str, Any]
    attempt: int


def _lease_next(
    database: Database, deliverers: Mapping[str, Deliverer], now: datetime, tried: set[int]
) -> _Errand | None:
    with database.transaction() as session:
        message = session.scalar(
            select(OutboxMessage)
            .where(
                OutboxMessage.delivered_at.is_(None),
                OutboxMessage.given_up_at.is_(None),
                OutboxMessage.next_attempt_at <= now,
                OutboxMessage.kind.in_(list(deliverers)),
                OutboxMessage.id.not_in(tried),
            )
            .order_by(OutboxMessage.next_attempt_at, OutboxMessage.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if message is None:
            return None
        message.next_attempt_at = now + LEASE
        message.attempts += 1
        return _Errand(message.id, message.kind, dict(message.payload), message.attempts)


def _deliver(database: Database, deliverer: Deliverer, errand: _Errand, now: datetime) -> Outcome:
    try:
        return deliverer(database, errand.payload, now)
    except DomainError as error:
        log.warning("outbox message %s (%s) was refused: %s", errand.message_id, errand.kind, error.code)
        return Later(error.code)
    except Exception as error:  # whatever a deliverer raises must not stop the others
        log.error("outbox message %s (%s) failed\n%s", errand.message_id, errand.kind, described(error))
        return Later(type(error).__name__)


def _settle(database: Database, errand: _Errand, outcome: Outcome, now: datetime, counts: DeliveryCounts) -> None:
    with database.transaction() as session:
        message = session.get_one(OutboxMessage, errand.message_id, with_for_update=True)
        if message.delivered_at is not None or message.given_up_at is not None:
            return  # the lease ran out meanwhile, and the worker that took over has settled it
        if message.attempts != errand.attempt and not isinstance(outcome, Delivered | Needless):
            return  # the lease ran out meanwhile: how it goes on is up to the worker that took over
        match outcome:
            case Delivered(note):
                message.delivered_at, message.last_error = now, note[:500] or None
                counts.delivered += 1
            case Needless(reason):
                message.delivered_at, message.last_error = now, reason[:500]
            case Later(reason, patient=True):
                message.next_attempt_at, message.last_error = now + PATIENT_RETRY, reason[:500]
                counts.later += 1
            case Later(reason) if message.failures + 1 < GIVE_UP_AFTER:
                wait = min(FIRST_RETRY * 2 ** min(message.failures, 12), LONGEST_RETRY)
                message.next_attempt_at, message.last_error = now + wait, reason[:500]
                message.failures += 1
                counts.later += 1
            case Later(reason) | Refused(reason):
                message.given_up_at, message.last_error = now, reason[:500]
                message.failures += 1
                counts.refused += 1
