"""Remember the end of visits, failures of deliveries, drift of enrolments, scores of runs, columns of posted scores.

For a while 0001 itself had some or all of these columns: a database made then has them already, and keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DRIFT_CHECK = "ck_owned_enrolment_drift"
DRIFTS = "drift IN ('', 'removed', 'suspended', 'elsewhere')"

COLUMNS: tuple[tuple[str, sa.Column[Any]], ...] = (
    (
        "moodle",
        sa.Column(
            "visits_from",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="visits that began earlier have ended: a registration was disabled then",
        ),
    ),
    # Leases and failures were one number before: what still waits is given all its chances.
    (
        "outbox_message",
        sa.Column(
            "failures",
            sa.Integer(),
            nullable=False,
            server_default="0",
            comment="attempts that failed; patient waits are none",
        ),
    ),
    (
        "sync_run",
        sa.Column(
            "scores",
            sa.JSON(),
            nullable=False,
            server_default="{}",
            comment="trainees whose score waited or was given up when it ended",
        ),
    ),
    # Of scores posted before it isn't known to which column: the next night sends them once more, which does no harm.
    (
        "score_state",
        sa.Column(
            "posted_to",
            sa.String(length=1000),
            nullable=True,
            comment="line item of the link that was the course's newest when they were posted",
        ),
    ),
)
DRIFT = sa.Column(
    "drift",
    sa.String(length=40),
    nullable=False,
    server_default="",
    comment="what a person in Moodle made of it, if that stays so",
)
COMMENTS = (
    ("outbox_message", "attempts", sa.Integer(), False, "leases taken so far: tells one lease from a later one"),
    ("lti_registration", "disabled_at", sa.DateTime(timezone=True), True, "since then no launch is taken"),
)


def upgrade() -> None:
    """Add what is missing."""
    for table, column in _missing(COLUMNS):
        op.add_column(table, column)
    if list(_missing([("owned_enrolment", DRIFT)])):
        _add_drift()
    if not _is_sqlite():
        for table, column in (*COLUMNS, ("owned_enrolment", DRIFT)):
            if column.server_default is not None:  # it was for the rows that were there
                op.alter_column(table, column.name, server_default=None)
        for table, name, kind, nullable, comment in COMMENTS:
            op.alter_column(table, name, existing_type=kind, existing_nullable=nullable, comment=comment)


def downgrade() -> None:
    """Take it away again; SQLite refuses where 0001 itself had made ``drift``."""
    if not _is_sqlite():
        for table, name, kind, nullable, _comment in COMMENTS:
            op.alter_column(table, name, existing_type=kind, existing_nullable=nullable, comment=None)
    op.drop_column("owned_enrolment", DRIFT.name)
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column.name)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _missing(columns: Iterable[tuple[str, sa.Column[Any]]]) -> Iterable[tuple[str, sa.Column[Any]]]:
    inspector = sa.inspect(op.get_bind())
    for table, column in columns:
        if column.name not in {known["name"] for known in inspector.get_columns(table)}:
            yield table, column


def _add_drift() -> None:
    if _is_sqlite():
        # SQLite adds a check only together with its column; making the table anew would lose its other checks.
        op.execute(
            f"ALTER TABLE owned_enrolment ADD COLUMN drift VARCHAR(40) DEFAULT '' NOT NULL "
            f"CONSTRAINT {DRIFT_CHECK} CHECK ({DRIFTS})"
        )
        return
    op.add_column("owned_enrolment", DRIFT)
    op.create_check_constraint(op.f(DRIFT_CHECK), "owned_enrolment", DRIFTS)
