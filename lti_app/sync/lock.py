"""One run at a time per Moodle: a row that a living run keeps warm, and that a dead run leaves to the next."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lti_app.core.clock import Clock
from lti_app.core.db import Database, insert_for
from lti_app.sync.models import SyncLock

log = logging.getLogger(__name__)

STALE_AFTER = timedelta(minutes=3)
BEAT_EVERY = timedelta(seconds=20)


class LockHeld(Exception):
    """Say that another run holds the lock: who, and since when (UTC)."""

    def __init__(self, holder: str, taken_at: datetime) -> None:
        super().__init__(f"another run holds the lock: {holder}, since {taken_at:%Y-%m-%d %H:%M:%S} UTC")
        self.holder = holder
        self.taken_at = taken_at


class LockLost(Exception):
    """Say that somebody took the lock away from this run: it must stop writing."""


def new_holder() -> str:
    """Name this run: host, process, and a part that no other run has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def take(database: Database, moodle_id: int, holder: str, now: datetime) -> None:
    """Take the lock of ``moodle_id``, from a dead run if need be. Raises LockHeld."""
    row = {"moodle_id": moodle_id, "holder": holder, "taken_at": now, "beat_at": now}
    while True:
        with database.transaction() as session:
            session.execute(insert_for(session, SyncLock).values(row).on_conflict_do_nothing())
            held = session.get(SyncLock, moodle_id, with_for_update=True)
            if held is None:  # given back between the two statements
                continue
            if held.holder != holder and not is_dead(held.holder, held.beat_at, now):
                raise LockHeld(held.holder, held.taken_at)
            held.holder, held.taken_at, held.beat_at = holder, now, now
            return


def is_dead(holder: str, beat_at: datetime, now: datetime) -> bool:
    """Tell whether ``holder``, seen at ``beat_at``, has stopped showing that it lives, or its process here is gone."""
    if now - beat_at > STALE_AFTER:
        return True
    host, pid, _ = holder.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, under another user
        return False
    return False


def release(database: Database, moodle_id: int, holder: str) -> None:
    """Give the lock back, if it still is this run's."""
    with database.transaction() as session:
        session.execute(delete(SyncLock).where(SyncLock.moodle_id == moodle_id, SyncLock.holder == holder))


def beat(database: Database, moodle_id: int, holder: str, now: datetime) -> None:
    """Show that the run lives. Raises LockLost where the lock is somebody else's now."""
    with database.transaction() as session:
        result = session.execute(
            update(SyncLock).where(SyncLock.moodle_id == moodle_id, SyncLock.holder == holder).values(beat_at=now)
        )
        if getattr(result, "rowcount", 0) != 1:
            raise LockLost(holder)


class Heart:
    """Keep a lock warm from a thread; tell the run when the lock was lost. Leaving its block gives the lock back."""

    def __init__(self, database: Database, moodle_id: int, holder: str, clock: Clock) -> None:
        self._database, self._moodle_id, self.holder, self._clock = database, moodle_id, holder, clock
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heart-{moodle_id}", daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(BEAT_EVERY.total_seconds()):
            try:
                self._beat()
            except LockLost:
                self._lost.set()
                return
            except SQLAlchemyError:  # a database that was busy for a moment; the next beat tries again
                log.warning("could not show that the run lives", exc_info=True)

    def _beat(self) -> None:
        beat(self._database, self._moodle_id, self.holder, self._clock())

    def check(self) -> None:
        """Raise LockLost if the lock was taken away meanwhile."""
        if self._lost.is_set():
            raise LockLost(self.holder)

    def verify(self, session: Session) -> None:
        """Raise LockLost unless the lock is this run's at this moment; asked before each write to Moodle."""
        self.check()
        row = select(SyncLock.holder).where(SyncLock.moodle_id == self._moodle_id)
        holder = session.scalar(row.with_for_update(read=True))
        if holder != self.holder:
            self._lost.set()
            raise LockLost(self.holder)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Stop beating, and wait for the thread."""
        self._stop.set()
        self._thread.join()

    def end(self) -> None:
        """Stop beating, and give the lock back."""
        self.stop()
        release(self._database, self._moodle_id, self.holder)

    def __enter__(self) -> Heart:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def held(database: Database, moodle_id: int, clock: Clock) -> Heart:
    """Take the lock; return the heart that keeps it until its end. Raises LockHeld."""
    holder = new_holder()
    take(database, moodle_id, holder, clock())
    heart = Heart(database, moodle_id, holder, clock)
    heart.start()
    return heart
