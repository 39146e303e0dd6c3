"""Private calendar addresses, reminders of meetings, notices that are in time or not at all, feedback without names."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0025"
branch_labels = None
depends_on = None

OPEN = sa.text("revoked_at IS NULL")
QUESTIONS = (
    "Занятие было полезным для моей работы",
    "Материал изложен понятно",
    "Хватило времени на практику",
)


def upgrade() -> None:
    """Add the tables, and the first questions."""
    op.add_column(
        "notice",
        sa.Column(
            "until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="not delivered from then on; empty: news for two weeks",
        ),
    )
    op.create_table(
        "calendar_feed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "revoked_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="from then on the address leads nowhere",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_calendar_feed_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_feed")),
    )
    op.create_index(op.f("ix_calendar_feed_person_id"), "calendar_feed", ["person_id"])
    op.create_index(
        "uq_calendar_feed_open",
        "calendar_feed",
        ["person_id"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_table(
        "meeting_reminder",
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False, comment="of the meeting, as reminded of"),
        sa.Column("minutes_before", sa.Integer(), autoincrement=False, nullable=False, comment="the span"),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("minutes_before > 0", name=op.f("ck_meeting_reminder_before_the_start")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_meeting_reminder_meeting_id")),
        sa.PrimaryKeyConstraint("meeting_id", "starts_at", "minutes_before", name=op.f("pk_meeting_reminder")),
    )
    questions = op.create_table(
        "feedback_question",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="1, 2 …: order on the form"),
        sa.Column("text", sa.String(length=200), nullable=False, comment="a statement to agree with, from 1 to 5"),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True, comment="asked no more from then on"),
        sa.CheckConstraint("position > 0", name=op.f("ck_feedback_question_position_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback_question")),
    )
    op.bulk_insert(questions, [{"position": number, "text": text} for number, text in enumerate(QUESTIONS, start=1)])
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(length=36), nullable=False, comment="random"),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False, comment="number of the question: 1 to 5"),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_feedback_meeting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_feedback_meeting_id"), "feedback", ["meeting_id"])
    op.create_table(
        "feedback_given",
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_feedback_given_meeting_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_feedback_given_person_id")),
        sa.PrimaryKeyConstraint("meeting_id", "person_id", name=op.f("pk_feedback_given")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_feedback_given_person_id"), "feedback_given", ["person_id"])


def downgrade() -> None:
    """Drop them: addresses, questions and answers are lost."""
    for table in ("feedback_given", "feedback", "feedback_question", "meeting_reminder", "calendar_feed"):
        op.drop_table(table)
    op.drop_column("notice", "until")
