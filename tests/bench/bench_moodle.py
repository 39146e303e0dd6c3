"""Measure nights against a real Moodle: a first one, quiet ones, completion; beside the plain way of doing each.

    MOODLE_URL=https://moodle.example.org MOODLE_TOKEN_FILE=token.txt python -m tests.bench bench_moodle

The Moodle should be one for tries: courses are made there and stay. Needed are a template (TEMPLATE, its short
name), accounts with the numbers p00001, p00002 … (NUMBERS, a Python format; FIRST, where they begin), COURSES x
PEOPLE and one a course for leaders, and of the service what the administrator's guide says. CATEGORY, TRAINEE_ROLE
and LEADER_ROLE are ids there.
Without MOODLE_URL a pocket Moodle at 30 ms a call stands in: then calls and memory mean something, ratios less.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import insert, select, update

from config.settings import Settings
from lti_app import create_app
from lti_app.core.edge import Tool
from lti_app.core.migrate import upgrade
from lti_app.intakes.models import Intake, MoodleProgress, Trainee, TraineeState
from lti_app.lti.models import Moodle
from lti_app.people.models import MoodleAccount, Person
from lti_app.programmes.models import ProgrammeVersion
from lti_app.sync.completion import trainees_to_read
from lti_app.sync.models import RunStatus
from lti_app.sync.night import NightResult, client_for, run_night
from moodle_sync.functions import Function
from tests.bench.pocket import pocket_moodle
from tests.lti_app.world import World

COURSES, PEOPLE = int(os.environ.get("COURSES", "8")), int(os.environ.get("PEOPLE", "500"))
FIRST, NUMBERS = int(os.environ.get("FIRST", "1")), os.environ.get("NUMBERS", "p{:05}")
KNOWN = os.environ.get("KNOWN", "")
"""Not empty: the accounts are known beforehand, as after launches or an earlier night."""
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SINGLE = 200
"""People whose completion is read one by one."""


class Phases:
    """Take the time at which a run's phases begin."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}

    def __call__(self, phase: str, _done: int, _total: int) -> None:
        self.began.setdefault(phase, time.perf_counter())


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def seed(parts: Tool, url: str, token: str, code: str) -> int:
    """Store the Moodle and intakes without people; return the Moodle's id."""
    now = datetime.now(UTC)
    with parts.database.transaction() as session:
        moodle = Moodle(
            name="bench",
            url=url,
            token_encrypted=parts.vault.seal(token),
            template_course=os.environ.get("TEMPLATE", "TEMPLATE"),
            category_id=int(os.environ.get("CATEGORY", "1")),
            trainee_role_id=int(os.environ.get("TRAINEE_ROLE", "5")),
            leader_role_id=int(os.environ.get("LEADER_ROLE", "3")),
            created_at=now,
        )
        session.add(moodle)
        session.flush()
        for course in range(COURSES):
            world = World(session, f"{code}-{course}", moodle=moodle, now=now, capacity=PEOPLE)
            world.leader.moodle_idnumber, world.leader.email = NUMBERS.format(FIRST + COURSES * PEOPLE + course), None
        return moodle.id


def add_people(parts: Tool, moodle_id: int) -> None:
    """Give each intake people of its own."""
    now = datetime.now(UTC)
    with parts.database.transaction() as session:
        intakes = session.scalars(select(Intake.id).where(Intake.moodle_id == moodle_id).order_by(Intake.id)).all()
        numbers = [NUMBERS.format(FIRST + n) for n in range(COURSES * PEOPLE)]
        people = [{"last_name": "Стажёров", "first_name": "Пётр", "moodle_idnumber": number} for number in numbers]
        ids = session.scalars(insert(Person).returning(Person.id, sort_by_parameter_order=True), people).all()
        places = [
            {
                "intake_id": intakes[place // PEOPLE],
                "person_id": person_id,
                "state": TraineeState.ENROLLED,
                "enrolled_at": now,
            }
            for place, person_id in enumerate(ids)
        ]
        session.execute(insert(Trainee), places)
    if KNOWN:
        _tie(parts, moodle_id, dict(zip(numbers, ids, strict=True)))


def _tie(parts: Tool, moodle_id: int, person_ids: dict[str, int]) -> None:
    from moodle_sync.accounts import accounts_by

    with parts.database.session(writes=False) as session:
        moodle = session.get_one(Moodle, moodle_id)
    with client_for(parts, moodle) as client:
        found = accounts_by(client, "idnumber", person_ids)
    rows = [
        {
            "moodle_id": moodle_id,
            "user_id": account.user_id,
            "person_id": person_ids[number],
            "matched_by": "idnumber",
            "matched_at": datetime.now(UTC),
        }
        for number, accounts in found.items()
        for account in accounts
    ]
    with parts.database.transaction() as session:
        session.execute(insert(MoodleAccount), rows)


def pocket_accounts() -> list[str]:
    """Return the numbers of the people and, behind them, of the leaders."""
    return [NUMBERS.format(FIRST + n) for n in range(COURSES * (PEOPLE + 1))]


def night(parts: Tool, moodle_id: int) -> tuple[NightResult, float, Phases]:
    """Do a night; return its result, its seconds and when its phases began."""
    phases = Phases()
    began = time.perf_counter()
    result = run_night(parts, moodle_id, approve=True, progress=phases)
    seconds = time.perf_counter() - began
    assert result.status is RunStatus.DONE, result.report
    return result, seconds, phases


def rosters_one_by_one(parts: Tool, moodle: Moodle, courses: list[int]) -> float:
    """Return the seconds of reading every roster, ids only, one after the other."""
    with client_for(parts, moodle) as client:
        client.functions()
        return timed(
            lambda: [
                client.call(Function.ENROLLED_USERS, courseid=course, options=[{"name": "userfields", "value": "id"}])
                for course in courses
            ]
        )


def completion_one_by_one(parts: Tool, moodle: Moodle) -> float:
    """Return the seconds for one person of reading completion by one call a person, one after the other."""
    with parts.database.session(writes=False) as session:
        by_course = trainees_to_read(session, moodle, parts)
    pairs = [(course, user) for course, trainees in by_course.items() for user in trainees][:SINGLE]
    with client_for(parts, moodle) as client:
        client.functions()
        seconds = timed(
            lambda: [
                client.call(Function.ACTIVITIES_COMPLETION, courseid=course, userid=user) for course, user in pairs
            ]
        )
    return seconds / len(pairs)


def measure(parts: Tool, url: str, token: str) -> None:
    """Do the nights and print the table."""
    moodle_id = seed(parts, url, token, f"bench-{int(time.time())}")
    total = COURSES * PEOPLE
    _, making, _ = night(parts, moodle_id)
    print(f"| {COURSES} courses made of the template, leaders enrolled | {making:.2f} | | |", flush=True)
    parts.database.dispose()
    adding = multiprocessing.get_context("fork").Process(target=add_people, args=(parts, moodle_id))
    adding.start()  # in a process of its own, since the memory of this one is measured
    adding.join()
    first, seconds, phases = night(parts, moodle_id)
    assert first.report["counts"]["enrol"]["done"] == total, first.report["counts"]
    writing = phases.began["progress"] - phases.began["writing"] if "progress" in phases.began else 0.0
    reading = phases.began["writing"] - phases.began["reading"]
    print(
        f"| first night, {total:,} enrolments | {seconds:.2f} | {1000 * seconds / total:.2f} ms each; reading "
        f"{reading:.2f} s, writing {writing:.2f} s; {first.report['calls']} calls | |",
        flush=True,
    )
    with parts.database.session(writes=False) as session:
        moodle = session.get_one(Moodle, moodle_id)
        courses = [course for course in session.scalars(select(Intake.course_id)) if course]
    night(parts, moodle_id)  # reads in full what was written to
    quiet, beside = [], []
    for _ in range(ROUNDS):
        beside.append(rosters_one_by_one(parts, moodle, courses))
        result, seconds, _ = night(parts, moodle_id)
        quiet.append(seconds)
    q, b = statistics.median(quiet), statistics.median(beside)
    print(f"| quiet night ({result.report['calls']} calls) | {q:.3f} | rosters one by one: {b:.3f} s | {q / b:.3f} |")
    with parts.database.transaction() as session:
        session.execute(update(ProgrammeVersion).values(needs_completion=True))
    single = completion_one_by_one(parts, moodle)
    _, seconds, _ = night(parts, moodle_id)
    with parts.database.session(writes=False) as session:
        assert len(session.scalars(select(MoodleProgress.trainee_id)).all()) == total
    c, s = seconds - q, single * total
    print(f"| completion and grades of {total:,} | {c:.2f} | one call a person: {s:.2f} s | {c / s:.2f} |")
    print(f"\npeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


@contextmanager
def _moodle() -> Iterator[tuple[str, str]]:
    url = os.environ.get("MOODLE_URL", "")
    if url:
        yield url, Path(os.environ["MOODLE_TOKEN_FILE"]).read_text().strip()
        return
    with pocket_moodle(pocket_accounts()) as found:
        yield found


def main() -> None:
    """Print the table."""
    known = "known" if KNOWN else "found by their numbers"
    print(f"Nights with {COURSES} courses x {PEOPLE} people, accounts {known}:\n")
    print("| what | s | beside | ratio |\n|---|---:|---|---:|")
    with tempfile.TemporaryDirectory(prefix="pl-") as folder, _moodle() as (url, token):
        settings = Settings(
            secret_key="s" * 40,
            data_keys=(Fernet.generate_key().decode(),),
            public_url="http://localhost:8700",
            database_url=f"sqlite:///{folder}/bench.sqlite3",
            log_level="WARNING",
        )
        app = create_app(settings)
        parts: Tool = app.extensions["ploshchadka"]
        upgrade(parts.database)
        with app.app_context():
            measure(parts, url, token)
        parts.database.dispose()


if __name__ == "__main__":
    main()
