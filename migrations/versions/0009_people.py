"""Questions about who is who, what Moodle said of known accounts, and whether accounts may be made."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MATCHED_BY = ("moodle_account", "matched_by")
COLUMNS: tuple[tuple[str, sa.Column[Any]], ...] = (
    (
        "moodle",
        sa.Column(
            "creates_users",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="nights may make accounts for people whom this Moodle does not have",
        ),
    ),
    (
        "moodle",
        sa.Column(
            "new_user_auth",
            sa.String(length=20),
            nullable=False,
            server_default="manual",
            comment="Moodle's name for the method by which new users log in",
        ),
    ),
    (
        "moodle_account",
        sa.Column(
            "seen_last_name", sa.String(length=255), nullable=True, comment="as Moodle said last; empty: not told"
        ),
    ),
    (
        "moodle_account",
        sa.Column(
            "seen_first_name", sa.String(length=255), nullable=True, comment="as Moodle said last, often both names"
        ),
    ),
    ("moodle_account", sa.Column("seen_email", sa.String(length=255), nullable=True, comment="as Moodle said last")),
    (
        "moodle_account",
        sa.Column(
            "seen_suspended",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="suspended on the whole site of Moodle",
        ),
    ),
    (
        "moodle_account",
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when Moodle was last asked and showed it",
        ),
    ),
    (
        "moodle_account",
        sa.Column(
            "not_shown_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since then Moodle shows no such user: deleted, as a rule",
        ),
    ),
)


def upgrade() -> None:
    """Add the table and the columns."""
    op.create_table(
        "person_question",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False, comment="why it isn't certain: the code of a Doubt"),
        sa.Column(
            "candidates",
            sa.JSON(),
            nullable=False,
            comment="user_id, idnumber, email, full_name as Moodle gave them; none: nobody matches",
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True, comment="the cause is gone"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column(
            "user_id", sa.Integer(), nullable=True, comment="the Moodle user that was chosen; empty: none of them"
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL)", name=op.f("ck_person_question_decided_by_somebody")
        ),
        sa.CheckConstraint(
            "decided_at IS NOT NULL OR user_id IS NULL", name=op.f("ck_person_question_user_needs_decision")
        ),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_person_question_moodle_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_question_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_question")),
        sa.UniqueConstraint("moodle_id", "person_id", name=op.f("uq_person_question_moodle_id_person_id")),
    )
    op.create_index(op.f("ix_person_question_person_id"), "person_question", ["person_id"])
    for table, column in COLUMNS:
        op.add_column(table, column)
    if not _is_sqlite():
        for table, column in COLUMNS:
            if column.server_default is not None:  # it was for the rows that were there
                op.alter_column(table, column.name, server_default=None)
        _comment("idnumber, email, created (by a night) or person (decided by hand)")


def downgrade() -> None:
    """Take them away again."""
    if not _is_sqlite():
        _comment("idnumber, email or person (decided by hand)")
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column.name)
    op.drop_table("person_question")


def _comment(text: str) -> None:
    op.alter_column(*MATCHED_BY, existing_type=sa.String(length=20), existing_nullable=False, comment=text)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
