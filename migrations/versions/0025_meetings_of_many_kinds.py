"""Meetings with a host, a room made on demand, one trainee alone, guests; stays of guests, and who tells of a stay."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

CONSTRAINED = (
    (
        "room_kind",
        "VARCHAR(40) DEFAULT 'link' NOT NULL CONSTRAINT ck_meeting_room_kind"
        " CHECK (room_kind IN ('link', 'bigbluebutton'))",
        "",
    ),
    (
        "host_id",
        "INTEGER CONSTRAINT fk_meeting_host_id REFERENCES person (id)",
        "who holds it; empty: the leader of the site",
    ),
    (
        "capacity",
        "INTEGER CONSTRAINT ck_meeting_capacity_positive CHECK (capacity IS NULL OR capacity > 0)",
        "people whom the room holds; empty: no limit",
    ),
    (
        "only_for_id",
        "INTEGER CONSTRAINT fk_meeting_only_for_id REFERENCES trainee (id)",
        "the one trainee of an individual meeting; empty: all of the intake",
    ),
    (
        "guest_places",
        "INTEGER CONSTRAINT ck_meeting_guest_places_positive CHECK (guest_places IS NULL OR guest_places > 0)",
        "for those from outside; empty: no limit",
    ),
    (
        "cancel_hours",
        "INTEGER DEFAULT 3 NOT NULL CONSTRAINT ck_meeting_cancel_hours_not_negative CHECK (cancel_hours >= 0)",
        "hours before the start until which a guest may cancel",
    ),
)
OPEN = sa.text("left_at IS NULL")
FOREIGN = "trainee_id IS NULL OR source <> 'tool'"
"""Stays that the schema before has no place for: beside the tool's own they would count twice."""


def _plain() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column(
            "series_id",
            sa.Integer(),
            nullable=True,
            comment="number of the first meeting of the series that it belongs to; empty: it stands alone",
        ),
        sa.Column(
            "is_open",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="teachers from outside the intake may sign up",
        ),
        sa.Column(
            "revision",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="1, 2 …: a form with an older one is refused",
        ),
    )


def upgrade() -> None:
    """Apply."""
    for name, definition, _words in CONSTRAINED:
        op.execute(f"ALTER TABLE meeting ADD COLUMN {name} {definition}")
    for column in _plain():
        op.add_column("meeting", column)
    if _is_postgresql():
        for name, _definition, words in CONSTRAINED:
            if words:
                op.execute(f"COMMENT ON COLUMN meeting.{name} IS '{words}'")
    op.create_index("ix_meeting_starts_at", "meeting", ["starts_at"])
    for name in ("host_id", "series_id", "only_for_id"):
        op.create_index(f"ix_meeting_{name}", "meeting", [name])
    _make_guests()
    _widen_stays()


def _make_guests() -> None:
    op.create_table(
        "meeting_guest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "signed_up",
                "waiting",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "queued_at", sa.DateTime(timezone=True), nullable=False, comment="decides the order of the waiting list"
        ),
        sa.Column("signed_up_at", sa.DateTime(timezone=True), nullable=True, comment="when the place was given"),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "presence",
            sa.Enum("present", "absent", name="presence", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("minutes_joined", sa.Integer(), nullable=True, comment="from the join log, where there is one"),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=True),
        sa.Column(
            "is_credited",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="hours rest on it",
        ),
        sa.CheckConstraint(
            "(state = 'cancelled') = (cancelled_at IS NOT NULL)", name=op.f("ck_meeting_guest_cancelled_has_date")
        ),
        sa.CheckConstraint(
            "(presence IS NULL) = (confirmed_at IS NULL)", name=op.f("ck_meeting_guest_presence_has_date")
        ),
        sa.CheckConstraint(
            "NOT is_credited OR presence = 'present'", name=op.f("ck_meeting_guest_credited_is_present")
        ),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_meeting_guest_meeting_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_meeting_guest_person_id")),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["person.id"], name=op.f("fk_meeting_guest_confirmed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_guest")),
        sa.UniqueConstraint("meeting_id", "person_id", name=op.f("uq_meeting_guest_meeting_id_person_id")),
    )
    op.create_index(op.f("ix_meeting_guest_person_id"), "meeting_guest", ["person_id"])
    op.create_index("ix_meeting_guest_queue", "meeting_guest", ["meeting_id", "state", "queued_at", "id"])


def _stays(*, widened: bool) -> None:
    """Make the table of stays: as it was, or with guests and sources."""
    more: tuple[sa.schema.SchemaItem, ...] = (
        sa.Column("guest_id", sa.Integer(), nullable=True),
        sa.Column(
            "source",
            sa.Enum("tool", "room", "list", name="source", native_enum=False, create_constraint=True, length=40),
            server_default="tool",
            nullable=False,
        ),
        sa.CheckConstraint("(trainee_id IS NULL) <> (guest_id IS NULL)", name=op.f("ck_join_log_of_one_person")),
        sa.ForeignKeyConstraint(["guest_id"], ["meeting_guest.id"], name=op.f("fk_join_log_guest_id")),
    )
    op.create_table(
        "join_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("trainee_id", sa.Integer(), nullable=widened),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_how", sa.String(length=20), nullable=True),
        *(more if widened else ()),
        sa.CheckConstraint("left_at IS NULL OR left_at >= joined_at", name=op.f("ck_join_log_leave_after_join")),
        sa.CheckConstraint("(left_at IS NULL) = (left_how IS NULL)", name=op.f("ck_join_log_leave_has_how")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_join_log_meeting_id")),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_join_log_trainee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_log")),
    )


def _index_stays() -> None:
    op.create_index("ix_join_log_meeting", "join_log", ["meeting_id", "trainee_id"])
    op.create_index("ix_join_log_trainee_id", "join_log", ["trainee_id"])
    op.create_index(
        "uq_join_log_open",
        "join_log",
        ["meeting_id", "trainee_id"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )


def _rebuild_stays(*, widened: bool) -> None:
    """Exchange SQLite's table of stays, which nothing refers to, for one of the other shape."""
    columns = "id, meeting_id, trainee_id, joined_at, left_at, left_how"
    kept = "" if widened else f" WHERE NOT ({FOREIGN})"
    op.execute(f"CREATE TABLE join_log_before AS SELECT {columns} FROM join_log{kept}")
    op.drop_table("join_log")
    _stays(widened=widened)
    op.execute(f"INSERT INTO join_log ({columns}) SELECT {columns} FROM join_log_before")
    op.drop_table("join_log_before")
    _index_stays()


def _widen_stays() -> None:
    if _is_postgresql():
        op.alter_column("join_log", "trainee_id", existing_type=sa.Integer(), nullable=True)
        op.add_column("join_log", sa.Column("guest_id", sa.Integer(), nullable=True))
        op.create_foreign_key("fk_join_log_guest_id", "join_log", "meeting_guest", ["guest_id"], ["id"])
        op.execute(
            "ALTER TABLE join_log ADD COLUMN source VARCHAR(40) DEFAULT 'tool' NOT NULL"
            " CONSTRAINT ck_join_log_source CHECK (source IN ('tool', 'room', 'list'))"
        )
        op.create_check_constraint(
            op.f("ck_join_log_of_one_person"), "join_log", "(trainee_id IS NULL) <> (guest_id IS NULL)"
        )
        op.execute("COMMENT ON COLUMN join_log.left_how IS 'self, leader, end (of the meeting), room or list'")
    else:
        _rebuild_stays(widened=True)
    op.create_index("ix_join_log_guest_id", "join_log", ["guest_id"])
    op.create_index(
        "uq_join_log_open_guest", "join_log", ["guest_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )


def downgrade() -> None:
    """Take back: stays of guests and such as others told of, and individual meetings' being so, are lost."""
    if _is_postgresql():
        op.drop_index("uq_join_log_open_guest", "join_log")
        op.execute(f"DELETE FROM join_log WHERE {FOREIGN}")
        op.drop_column("join_log", "guest_id")
        op.drop_column("join_log", "source")
        op.alter_column("join_log", "trainee_id", existing_type=sa.Integer(), nullable=False)
        op.execute("COMMENT ON COLUMN join_log.left_how IS 'self, leader or end (of the meeting)'")
    else:
        _rebuild_stays(widened=False)
    op.drop_table("meeting_guest")
    for name in ("host_id", "series_id", "only_for_id", "starts_at"):
        op.drop_index(f"ix_meeting_{name}", "meeting")
    for name in (*(column.name for column in _plain()), *(name for name, *_rest in CONSTRAINED)):
        op.execute(f"ALTER TABLE meeting DROP COLUMN {name}")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
