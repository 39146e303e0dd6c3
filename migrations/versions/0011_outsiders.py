"""Outsiders: people in an intake's course who are on no list, to be offered to its leader."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "outsider",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False, comment="Moodle course id"),
        sa.Column("user_id", sa.Integer(), nullable=False, comment="Moodle user id"),
        sa.Column(
            "is_offered", sa.Boolean(), nullable=False, comment="has the trainees' role there, and not the leader's"
        ),
        sa.Column("last_name", sa.String(length=255), nullable=False, comment="as Moodle told; of who is offered"),
        sa.Column("first_name", sa.String(length=255), nullable=False, comment="as Moodle told, often both names"),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("idnumber", sa.String(length=255), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True, comment="no trainee, the leader says"),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_outsider_moodle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outsider")),
        sa.UniqueConstraint("moodle_id", "course_id", "user_id", name=op.f("uq_outsider_moodle_id_course_id_user_id")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("outsider")
