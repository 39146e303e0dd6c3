"""One run at a time per Moodle, and no dead run blocks the next night."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from lti_app.core.db import Database
from lti_app.lti.models import Moodle
from lti_app.sync import lock
from lti_app.sync.models import SyncLock
from tests.conftest import MovableClock


@pytest.fixture
def moodle_id(database: Database, clock: MovableClock) -> int:
    with database.transaction() as session:
        moodle = Moodle(name="city", url="http://localhost:1", token_encrypted="x", created_at=clock())
        session.add(moodle)
    return moodle.id


def _holder_of(database: Database, moodle_id: int) -> str | None:
    with database.session(writes=False) as session:
        row = session.get(SyncLock, moodle_id)
        return None if row is None else row.holder


def test_a_second_run_is_refused_and_told_who_holds_the_lock(
    database: Database, moodle_id: int, clock: MovableClock
) -> None:
    with lock.held(database, moodle_id, clock):
        holder = str(_holder_of(database, moodle_id))
        with pytest.raises(lock.LockHeld, match=holder):
            lock.take(database, moodle_id, lock.new_holder(), clock())
    assert _holder_of(database, moodle_id) is None


def test_a_run_that_died_on_this_machine_leaves_the_lock_at_once(
    database: Database, moodle_id: int, clock: MovableClock
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = lock.new_holder().rsplit(":", 2)[0]
    lock.take(database, moodle_id, f"{host}:{dead.pid}:aa", clock())
    with lock.held(database, moodle_id, clock):
        assert str(_holder_of(database, moodle_id)).startswith(f"{host}:{os.getpid()}:")


def test_a_run_elsewhere_keeps_the_lock_until_it_goes_stale(
    database: Database, moodle_id: int, clock: MovableClock
) -> None:
    lock.take(database, moodle_id, "another-host:1:aa", clock())
    clock.move(minutes=2)
    with pytest.raises(lock.LockHeld):
        lock.take(database, moodle_id, lock.new_holder(), clock())
    clock.move(minutes=2)
    taker = lock.new_holder()
    lock.take(database, moodle_id, taker, clock())
    assert _holder_of(database, moodle_id) == taker


def test_a_run_learns_that_its_lock_was_taken_over(database: Database, moodle_id: int, clock: MovableClock) -> None:
    slow = "another-host:1:aa"
    lock.take(database, moodle_id, slow, clock())
    later = clock() + lock.STALE_AFTER + timedelta(seconds=1)
    lock.take(database, moodle_id, lock.new_holder(), later)
    with pytest.raises(lock.LockLost):
        lock.beat(database, moodle_id, slow, later)
    lock.release(database, moodle_id, slow)
    assert _holder_of(database, moodle_id) is not None


def test_of_many_at_once_exactly_one_gets_the_lock(database: Database, moodle_id: int, clock: MovableClock) -> None:
    barrier, got, refused = threading.Barrier(6), [], []

    def contend() -> None:
        barrier.wait()
        try:
            lock.take(database, moodle_id, lock.new_holder(), clock())
            got.append(1)
        except lock.LockHeld:
            refused.append(1)

    threads = [threading.Thread(target=contend) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 5)


def test_a_lock_that_comes_and_goes_is_taken_or_refused_and_nothing_else(
    database: Database, moodle_id: int, clock: MovableClock
) -> None:
    barrier, ended = threading.Barrier(4), []

    def contend() -> None:
        barrier.wait()
        for _ in range(40):
            holder = lock.new_holder()
            try:
                lock.take(database, moodle_id, holder, clock())
            except lock.LockHeld:
                continue
            lock.release(database, moodle_id, holder)
        ended.append(1)

    threads = [threading.Thread(target=contend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 4
