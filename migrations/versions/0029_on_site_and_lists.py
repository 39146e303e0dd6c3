"""Who came on site, corrections of attendance with their reasons, lists from elsewhere, the activity behind a link."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

PENDING = sa.text("state <> 'accepted'")
CMID = "course-module id of its activity, as logins tell it"
GUARD = {
    "sqlite": [
        """
        CREATE TRIGGER attendance_correction_no_update BEFORE UPDATE ON attendance_correction
        BEGIN SELECT RAISE(ABORT, 'attendance_correction is append-only'); END
        """,
        """
        CREATE TRIGGER attendance_correction_no_delete BEFORE DELETE ON attendance_correction
        BEGIN SELECT RAISE(ABORT, 'attendance_correction is append-only'); END
        """,
    ],
    "postgresql": [  # the function is the ledger's (0001)
        """
        CREATE TRIGGER attendance_correction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attendance_correction
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """,
    ],
}


def _chosen(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    """Apply."""
    op.add_column("lti_resource_link", sa.Column("cmid", sa.Integer(), nullable=True, comment=CMID))
    _make_arrivals()
    _make_corrections()
    _make_lists()


def _make_arrivals() -> None:
    op.create_table(
        "arrival",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("trainee_id", sa.Integer(), nullable=True),
        sa.Column("guest_id", sa.Integer(), nullable=True),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when the code was scanned or typed, or the host marked",
        ),
        sa.Column("how", _chosen("how", "code", "typed", "host"), nullable=False),
        sa.Column("marked_by_id", sa.Integer(), nullable=True, comment="the host who marked it"),
        sa.CheckConstraint("(trainee_id IS NULL) <> (guest_id IS NULL)", name=op.f("ck_arrival_of_one_person")),
        sa.CheckConstraint("(how = 'host') = (marked_by_id IS NOT NULL)", name=op.f("ck_arrival_host_is_named")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_arrival_meeting_id")),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_arrival_trainee_id")),
        sa.ForeignKeyConstraint(["guest_id"], ["meeting_guest.id"], name=op.f("fk_arrival_guest_id")),
        sa.ForeignKeyConstraint(["marked_by_id"], ["person.id"], name=op.f("fk_arrival_marked_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrival")),
        sa.UniqueConstraint("meeting_id", "trainee_id", name=op.f("uq_arrival_meeting_id_trainee_id")),
        sa.UniqueConstraint("meeting_id", "guest_id", name=op.f("uq_arrival_meeting_id_guest_id")),
    )
    op.create_index(op.f("ix_arrival_trainee_id"), "arrival", ["trainee_id"])
    op.create_index(op.f("ix_arrival_guest_id"), "arrival", ["guest_id"])


def _make_corrections() -> None:
    op.create_table(
        "attendance_correction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attendance_id", sa.Integer(), nullable=False),
        sa.Column("before", _chosen("before", "present", "absent"), nullable=False),
        sa.Column("after", _chosen("after", "present", "absent"), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("before <> after", name=op.f("ck_attendance_correction_changes_something")),
        sa.ForeignKeyConstraint(
            ["attendance_id"], ["attendance.id"], name=op.f("fk_attendance_correction_attendance_id")
        ),
        sa.ForeignKeyConstraint(["made_by_id"], ["person.id"], name=op.f("fk_attendance_correction_made_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_correction")),
    )
    op.create_index(op.f("ix_attendance_correction_attendance_id"), "attendance_correction", ["attendance_id"])
    for statement in GUARD[op.get_bind().dialect.name]:
        op.execute(statement)


def _make_lists() -> None:
    op.create_table(
        "attendance_list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column(
            "provider", sa.String(length=100), nullable=False, comment="where it comes from, as the leader names it"
        ),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("headings", sa.JSON(), nullable=False, comment="texts of the headings"),
        sa.Column(
            "rows",
            sa.JSON(),
            nullable=False,
            comment="[number in the file, cells]; personal data: empty once accepted",
        ),
        sa.Column("columns", sa.JSON(), nullable=False, comment="which column is which: {name: index from 0}"),
        sa.Column("state", _chosen("state", "columns", "review", "accepted"), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uploaded_by_id", sa.Integer(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("people", sa.Integer(), server_default="0", nullable=False, comment="matched when it was accepted"),
        sa.Column(
            "left_out", sa.Integer(), server_default="0", nullable=False, comment="left out when it was accepted"
        ),
        sa.Column(
            "revision",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="1, 2 …: a form with an older one is refused",
        ),
        sa.CheckConstraint(
            "(state = 'accepted') = (accepted_at IS NOT NULL)", name=op.f("ck_attendance_list_accepted_has_date")
        ),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_attendance_list_meeting_id")),
        sa.ForeignKeyConstraint(["uploaded_by_id"], ["person.id"], name=op.f("fk_attendance_list_uploaded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_list")),
    )
    op.create_index(op.f("ix_attendance_list_meeting_id"), "attendance_list", ["meeting_id"])
    op.create_index(
        "uq_attendance_list_pending",
        "attendance_list",
        ["meeting_id"],
        unique=True,
        sqlite_where=PENDING,
        postgresql_where=PENDING,
    )
    op.create_table(
        "list_mapping",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=100), nullable=False),
        sa.Column(
            "provider_key", sa.String(length=100), nullable=False, comment="its name without case and punctuation"
        ),
        sa.Column("signature", sa.String(length=64), nullable=False, comment="SHA-256 of the headings, hex"),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_mapping")),
        sa.UniqueConstraint("provider_key", "signature", name=op.f("uq_list_mapping_provider_key_signature")),
    )


def downgrade() -> None:
    """Take back: arrivals, reasons of corrections, and lists under way are lost."""
    op.drop_table("list_mapping")
    op.drop_table("attendance_list")
    op.drop_table("attendance_correction")  # and its triggers with it
    op.drop_table("arrival")
    op.execute("ALTER TABLE lti_resource_link DROP COLUMN cmid")
