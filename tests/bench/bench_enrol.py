"""Measure enrolling: people a second through `apply_plan`, beside one call a person with the same client.

`python -m tests.bench.bench_enrol` prints a Markdown table. The sandbox runs in a process of its own; every call costs
30 ms there, about the floor of a real Moodle. `apply_plan` does more than the bare calls beside it: it remembers its
intents and outcomes (here in memory) and reads every course back.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from moodle_sync.apply import Outcome, apply_plan
from moodle_sync.client import MoodleClient
from moodle_sync.functions import Function
from moodle_sync.observe import read_observed
from moodle_sync.plan import ChangePlan, EnrolmentChange, make_plan
from moodle_sync.roster import Desired, DesiredCourse, DesiredEnrolment, DesiredPerson, Role

COURSES, PEOPLE = 8, 500
SINGLE = 200
LATENCY_MS = 30
FIRST_USER, FIRST_COURSE = 1000, 100
TOKEN = "bench"
ROLE_IDS = {Role.TRAINEE: 5, Role.LEADER: 3}


class Memory:
    """Keep intents and outcomes in memory."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.intended, self.outcomes = 0, list[Outcome]()

    def intend(self, changes: Sequence[EnrolmentChange]) -> None:
        with self.lock:
            self.intended += len(changes)

    def record(self, outcomes: Sequence[Outcome]) -> None:
        with self.lock:
            self.outcomes.extend(outcomes)


def seed() -> dict[str, Any]:
    users = range(FIRST_USER, FIRST_USER + PEOPLE)
    # The last course is that of the calls one by one.
    return {
        "users": [
            {"id": n, "username": f"u{n}", "firstname": "Имя", "lastname": f"Ф{n}", "email": f"u{n}@example.org"}
            for n in users
        ],
        "courses": [
            {
                "id": FIRST_COURSE + n,
                "shortname": f"C{n}",
                "idnumber": f"C{n}",
                "fullname": f"C{n}",
                "startdate": 1,
                "enddate": 2,
            }
            for n in range(COURSES + 2)
        ],
    }


@contextmanager
def sandbox() -> Iterator[str]:
    """Run a sandbox in a process of its own; yield its address."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seed.json"
        path.write_text(json.dumps(seed()), encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        command = [sys.executable, "-m", "moodle_sync.sandbox", "--port", port, "--seed", str(path), "--token", TOKEN]
        command += ["--latency", str(LATENCY_MS)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().split()[-1]
            finally:
                process.terminate()


def plan_of(client: MoodleClient, now: int) -> ChangePlan:
    courses = [DesiredCourse(f"C{n}", f"C{n}", f"C{n}", 1, None, 1, 2) for n in range(COURSES)]
    desired = Desired(
        courses,
        [DesiredPerson(n, FIRST_USER + n, None, None) for n in range(PEOPLE)],
        [DesiredEnrolment(course.key, n, Role.TRAINEE, now - 86_400, 0) for course in courses for n in range(PEOPLE)],
    )
    return make_plan(desired, [], read_observed(client, desired, [], now=now))


def by_plan(client: MoodleClient) -> tuple[int, float]:
    """Enrol everybody everywhere; return how many, and the seconds of all that a night does for it."""
    now = int(time.time())
    began = time.perf_counter()
    plan, memory = plan_of(client, now), Memory()
    apply_plan(client, plan, memory, role_ids=ROLE_IDS, now=now)
    seconds = time.perf_counter() - began
    done = sum(outcome.done for outcome in memory.outcomes)
    assert done == len(plan) == memory.intended == COURSES * PEOPLE, "not everybody was enrolled"
    return done, seconds


def one_by_one(client: MoodleClient, course: int, *, at_once: bool) -> tuple[int, float]:
    """Enrol people with a call each, one after the other or as many at once as the client allows."""

    def enrol(user: int) -> None:
        row = {"roleid": 5, "userid": user, "courseid": course, "timestart": 1, "timeend": 0, "suspend": 0}
        client.call(Function.ENROL_USERS, enrolments=[row])

    users = range(FIRST_USER, FIRST_USER + SINGLE)
    began = time.perf_counter()
    if at_once:
        client.map(enrol, users)
    else:
        for user in users:
            enrol(user)
    return SINGLE, time.perf_counter() - began


def main() -> None:
    """Print the table."""
    print(f"{LATENCY_MS} ms a call:\n")
    print("| way | people | calls | seconds | people a second | ms a person | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with sandbox() as url, MoodleClient(url, TOKEN) as client:
        client.functions()  # connected, as in a night under way
        ways = {
            "one call a person": lambda: one_by_one(client, FIRST_COURSE + COURSES, at_once=False),
            f"one call a person, {client.pace.most} at once": lambda: one_by_one(
                client, FIRST_COURSE + COURSES + 1, at_once=True
            ),
            "reading, planning, `apply_plan`, reading back": lambda: by_plan(client),
        }
        slowest = 0.0
        for way, run in ways.items():
            before = client.calls
            people, seconds = run()
            slowest = slowest or seconds / people
            print(
                f"| {way} | {people:,} | {client.calls - before} | {seconds:.2f} | {people / seconds:,.0f} "
                f"| {1000 * seconds / people:.2f} | {slowest * people / seconds:.1f} × |",
                flush=True,
            )


if __name__ == "__main__":
    main()
