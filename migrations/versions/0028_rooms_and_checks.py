"""BigBlueButton servers, which rooms are open, checks of presence during a seminar."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _make_servers()
    _make_checks()


def _make_servers() -> None:
    op.create_table(
        "room_server",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column(
            "url", sa.String(length=500), nullable=False, comment="without /api, such as https://…/bigbluebutton"
        ),
        sa.Column(
            "secret_encrypted", sa.String(length=1000), nullable=False, comment="shared secret, sealed with DATA_KEYS"
        ),
        sa.Column(
            "checksum",
            sa.Enum("sha1", "sha256", "sha512", name="checksum", native_enum=False, create_constraint=True, length=40),
            server_default="sha256",
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_server")),
        sa.UniqueConstraint("name", name=op.f("uq_room_server_name")),
        sa.UniqueConstraint("url", name=op.f("uq_room_server_url")),
    )
    op.create_table(
        "room_opening",
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column(
            "tried_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="until then one request makes the room, or waits after a failure; others don't try",
        ),
        sa.Column(
            "create_time",
            sa.BigInteger(),
            nullable=True,
            comment="of the server; an address to join holds for the room of that time alone",
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True, comment="set while the room is there"),
        sa.Column(
            "ended_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="by the host; only the host opens it again",
        ),
        sa.Column(
            "last_error",
            sa.String(length=60),
            nullable=True,
            comment="code of the last failure; no personal data",
        ),
        sa.Column(
            "told_at", sa.DateTime(timezone=True), nullable=True, comment="when the server last told who was there"
        ),
        sa.Column(
            "strangers",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="people of whom it told and whom the intake doesn't know",
        ),
        sa.CheckConstraint(
            "(opened_at IS NULL) = (create_time IS NULL)", name=op.f("ck_room_opening_open_has_create_time")
        ),
        sa.CheckConstraint("ended_at IS NULL OR opened_at IS NULL", name=op.f("ck_room_opening_open_or_ended")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_room_opening_meeting_id")),
        sa.ForeignKeyConstraint(["server_id"], ["room_server.id"], name=op.f("fk_room_opening_server_id")),
        sa.PrimaryKeyConstraint("meeting_id", name=op.f("pk_room_opening")),
    )
    op.create_index(op.f("ix_room_opening_server_id"), "room_opening", ["server_id"])


def _make_checks() -> None:
    op.create_table(
        "presence_check",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=6), nullable=False, comment="digits"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("closes_at > opened_at", name=op.f("ck_presence_check_closes_after_opening")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_presence_check_meeting_id")),
        sa.ForeignKeyConstraint(["opened_by_id"], ["person.id"], name=op.f("fk_presence_check_opened_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presence_check")),
    )
    op.create_index(op.f("ix_presence_check_meeting_id"), "presence_check", ["meeting_id"])
    op.create_table(
        "presence_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("trainee_id", sa.Integer(), nullable=True),
        sa.Column("guest_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True, comment="empty: only false codes so far"),
        sa.Column(
            "tries", sa.Integer(), server_default="0", nullable=False, comment="false codes in the minute under way"
        ),
        sa.Column("tried_from", sa.DateTime(timezone=True), nullable=True, comment="when that minute began"),
        sa.CheckConstraint("(trainee_id IS NULL) <> (guest_id IS NULL)", name=op.f("ck_presence_answer_of_one_person")),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_presence_answer_tries_not_negative")),
        sa.ForeignKeyConstraint(["check_id"], ["presence_check.id"], name=op.f("fk_presence_answer_check_id")),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_presence_answer_trainee_id")),
        sa.ForeignKeyConstraint(["guest_id"], ["meeting_guest.id"], name=op.f("fk_presence_answer_guest_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presence_answer")),
        sa.UniqueConstraint("check_id", "trainee_id", name=op.f("uq_presence_answer_check_id_trainee_id")),
        sa.UniqueConstraint("check_id", "guest_id", name=op.f("uq_presence_answer_check_id_guest_id")),
    )
    op.create_index("ix_presence_answer_trainee_id", "presence_answer", ["trainee_id"])
    op.create_index("ix_presence_answer_guest_id", "presence_answer", ["guest_id"])


def downgrade() -> None:
    """Take back: servers with their secrets, and the checks that were held, are lost."""
    for table in ("presence_answer", "presence_check", "room_opening", "room_server"):
        op.drop_table(table)
