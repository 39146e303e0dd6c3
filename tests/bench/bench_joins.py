"""Measure a thousand people who join one distance meeting: 50 a second, on PostgreSQL, gunicorn with 2 workers.

`python -m tests.bench.bench_joins` prints a Markdown table. Everybody has come from Moodle already, and presses the
button of their page: a POST with their cookie and their form's token, over a connection of their own. They come when
they come, whether the ones before have been answered or not; times are from the moment at which each was to come.
BENCH_JOINS and BENCH_RATE change the numbers.
"""

from __future__ import annotations

import http.client
import os
import queue
import statistics
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Flask
from flask_wtf.csrf import generate_csrf
from sqlalchemy import func, select

from lti_app.core.edge import Tool
from lti_app.meetings.models import JoinLog, Meeting, RoomKind
from lti_app.meetings.room_models import RoomServer
from tests.bench.bench_launch import cpu_seconds, free_port, gunicorn, postgres
from tests.bench.bench_pages import environment_on, migrated_tool
from tests.lti_app.meetings.bbb_server import SECRET, bigbluebutton
from tests.lti_app.web.visits import ORIGIN
from tests.lti_app.world import World

PEOPLE = int(os.environ.get("BENCH_JOINS", "1000"))
RATE = float(os.environ.get("BENCH_RATE", "50"))
WARM_UP = 40
CLIENTS = 64
"""Threads that send: as many can be under way at once."""


@dataclass
class Visitor:
    """Somebody with a page of theirs open: what pressing its button sends."""

    path: str
    headers: dict[str, str]
    body: str


@dataclass
class Outcome:
    """Hold what came of a run: seconds by visitor, answers by kind."""

    seconds: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)
    """How much later than planned a request was sent: what the client itself costs."""


def visitors(app: Flask, world: World, meeting_id: int, user_ids: dict[int, int]) -> list[Visitor]:
    """Return a visitor for each person id, with the cookie and token that the application itself would write."""
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    since = int(time.time())
    found = []
    for person_id, user_id in user_ids.items():
        with app.test_request_context():
            from flask import session

            token = generate_csrf()
            who = [world.moodle.id, user_id, person_id, "Стажёрова Анна", False, ORIGIN, since]
            cookie = signer.dumps({**dict(session), "who": who, "locale_chosen": "ru"})
        headers = {
            "Host": "localhost",
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": f"ploshchadka={cookie}",
        }
        found.append(Visitor(f"/meetings/{meeting_id}/join", headers, urlencode({"csrf_token": token})))
    return found


def arrive(port: int, people: list[Visitor], rate: float) -> Outcome:
    """Let people come, ``rate`` a second, and wait until everybody has an answer."""
    outcome, lock = Outcome(), threading.Lock()
    coming: queue.SimpleQueue[tuple[float, Visitor] | None] = queue.SimpleQueue()

    def send() -> None:
        while (item := coming.get()) is not None:
            due, visitor = item
            sent = time.perf_counter()
            answer = press(port, visitor)
            with lock:
                outcome.answers[answer] += 1
                outcome.seconds.append(time.perf_counter() - due)
                outcome.late.append(sent - due)

    threads = [threading.Thread(target=send) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    began = time.perf_counter() + 0.2
    for number, visitor in enumerate(people):
        due = began + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        coming.put((due, visitor))
    for _ in threads:
        coming.put(None)
    for thread in threads:
        thread.join()
    return outcome


def press(port: int, visitor: Visitor) -> str:
    """Send what the button sends; say what was answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", visitor.path, visitor.body, visitor.headers)
        response = connection.getresponse()
        response.read()
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()
    return "let in" if response.status == HTTPStatus.SEE_OTHER else f"status {response.status}"


def furnish(parts: Tool, server_url: str) -> tuple[World, dict[str, int], dict[int, int]]:
    """Store an intake of PEOPLE trainees known to Moodle, and two meetings: behind a link, and on a server."""
    now = datetime.now(UTC)
    with parts.database.transaction() as session:
        world = World(session, "joins", now=now, course_id=2, capacity=PEOPLE + WARM_UP)
        users = {}
        for number in range(PEOPLE + WARM_UP):
            person = world.person(f"Стажёрова{number:04}")
            world.trainee(person=person)
            world.account(person, 10_000 + number)
            users[person.id] = 10_000 + number
        sealed = parts.vault.seal(SECRET)
        session.add(RoomServer(name="bbb", url=server_url, secret_encrypted=sealed, created_at=now))
        meetings = {}
        for number, kind in enumerate(RoomKind):
            meeting: Meeting = world.meeting(starts_at=now - timedelta(minutes=number + 1), topic=number)
            meeting.room_kind = kind
            if kind is RoomKind.BIGBLUEBUTTON:
                meeting.room_url = server_url
            meetings[kind.value] = meeting.id
        session.flush()
    return world, meetings, users


def main() -> None:
    """Print the table."""
    with ExitStack() as stack:
        bbb = stack.enter_context(bigbluebutton())
        port = free_port()
        environment = environment_on(port, stack.enter_context(postgres()))
        app = migrated_tool(environment)
        parts: Tool = app.extensions["ploshchadka"]
        world, meetings, users = furnish(parts, bbb.url)
        running = stack.enter_context(gunicorn("lti_app:create_app()", port, **environment))
        lines = []
        for kind, meeting_id in meetings.items():
            people = visitors(app, world, meeting_id, users)
            assert press(port, people[0]) == "let in"  # the first who comes makes the room
            arrive(port, people[1:WARM_UP], RATE)
            used = cpu_seconds(running.pid)
            outcome = arrive(port, people[WARM_UP:], RATE)
            used = cpu_seconds(running.pid) - used
            with parts.database.session(writes=False) as session:
                noted = session.scalar(
                    select(func.count(JoinLog.trainee_id.distinct())).where(JoinLog.meeting_id == meeting_id)
                )
            lines.append((kind, outcome, PEOPLE + WARM_UP - (noted or 0), used))
        calls = Counter(bbb.calls)
        parts.database.dispose()
    report(lines, calls)


def report(lines: list[tuple[str, Outcome, int, float]], calls: Counter[str]) -> None:
    print(f"{PEOPLE:,} people join one meeting, {RATE:.0f} a second, PostgreSQL, gunicorn with 2 workers:\n")
    print("| room | let in | errors | lost joins | p50, ms | p95, ms | p99, ms | slowest, ms | CPU, ms a join |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for kind, outcome, lost, used in lines:
        cuts = [cut * 1000 for cut in statistics.quantiles(outcome.seconds, n=100)]
        let_in = outcome.answers["let in"]
        print(
            f"| {kind} | {let_in:,} | {outcome.answers.total() - let_in} | {lost} | {cuts[49]:.1f} | {cuts[94]:.1f} "
            f"| {cuts[98]:.1f} | {max(outcome.seconds) * 1000:.1f} | {used / PEOPLE * 1000:.1f} |"
        )
        for answer, number in outcome.answers.items():
            if answer != "let in":
                print(f"\n{kind}: {answer}: {number}")
    sent_late = max(max(outcome.late) for _kind, outcome, _lost, _used in lines) * 1000
    print(f"\nThe client sent at most {sent_late:.0f} ms late; the server of the rooms was asked {dict(calls)}.")


if __name__ == "__main__":
    main()
