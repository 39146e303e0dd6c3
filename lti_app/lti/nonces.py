"""Nonces of good launches: used once, kept until no launch can use them any more."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta

from sqlalchemy import String, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.types import UtcDateTime
from lti_app.lti.models import LtiNonce, LtiRegistration
from lti_app.lti.refusals import UNKNOWN_MOODLE, USED, LaunchRefused
from lti_app.lti.state import State

log = logging.getLogger(__name__)

SWEEP_EVERY = timedelta(minutes=5)

# One statement for two questions: other processes keep registrations for a minute, but a disabled one serves no launch.
_INSERT = insert(LtiNonce.__table__).from_select(  # type: ignore[arg-type]
    ["registration_id", "nonce", "expires_at"],
    select(LtiRegistration.id, bindparam("nonce", type_=String), bindparam("expires_at", type_=UtcDateTime)).where(
        LtiRegistration.id == bindparam("registration_id"), LtiRegistration.disabled_at.is_(None)
    ),
)


def use_nonce(session: Session, state: State) -> None:
    """Record the nonce in the transaction under way.

    Raises LaunchRefused where it was used before (409), or where the registration was disabled.
    Of two launches at once the second waits for the first to commit and is then refused by the primary key. The row
    may go once the state has expired: no launch gets past that.
    """
    try:
        stored = session.connection().execute(
            _INSERT,
            {"registration_id": state.registration_id, "nonce": state.nonce, "expires_at": state.expires_at},
            execution_options={"preserve_rowcount": True},
        )
    except IntegrityError:
        session.rollback()
        raise LaunchRefused("lti_replay", USED, status=409) from None
    if not stored.rowcount:
        raise LaunchRefused("lti_registration_gone", UNKNOWN_MOODLE)


def purge_nonces(session: Session, now: datetime) -> int:
    """Delete what has expired; return how many rows."""
    result = session.execute(delete(LtiNonce).where(LtiNonce.expires_at < now))
    return int(getattr(result, "rowcount", 0))


class NonceSweeper:
    """Purge from time to time, at most once in five minutes per process, in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._next: datetime | None = None

    def sweep(self, now: datetime) -> None:
        """Purge if it is time. A failure is logged and left to the next time: a launch must not suffer from it."""
        with self._lock:
            if self._next is not None and now < self._next:
                return
            self._next = now + SWEEP_EVERY
        try:
            with self._database.transaction() as session:
                purge_nonces(session, now)
        except SQLAlchemyError as error:
            log.warning("used nonces were not purged: %s", type(error).__name__)
