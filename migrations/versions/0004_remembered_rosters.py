"""Remembered rosters: what spares a quiet night from reading every course again."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "remembered_roster",
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False, comment="Moodle course id"),
        sa.Column("enrolled", sa.JSON(), nullable=False, comment="Moodle user ids, ascending"),
        sa.Column(
            "inactive", sa.JSON(), nullable=False, comment="those of them who were suspended or out of their dates"
        ),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_remembered_roster_moodle_id")),
        sa.PrimaryKeyConstraint("moodle_id", "course_id", name=op.f("pk_remembered_roster")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("remembered_roster")
