"""What follows a commit is delivered at least once, by one worker at a time, and patiently."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from lti_app.core.db import Database
from lti_app.core.outbox import (
    FIRST_RETRY,
    GIVE_UP_AFTER,
    LEASE,
    LONGEST_RETRY,
    PATIENT_RETRY,
    Delivered,
    Later,
    OutboxMessage,
    Outcome,
    Refused,
    deliver_due,
    enqueue,
    retry_given_up,
    retry_waiting,
)
from tests.conftest import MovableClock


class Postman:
    """Delivers by doing what the test tells it, and notes what it was handed."""

    def __init__(self, answer: Callable[[], Outcome] = Delivered) -> None:
        self.answer = answer
        self.handed: list[dict[str, Any]] = []

    def __call__(self, _database: Database, payload: dict[str, Any], _now: datetime) -> Outcome:
        self.handed.append(payload)
        return self.answer()


def _queue(database: Database, clock: MovableClock, *keys: str, kind: str = "note") -> None:
    with database.transaction() as session:
        for key in keys:
            enqueue(session, kind=kind, key=key, payload={"key": key}, now=clock())


def _message(database: Database, key: str = "a") -> OutboxMessage:
    with database.session(writes=False) as session:
        return session.scalars(select(OutboxMessage).where(OutboxMessage.key == key)).one()


def test_a_message_is_delivered_once_oldest_first(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a")
    clock.move(seconds=1)
    _queue(database, clock, "b")
    postman = Postman()
    assert deliver_due(database, {"note": postman}, clock).delivered == 2
    assert deliver_due(database, {"note": postman}, clock).delivered == 0
    assert postman.handed == [{"key": "a"}, {"key": "b"}]
    assert _message(database).delivered_at == clock()


def test_the_same_key_is_queued_once(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a", "a")
    _queue(database, clock, "a")
    assert deliver_due(database, {"note": Postman()}, clock).delivered == 1


def test_what_is_rolled_back_is_never_delivered(database: Database, clock: MovableClock) -> None:
    with database.session() as session:
        enqueue(session, kind="note", key="a", payload={}, now=clock())
        session.flush()
        session.rollback()
    assert deliver_due(database, {"note": Postman()}, clock).delivered == 0


def test_a_worker_takes_only_the_kinds_it_delivers(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a", kind="mail")
    _queue(database, clock, "b")
    assert deliver_due(database, {"note": Postman()}, clock).delivered == 1
    assert _message(database).attempts == 0


def test_another_worker_keeps_off_while_a_lease_runs(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a")
    second = Postman()

    def meanwhile() -> Outcome:
        assert deliver_due(database, {"note": second}, clock).delivered == 0
        clock.move(seconds=LEASE.total_seconds() - 1)
        assert deliver_due(database, {"note": second}, clock).delivered == 0
        return Delivered()

    assert deliver_due(database, {"note": Postman(meanwhile)}, clock).delivered == 1
    assert second.handed == []


def test_two_workers_at_once_deliver_each_message_once(database: Database, clock: MovableClock) -> None:
    keys = [f"m{number}" for number in range(10)]
    _queue(database, clock, *keys)
    postman, together = Postman(), threading.Barrier(2)
    counts: list[int] = []

    def work() -> None:
        together.wait()
        counts.append(deliver_due(database, {"note": postman}, clock).delivered)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(counts) == 10
    assert sorted(payload["key"] for payload in postman.handed) == keys


def test_a_worker_that_died_loses_its_lease(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a")

    class Killed(BaseException):
        pass

    def die() -> Outcome:
        raise Killed

    with pytest.raises(Killed):
        deliver_due(database, {"note": Postman(die)}, clock)
    assert deliver_due(database, {"note": Postman()}, clock).delivered == 0
    clock.move(seconds=LEASE.total_seconds())
    assert deliver_due(database, {"note": Postman()}, clock).delivered == 1
    assert _message(database).attempts == 2


def test_a_slow_worker_does_not_undo_what_the_next_one_did(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a")

    def slow() -> Outcome:
        clock.move(seconds=LEASE.total_seconds())
        assert deliver_due(database, {"note": Postman()}, clock).delivered == 1
        return Refused("too late")

    counts = deliver_due(database, {"note": Postman(slow)}, clock)
    assert (counts.delivered, counts.refused) == (0, 0)
    message = _message(database)
    assert message.delivered_at is not None
    assert message.given_up_at is None


def test_a_slow_failure_leaves_it_to_the_next_worker_how_to_go_on(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a")

    def slow() -> Outcome:
        clock.move(seconds=LEASE.total_seconds())
        deliver_due(database, {"note": Postman(lambda: Later("the next one's word"))}, clock)
        return Later("the slow one's word")

    deliver_due(database, {"note": Postman(slow)}, clock)
    assert _message(database).last_error == "the next one's word"


def test_a_slow_success_counts_even_after_its_lease(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a")

    def slow() -> Outcome:
        clock.move(seconds=LEASE.total_seconds())
        deliver_due(database, {"note": Postman(lambda: Later("busy"))}, clock)
        return Delivered()

    assert deliver_due(database, {"note": Postman(slow)}, clock).delivered == 1
    assert _message(database).delivered_at == clock()


def test_no_transaction_is_open_for_writing_while_the_network_is_asked(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a")

    def somebody_else_writes() -> Outcome:
        with database.session() as session:
            if database.is_sqlite:
                session.connection().exec_driver_sql("PRAGMA busy_timeout=0")
            else:
                session.execute(text("SET LOCAL lock_timeout = '1ms'"))
            session.execute(text("UPDATE outbox_message SET last_error = 'mine'"))
            session.commit()
        return Delivered()

    assert deliver_due(database, {"note": Postman(somebody_else_writes)}, clock).delivered == 1


def test_a_failure_is_tried_again_ever_more_rarely(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a")
    waits: list[timedelta] = []
    for _ in range(11):
        counts = deliver_due(database, {"note": Postman(lambda: Later("Moodle is away"))}, clock)
        assert counts.later == 1
        waits.append(_message(database).next_attempt_at - clock())
        clock.move(seconds=waits[-1].total_seconds() - 1)
        assert deliver_due(database, {"note": Postman()}, clock).delivered == 0
        clock.move(seconds=1)
    assert waits[:4] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY, 8 * FIRST_RETRY]
    assert waits[-2:] == [LONGEST_RETRY, LONGEST_RETRY]
    assert _message(database).last_error == "Moodle is away"


def _fail(database: Database, clock: MovableClock, times: int, outcome: Outcome) -> None:
    for _ in range(times):
        deliver_due(database, {"note": Postman(lambda: outcome)}, clock)
        clock.move(hours=7)


def test_what_keeps_failing_is_given_up(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a")
    _fail(database, clock, GIVE_UP_AFTER - 1, Later("away"))
    assert _message(database).given_up_at is None
    _fail(database, clock, 1, Later("away"))
    assert _message(database).given_up_at is not None
    assert deliver_due(database, {"note": Postman()}, clock).delivered == 0


def test_what_only_waits_for_the_world_is_never_given_up(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a")
    _fail(database, clock, GIVE_UP_AFTER + 3, Later("nobody has opened the course yet", patient=True))
    assert deliver_due(database, {"note": Postman()}, clock).delivered == 1


def test_waiting_long_for_the_world_uses_up_no_chance_of_a_later_failure(
    database: Database, clock: MovableClock
) -> None:
    _queue(database, clock, "a")
    _fail(database, clock, GIVE_UP_AFTER + 3, Later("nobody has opened the course yet", patient=True))
    _fail(database, clock, GIVE_UP_AFTER - 1, Later("away"))
    message = _message(database)
    assert (message.given_up_at, message.failures) == (None, GIVE_UP_AFTER - 1)
    assert message.attempts > GIVE_UP_AFTER  # leases are counted all the same
    _fail(database, clock, 1, Later("away"))
    assert _message(database).given_up_at is not None


def test_what_waits_for_the_world_is_looked_at_every_hour_however_long_it_waits(
    database: Database, clock: MovableClock
) -> None:
    _queue(database, clock, "a")
    for _ in range(15):
        deliver_due(database, {"note": Postman(lambda: Later("not yet", patient=True))}, clock)
        assert _message(database).next_attempt_at == clock() + PATIENT_RETRY
        clock.move(seconds=PATIENT_RETRY.total_seconds())
    deliver_due(database, {"note": Postman(lambda: Later("away"))}, clock)
    assert _message(database).next_attempt_at == clock() + FIRST_RETRY  # the first failure is retried soon


def test_a_refusal_is_final(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a")
    counts = deliver_due(database, {"note": Postman(lambda: Refused("no such user"))}, clock)
    assert counts.refused == 1
    message = _message(database)
    assert (message.given_up_at, message.last_error) == (clock(), "no such user")


def test_a_deliverer_that_breaks_stops_nobody_else(
    database: Database, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    _queue(database, clock, "a", "b")

    def breaks_on_a(_database: Database, payload: dict[str, Any], _now: datetime) -> Outcome:
        if payload["key"] == "a":
            raise ZeroDivisionError("Иванова")
        return Delivered()

    counts = deliver_due(database, {"note": breaks_on_a}, clock)
    assert (counts.delivered, counts.later) == (1, 1)
    assert _message(database).last_error == "ZeroDivisionError"
    assert "outbox message" in caplog.text


def test_waiting_messages_can_be_made_due_at_once(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a", "b")
    deliver_due(database, {"note": Postman(lambda: Later("not yet", patient=True))}, clock)
    with database.transaction() as session:
        assert retry_waiting(session, kind="note", now=clock()) == 2
        assert retry_waiting(session, kind="mail", now=clock()) == 0
    assert deliver_due(database, {"note": Postman()}, clock).delivered == 2


def test_what_is_on_its_way_is_not_made_due_again(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a")
    second = Postman()

    def meanwhile() -> Outcome:
        with database.transaction() as session:
            assert retry_waiting(session, kind="note", now=clock()) == 0
        assert deliver_due(database, {"note": second}, clock).delivered == 0
        return Delivered()

    assert deliver_due(database, {"note": Postman(meanwhile)}, clock).delivered == 1
    assert second.handed == []


def test_what_was_given_up_gets_another_chance_with_all_its_attempts(database: Database, clock: MovableClock) -> None:
    _queue(database, clock, "a", "b", "c")
    answers = {"a": Delivered(), "b": Refused("no such line item"), "c": Later("not yet", patient=True)}

    def answer(_database: Database, payload: dict[str, Any], _now: datetime) -> Outcome:
        return answers[payload["key"]]

    deliver_due(database, {"note": answer}, clock)
    with database.transaction() as session:
        assert retry_given_up(session, now=clock()) == 1
    message = _message(database, "b")
    assert (message.given_up_at, message.failures) == (None, 0)
    again = Postman()
    assert deliver_due(database, {"note": again}, clock).delivered == 1
    assert again.handed == [{"key": "b"}]
