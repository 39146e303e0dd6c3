"""Measure what changes of the schedule cost the night: meetings new, moved, cancelled, and none of it.

    .venv/bin/python -m tests.bench bench_calendar

Against a pocket Moodle at 30 ms a call. MEETINGS, MOVED, CANCELLED and COURSES change the size.
"""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import select

from config.settings import Settings
from lti_app import create_app
from lti_app.core.edge import Tool
from lti_app.core.migrate import upgrade
from lti_app.intakes.models import Intake
from lti_app.lti.models import Moodle
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.sync.models import RunStatus
from lti_app.sync.night import run_night
from tests.bench.pocket import pocket_moodle
from tests.lti_app.world import World

COURSES = int(os.environ.get("COURSES", "10"))
MEETINGS, MOVED = int(os.environ.get("MEETINGS", "200")), int(os.environ.get("MOVED", "50"))
CANCELLED = int(os.environ.get("CANCELLED", "10"))


def seed(parts: Tool, url: str, token: str) -> int:
    """Store intakes without meetings; return the Moodle's id."""
    now = datetime.now(UTC)
    with parts.database.transaction() as session:
        moodle = Moodle(
            name="bench",
            url=url,
            token_encrypted=parts.vault.seal(token),
            template_course="TEMPLATE",
            created_at=now,
            trusted_at=now,
        )
        session.add(moodle)
        session.flush()
        for course in range(COURSES):
            World(session, f"bench-{course}", moodle=moodle, now=now).leader.moodle_idnumber = f"leader-{course}"
        return moodle.id


def plan_meetings(parts: Tool) -> None:
    """Give the intakes their meetings, from tomorrow on."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with parts.database.transaction() as session:
        intakes = session.scalars(select(Intake).order_by(Intake.id)).all()
        for number in range(MEETINGS):
            intake = intakes[number % len(intakes)]
            topic = intake.version.topics[0]
            session.add(
                Meeting(
                    intake_id=intake.id,
                    topic_id=topic.id,
                    form=topic.form,
                    mode=topic.mode,
                    starts_at=now + timedelta(days=1 + number // len(intakes)),
                    minutes=90,
                    hours=2,
                    room_url="https://rooms.example.org/x",
                )
            )


def change_schedule(parts: Tool) -> None:
    """Move some of the meetings by an hour, and cancel some others."""
    with parts.database.transaction() as session:
        meetings = session.scalars(select(Meeting).order_by(Meeting.id)).all()
        for meeting in meetings[:MOVED]:
            meeting.starts_at += timedelta(hours=1)
        for meeting in meetings[MOVED : MOVED + CANCELLED]:
            meeting.state = MeetingState.CANCELLED


def night(parts: Tool, moodle_id: int, what: str) -> None:
    """Do a night and print its row."""
    began = time.perf_counter()
    result = run_night(parts, moodle_id, approve=True)
    seconds = time.perf_counter() - began
    assert result.status is RunStatus.DONE, result.report
    counts: dict[str, Any] = result.report["counts"]
    done = [counts.get(kind, {"done": 0})["done"] for kind in ("create_event", "delete_event")]
    print(f"| {what} | {done[0]} | {done[1]} | {result.report['calls']} | {seconds:.2f} |", flush=True)


def main() -> None:
    """Print the table."""
    print(f"Nights with {COURSES} courses and {MEETINGS} meetings to come:\n")
    print("| night | events made | events deleted | calls | s |\n|---|---:|---:|---:|---:|")
    leaders = [f"leader-{course}" for course in range(COURSES)]
    with tempfile.TemporaryDirectory(prefix="pl-") as folder, pocket_moodle(leaders) as (url, token):
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
            moodle_id = seed(parts, url, token)
            night(parts, moodle_id, "courses made, no meetings yet")
            night(parts, moodle_id, "nothing to do, no meetings")
            plan_meetings(parts)
            night(parts, moodle_id, f"{MEETINGS} meetings planned")
            night(parts, moodle_id, "nothing to do")
            change_schedule(parts)
            night(parts, moodle_id, f"{MOVED} moved, {CANCELLED} cancelled")
            night(parts, moodle_id, "nothing to do")
        parts.database.dispose()


if __name__ == "__main__":
    main()
