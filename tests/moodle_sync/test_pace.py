"""How much a client asks of a server: less when it is slow or fails, more again when it bears it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from moodle_sync.client import MoodleClient
from moodle_sync.errors import Unreachable
from moodle_sync.functions import Function
from moodle_sync.pace import FEWEST_ROWS, QUICK, SLOW, STEADY, Pace
from moodle_sync.sandbox import Sandbox

from .nights import Memory, desire, night, people_in
from .test_observe import Connect

ENROL = "enrol"


def test_a_slow_call_carries_half_next_time_and_a_quick_one_twice_as_much_up_to_what_is_allowed() -> None:
    pace = Pace(4)
    pace.carried(ENROL, 200, SLOW + 1)
    assert pace.rows(ENROL, 200) == 100
    pace.carried(ENROL, 100, SLOW + 1)
    assert pace.rows(ENROL, 200) == 50
    pace.carried(ENROL, 50, (SLOW + QUICK) / 2)
    assert pace.rows(ENROL, 200) == 50
    for _call in range(4):
        pace.carried(ENROL, pace.rows(ENROL, 200), QUICK - 1)
    assert pace.rows(ENROL, 200) == 200


def test_a_batch_that_was_small_by_chance_makes_the_next_no_larger() -> None:
    pace = Pace(4)
    pace.carried(ENROL, 200, SLOW + 1)
    pace.carried(ENROL, 7, 0.1)
    assert pace.rows(ENROL, 200) == 100


def test_a_small_rest_that_was_slow_says_nothing_of_the_size_and_a_late_answer_does_not_raise_it() -> None:
    pace = Pace(4)
    pace.carried(ENROL, 142, SLOW + 1)
    pace.carried(ENROL, 3, SLOW + 1)
    assert pace.rows(ENROL, 200) == 71
    pace.carried(ENROL, 71, SLOW + 1)
    pace.carried(ENROL, 142, SLOW + 1)
    assert pace.rows(ENROL, 200) == 35


def test_failures_halve_the_batch_down_to_a_floor() -> None:
    pace = Pace(4)
    for _call in range(10):
        pace.carried(ENROL, pace.rows(ENROL, 200), None)
    assert pace.rows(ENROL, 200) == FEWEST_ROWS


def test_failures_halve_the_calls_at_once_and_good_ones_bring_them_back() -> None:
    pace = Pace(4)
    pace.failed()
    assert pace.concurrency == 2
    pace.failed()
    pace.failed()
    assert pace.concurrency == 1
    for _call in range(STEADY * 3):
        pace.went_well()
    assert pace.concurrency == 4
    for _call in range(STEADY * 3):
        pace.went_well()
    assert pace.concurrency == 4


def test_no_more_calls_than_allowed_are_under_way_at_once() -> None:
    pace = Pace(8)
    for _time in range(2):
        pace.failed()
    under_way, most, lock, gate = 0, 0, threading.Lock(), threading.Event()

    def call() -> None:
        nonlocal under_way, most
        with pace.slot():
            with lock:
                under_way += 1
                most = max(most, under_way)
            gate.wait(0.02)
            with lock:
                under_way -= 1

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_a_client_asks_less_of_a_server_that_fails(moodle: Sandbox, connect: Connect) -> None:
    client: MoodleClient = connect(retries=1)
    moodle.faults.set("http500")
    with pytest.raises(Unreachable):
        client.call(Function.SITE_INFO)
    assert client.pace.concurrency == 1


def test_batches_shrink_while_answers_get_lost_and_everybody_is_enrolled(
    moodle: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: MoodleClient = connect(concurrency=1)
    sizes: list[int] = []
    call = client.call

    def watch(function: Function, **params: Any) -> Any:
        if function is Function.ENROL_USERS:
            sizes.append(len(params["enrolments"]))
        return call(function, **params)

    monkeypatch.setattr(client, "call", watch)
    monkeypatch.setattr(client, "max_input_vars", 150)
    moodle.faults.set("drop_after@enrol_manual_enrol_users#1")
    memory = Memory()
    night(client, desire(moodle, *range(40)), memory)
    assert not memory.failures()
    assert len(people_in(moodle)) == 40
    assert sizes == [24, 12, 4]


@pytest.mark.parametrize(("slow", "carries"), [("queue", 24), ("server", 12)])
def test_waiting_for_ones_turn_is_no_slowness_of_the_server(
    moodle: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch, slow: str, carries: int
) -> None:
    ticks = [0.0]
    client: MoodleClient = connect(concurrency=1, monotonic=lambda: ticks[0])
    slot, exchange = client.pace.slot, client._exchange

    @contextmanager
    def turn() -> Iterator[None]:
        if slow == "queue":
            ticks[0] += SLOW + 1
        with slot():
            yield

    def ask(function: Function, params: dict[str, Any]) -> Any:
        if slow == "server" and function is Function.ENROL_USERS:
            ticks[0] += SLOW + 1
        return exchange(function, params)

    monkeypatch.setattr(client, "max_input_vars", 150)
    monkeypatch.setattr(client.pace, "slot", turn)
    monkeypatch.setattr(client, "_exchange", ask)
    night(client, desire(moodle, *range(24)), Memory())
    assert len(people_in(moodle)) == 24
    assert client.pace.rows(Function.ENROL_USERS, 24) == carries
