"""Events of meetings that the tool made; several intakes in one course, where their leader tied them to it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEX = "uq_intake_course"
ONE_EACH = sa.text("course_id IS NOT NULL")
UNLESS_TIED = sa.text("course_id IS NOT NULL AND (course_tied_by IS NULL OR course_tied_by <> 'leader')")


def upgrade() -> None:
    """Add the table; let leaders tie an intake to a course that another one has."""
    op.create_table(
        "owned_event",
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False, comment="Moodle course id"),
        sa.Column("meeting_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "event_id",
            sa.Integer(),
            nullable=False,
            comment="Moodle's; while pending the newest that was there before, or 0",
        ),
        sa.Column("starts", sa.Integer(), nullable=False, comment="as last written, Unix seconds"),
        sa.Column("digest", sa.String(length=32), nullable=False, comment="hash of what was written"),
        sa.Column("pending", sa.Boolean(), nullable=False, comment="meant to be written, not yet known to be"),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_owned_event_meeting_id")),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_owned_event_moodle_id")),
        sa.PrimaryKeyConstraint("moodle_id", "course_id", "meeting_id", name=op.f("pk_owned_event")),
    )
    op.drop_index(INDEX, table_name="intake")
    op.create_index(
        INDEX,
        "intake",
        ["moodle_id", "course_id"],
        unique=True,
        sqlite_where=UNLESS_TIED,
        postgresql_where=UNLESS_TIED,
    )


def downgrade() -> None:
    """Drop the table; of intakes that share a course the first keeps it."""
    op.drop_index(INDEX, table_name="intake")
    op.execute(
        "UPDATE intake SET course_id = NULL, course_tied_by = NULL WHERE course_tied_by = 'leader' AND EXISTS ("
        "SELECT 1 FROM intake AS other WHERE other.moodle_id = intake.moodle_id"
        " AND other.course_id = intake.course_id AND other.id <> intake.id"
        " AND (other.id < intake.id OR other.course_tied_by IS NULL OR other.course_tied_by <> 'leader'))"
    )
    op.create_index(
        INDEX, "intake", ["moodle_id", "course_id"], unique=True, sqlite_where=ONE_EACH, postgresql_where=ONE_EACH
    )
    op.drop_table("owned_event")
