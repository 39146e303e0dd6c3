"""The schema goes up and down on both databases, and is what the models say."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Inspector, inspect, select, text
from sqlalchemy.exc import DBAPIError

from lti_app.core.db import Database
from lti_app.core.migrate import downgrade, is_current, upgrade
from lti_app.core.outbox import OutboxMessage, enqueue
from lti_app.credits.models import ScoreState
from lti_app.lti.models import LtiRegistration, Moodle
from lti_app.meetings.invariants import overlapping_stays
from lti_app.meetings.models import GuestState, JoinLog, MeetingGuest, StaySource
from lti_app.models import metadata
from lti_app.sync.models import OwnedEnrolment, RunStatus, SyncChange, SyncRun
from moodle_sync.roster import Drift
from tests.lti_app.world import NOW, World


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    return Database(request.getfixturevalue("empty_postgres"))


def _tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_migrations_go_up_and_down_and_up_again(empty: Database) -> None:
    assert not is_current(empty)
    upgrade(empty)
    assert is_current(empty)
    assert _tables(empty) == set(metadata.tables)
    downgrade(empty)
    assert _tables(empty) == set()
    upgrade(empty)
    assert is_current(empty)
    empty.dispose()


@pytest.mark.filterwarnings("ignore:.*can't reflect these indexes.*")
@pytest.mark.filterwarnings("ignore:autogenerate skipping.*")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection.*")
def test_the_migrated_schema_is_what_the_models_say(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_every_check_of_the_models_stands_in_the_database(database: Database) -> None:
    inspector: Inspector = inspect(database.engine)
    dialect = database.engine.dialect
    for table in metadata.tables.values():
        promised = {
            str(constraint.name)
            for constraint in table.constraints
            if isinstance(constraint, CheckConstraint)
            and (constraint._ddl_if is None or constraint._ddl_if.dialect == dialect.name)
        }
        kept = {check["name"] for check in inspector.get_check_constraints(table.name)}
        assert promised == kept, table.name


@pytest.mark.parametrize("change", ["UPDATE credit_entry SET hours = 1", "DELETE FROM credit_entry"])
def test_the_ledger_refuses_to_be_rewritten(database: Database, change: str) -> None:
    with database.session() as session:
        if database.is_sqlite:  # its trigger fires per row, so it needs one; no parents are asked for here
            session.execute(text("PRAGMA defer_foreign_keys=ON"))
            session.execute(
                text(
                    "INSERT INTO credit_entry (kind, trainee_id, person_id, version_id, hours, rule, evidence,"
                    " decided_by_id, decided_at) VALUES ('credit', 1, 1, 1, 100, 'r', '{}', 1, '2026-01-01')"
                )
            )
        with pytest.raises(DBAPIError, match="append-only"):
            session.execute(text(change))


def filled(database: Database) -> None:
    """Put a row into every table that a later revision widens, with all that hangs on it."""
    with database.transaction() as session:
        world = World(session, course_id=7)
        (trainee,) = world.trainees(1)
        run = SyncRun(moodle=world.moodle, status=RunStatus.DONE, started_at=NOW, calls=5)
        session.add_all([run, LtiRegistration(moodle=world.moodle, **ADDRESSES, created_at=NOW, disabled_at=NOW)])
        session.flush()
        session.add_all(
            [
                SyncChange(run_id=run.id, kind="enrol", target="course intake-a", failed=False, at=NOW),
                enqueue(session, kind="score", key="score:1", payload={"trainee_id": trainee.id}, now=NOW),
                ScoreState(trainee_id=trainee.id, stamp=NOW, posted_hours=Decimal(16), posted_stamp=NOW),
                OwnedEnrolment(
                    moodle_id=world.moodle.id,
                    course_id=7,
                    user_id=3,
                    role="trainee",
                    starts=0,
                    ends=0,
                    suspended=True,
                    pending=False,
                    written_at=NOW,
                ),
            ]
        )


def test_stays_go_down_and_up_and_those_that_others_told_of_do_not_count_beside_the_tools_own(
    database: Database,
) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        meeting = world.meeting()
        kept = [
            world.stay(meeting, anna, meeting.starts_at).id,
            world.stay(meeting, boris, meeting.starts_at, meeting.ends_at).id,
        ]
        guest = MeetingGuest(
            meeting_id=meeting.id, person_id=world.person().id, state=GuestState.SIGNED_UP, queued_at=NOW
        )
        session.add(guest)
        session.flush()
        told = {"meeting_id": meeting.id, "joined_at": meeting.starts_at, "left_at": meeting.ends_at}
        session.add(JoinLog(guest_id=guest.id, **told, left_how="end"))
        session.add(JoinLog(trainee_id=anna.id, **told, left_how="room", source=StaySource.ROOM))
    downgrade(database, "0024")
    upgrade(database)
    with database.session(writes=False) as session:
        assert list(session.scalars(select(JoinLog.id).order_by(JoinLog.id))) == kept
        assert session.get_one(JoinLog, kept[0]).left_at is None
        assert list(overlapping_stays(session)) == []


ADDRESSES = {
    "issuer": "https://moodle.example.org",
    "client_id": "c",
    "deployment_id": "1",
    "auth_login_url": "https://moodle.example.org/auth",
    "auth_token_url": "https://moodle.example.org/token",
    "key_set_url": "https://moodle.example.org/certs",
}
WIDENED = {
    "moodle": "visits_from",
    "outbox_message": "failures",
    "sync_run": "scores",
    "owned_enrolment": "drift",
    "score_state": "posted_to",
}


def columns_of(database: Database, table: str) -> set[str]:
    return {column["name"] for column in inspect(database.engine).get_columns(table)}


def test_a_filled_database_of_the_first_revision_is_brought_up_with_all_its_rows(empty: Database) -> None:
    upgrade(empty)
    filled(empty)
    downgrade(empty, "0001")
    assert not is_current(empty)
    assert not [table for table, column in WIDENED.items() if column in columns_of(empty, table)]

    upgrade(empty)

    assert is_current(empty)
    with empty.session() as session:
        owned = session.scalars(select(OwnedEnrolment)).one()
        assert (owned.drift, owned.suspended, owned.user_id) == (Drift.NONE, True, 3)
        run = session.scalars(select(SyncRun)).one()
        assert (run.scores, run.calls, run.status) == ({}, 5, RunStatus.DONE)
        message = session.scalars(select(OutboxMessage)).one()
        assert (message.failures, message.key) == (0, "score:1")
        score = session.scalars(select(ScoreState)).one()
        assert (score.posted_to, score.posted_hours) == (None, Decimal(16))
        assert not score.says(Decimal(16), "https://moodle.example.org/column")  # so the night sends it once more
        assert session.execute(select(Moodle.visits_from, Moodle.category_per_site)).one() == (None, False)
        assert session.scalars(select(LtiRegistration.disabled_at)).one() == NOW
        assert session.scalars(select(SyncChange.target)).one() == "course intake-a"
        with pytest.raises(DBAPIError):
            session.execute(text("UPDATE owned_enrolment SET drift = 'nonsense'"))
    empty.dispose()


def test_a_database_whose_first_revision_was_made_wide_keeps_what_it_has(empty: Database) -> None:
    """For a while 0001 had the columns of 0002: such a database says 0001, too."""
    upgrade(empty)
    filled(empty)
    downgrade(empty, "0002")
    with empty.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        session.execute(text("UPDATE owned_enrolment SET drift = 'removed'"))

    upgrade(empty)

    assert is_current(empty)
    with empty.session(writes=False) as session:
        assert session.scalars(select(OwnedEnrolment.drift)).one() is Drift.REMOVED
    empty.dispose()
