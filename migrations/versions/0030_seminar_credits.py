"""Hours of guests at open meetings: a ledger of its own that nobody rewrites."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

GUARD = {
    "sqlite": [
        """
        CREATE TRIGGER seminar_credit_no_update BEFORE UPDATE ON seminar_credit
        BEGIN SELECT RAISE(ABORT, 'seminar_credit is append-only'); END
        """,
        """
        CREATE TRIGGER seminar_credit_no_delete BEFORE DELETE ON seminar_credit
        BEGIN SELECT RAISE(ABORT, 'seminar_credit is append-only'); END
        """,
    ],
    "postgresql": [
        """
        CREATE TRIGGER seminar_credit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seminar_credit
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """,
    ],
}
INDEXED = ("guest_id", "person_id", "meeting_id")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "seminar_credit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("credit", "reversal", name="kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("guest_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column(
            "hours",
            sa.Integer(),
            nullable=False,
            comment="academic hours in hundredths; a reversal takes them back",
        ),
        sa.Column(
            "evidence", sa.JSON(), nullable=False, comment="frozen: meeting, programme, site, minutes, whose word"
        ),
        sa.Column("decided_by_id", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reverses_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.CheckConstraint("hours > 0", name=op.f("ck_seminar_credit_hours_positive")),
        sa.CheckConstraint(
            "(kind = 'reversal') = (reverses_id IS NOT NULL)", name=op.f("ck_seminar_credit_reversal_names_entry")
        ),
        sa.CheckConstraint(
            "(kind = 'reversal') = (reason IS NOT NULL)", name=op.f("ck_seminar_credit_reversal_has_reason")
        ),
        sa.ForeignKeyConstraint(["guest_id"], ["meeting_guest.id"], name=op.f("fk_seminar_credit_guest_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_seminar_credit_person_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_seminar_credit_meeting_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_seminar_credit_decided_by_id")),
        sa.ForeignKeyConstraint(["reverses_id"], ["seminar_credit.id"], name=op.f("fk_seminar_credit_reverses_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seminar_credit")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_seminar_credit_reverses_id")),
    )
    for name in INDEXED:
        op.create_index(op.f(f"ix_seminar_credit_{name}"), "seminar_credit", [name])
    op.create_index("ix_meeting_guest_state", "meeting_guest", ["state", "meeting_id"])
    for statement in GUARD[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Take back: the hours of guests are lost; their triggers go with the table."""
    op.drop_table("seminar_credit")
    op.drop_index("ix_meeting_guest_state", "meeting_guest")
