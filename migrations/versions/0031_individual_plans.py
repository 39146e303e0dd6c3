"""Individual plans with the texts agreed on, consultations, competences rated on the programme's scale."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

TABLES = ("competence_rating", "individual_plan", "consultation", "plan_item", "plan_version")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "competence_rating",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trainee_id", sa.Integer(), nullable=False),
        sa.Column("competence_id", sa.Integer(), nullable=False),
        sa.Column(
            "moment",
            sa.Enum("start", "end", name="moment", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "side",
            sa.Enum("trainee", "leader", name="side", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("value", sa.Integer(), nullable=False, comment="place on the scale, 0 the lowest"),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rated_by_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("value >= 0 AND value < 10", name=op.f("ck_competence_rating_value_on_a_scale")),
        sa.ForeignKeyConstraint(["competence_id"], ["competence.id"], name=op.f("fk_competence_rating_competence_id")),
        sa.ForeignKeyConstraint(["rated_by_id"], ["person.id"], name=op.f("fk_competence_rating_rated_by_id")),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_competence_rating_trainee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_competence_rating")),
        sa.UniqueConstraint(
            "trainee_id",
            "competence_id",
            "moment",
            "side",
            name=op.f("uq_competence_rating_trainee_id_competence_id_moment_side"),
        ),
    )
    op.create_index(op.f("ix_competence_rating_competence_id"), "competence_rating", ["competence_id"], unique=False)
    op.create_table(
        "individual_plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trainee_id", sa.Integer(), nullable=False),
        sa.Column("aim", sa.Text(), nullable=True),
        sa.Column(
            "state",
            sa.Enum("draft", "proposed", "agreed", name="state", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("agreed_number", sa.Integer(), nullable=True, comment="number of the version that holds now"),
        sa.Column("trainee_agreed_at", sa.DateTime(timezone=True), nullable=True, comment="to the text as it stands"),
        sa.Column("leader_agreed_at", sa.DateTime(timezone=True), nullable=True, comment="to the text as it stands"),
        sa.Column("leader_agreed_by_id", sa.Integer(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "revision",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="1, 2 …: a form with an older one is refused",
        ),
        sa.CheckConstraint(
            "(state = 'agreed') = (trainee_agreed_at IS NOT NULL AND leader_agreed_at IS NOT NULL)",
            name=op.f("ck_individual_plan_agreed_by_both"),
        ),
        sa.CheckConstraint(
            "(state = 'draft') = (trainee_agreed_at IS NULL AND leader_agreed_at IS NULL)",
            name=op.f("ck_individual_plan_draft_by_nobody"),
        ),
        sa.CheckConstraint(
            "state <> 'agreed' OR agreed_number IS NOT NULL", name=op.f("ck_individual_plan_agreed_has_version")
        ),
        sa.CheckConstraint(
            "(leader_agreed_at IS NULL) = (leader_agreed_by_id IS NULL)", name=op.f("ck_individual_plan_leader_named")
        ),
        sa.ForeignKeyConstraint(
            ["leader_agreed_by_id"], ["person.id"], name=op.f("fk_individual_plan_leader_agreed_by_id")
        ),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_individual_plan_trainee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_individual_plan")),
        sa.UniqueConstraint("trainee_id", name=op.f("uq_individual_plan_trainee_id")),
    )
    op.create_table(
        "consultation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trainee_id", sa.Integer(), nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.String(length=2000), nullable=False),
        sa.Column(
            "wished", sa.String(length=500), nullable=True, comment="times that would suit, as the trainee wrote them"
        ),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "offered",
                "agreed",
                "declined",
                "withdrawn",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("answer", sa.String(length=1000), nullable=True, comment="the leader's; why it was declined"),
        sa.Column(
            "starts_at", sa.DateTime(timezone=True), nullable=True, comment="offered by the leader, until agreed"
        ),
        sa.Column("minutes", sa.Integer(), nullable=True, comment="offered length"),
        sa.Column(
            "mode",
            sa.Enum("on_site", "distance", name="mode", native_enum=False, create_constraint=True, length=40),
            nullable=True,
            comment="offered",
        ),
        sa.Column(
            "place_or_url", sa.String(length=1000), nullable=True, comment="offered place, or link at a distance"
        ),
        sa.Column("meeting_id", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False, comment="the trainee, or who set it unasked"),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(state = 'agreed' AND meeting_id IS NOT NULL) OR state = 'withdrawn' OR (state <> 'agreed' AND meeting_id IS NULL)",
            name=op.f("ck_consultation_agreed_has_meeting"),
        ),
        sa.CheckConstraint(
            "state <> 'declined' OR answer IS NOT NULL", name=op.f("ck_consultation_declined_has_reason")
        ),
        sa.CheckConstraint(
            "state <> 'offered' OR (starts_at IS NOT NULL AND minutes IS NOT NULL AND mode IS NOT NULL)",
            name=op.f("ck_consultation_offer_has_time"),
        ),
        sa.ForeignKeyConstraint(["answered_by_id"], ["person.id"], name=op.f("fk_consultation_answered_by_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["person.id"], name=op.f("fk_consultation_asked_by_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_consultation_meeting_id")),
        sa.ForeignKeyConstraint(["topic_id"], ["topic.id"], name=op.f("fk_consultation_topic_id")),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_consultation_trainee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consultation")),
        sa.UniqueConstraint("meeting_id", name=op.f("uq_consultation_meeting_id")),
    )
    op.create_index(op.f("ix_consultation_topic_id"), "consultation", ["topic_id"], unique=False)
    op.create_index(op.f("ix_consultation_trainee_id"), "consultation", ["trainee_id"], unique=False)
    op.create_table(
        "plan_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True, comment="1, 2 …; empty: only in versions agreed before"),
        sa.Column("topic_id", sa.Integer(), nullable=True),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column(
            "form",
            sa.Enum(
                "lecture",
                "seminar",
                "work_programme",
                "lesson_design",
                "technological_map",
                "open_lesson",
                "practicum",
                "round_table",
                "consultation",
                name="form",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
            comment="empty: independent work",
        ),
        sa.Column("starts_on", sa.Date(), nullable=False, comment="local date"),
        sa.Column("ends_on", sa.Date(), nullable=False, comment="local date, last day"),
        sa.Column(
            "meeting_id",
            sa.Integer(),
            nullable=True,
            comment="a meeting to come to; attendance tells whether it is done",
        ),
        sa.Column("hours", sa.Integer(), nullable=True, comment="academic hours in hundredths"),
        sa.Column("result", sa.String(length=500), nullable=True, comment="what is handed in"),
        sa.Column("said_done_at", sa.DateTime(timezone=True), nullable=True, comment="the trainee says so"),
        sa.Column(
            "done_at", sa.DateTime(timezone=True), nullable=True, comment="the leader confirmed; not of meetings"
        ),
        sa.Column("done_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("(done_at IS NULL) = (done_by_id IS NULL)", name=op.f("ck_plan_item_done_by_somebody")),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_plan_item_dates_forward")),
        sa.CheckConstraint("hours IS NULL OR hours > 0", name=op.f("ck_plan_item_hours_positive")),
        sa.CheckConstraint("position IS NULL OR position > 0", name=op.f("ck_plan_item_position_positive")),
        sa.ForeignKeyConstraint(["done_by_id"], ["person.id"], name=op.f("fk_plan_item_done_by_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_plan_item_meeting_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["individual_plan.id"], name=op.f("fk_plan_item_plan_id")),
        sa.ForeignKeyConstraint(["topic_id"], ["topic.id"], name=op.f("fk_plan_item_topic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_item")),
        sa.UniqueConstraint("plan_id", "position", name=op.f("uq_plan_item_plan_id_position")),
    )
    op.create_index(op.f("ix_plan_item_meeting_id"), "plan_item", ["meeting_id"], unique=False)
    op.create_index(op.f("ix_plan_item_topic_id"), "plan_item", ["topic_id"], unique=False)
    op.create_table(
        "plan_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1, 2 … within the plan"),
        sa.Column("revision", sa.Integer(), nullable=False, comment="of the plan, to whose text both agreed"),
        sa.Column("content", sa.JSON(), nullable=False, comment="frozen: aim, and items with the ids of their rows"),
        sa.Column("trainee_agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leader_agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leader_agreed_by_id", sa.Integer(), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False, comment="the later of both"),
        sa.CheckConstraint(
            "agreed_at >= trainee_agreed_at AND agreed_at >= leader_agreed_at", name=op.f("ck_plan_version_agreed_last")
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_plan_version_number_positive")),
        sa.ForeignKeyConstraint(
            ["leader_agreed_by_id"], ["person.id"], name=op.f("fk_plan_version_leader_agreed_by_id")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["individual_plan.id"], name=op.f("fk_plan_version_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_version")),
        sa.UniqueConstraint("plan_id", "number", name=op.f("uq_plan_version_plan_id_number")),
    )
    op.add_column(
        "programme_version",
        sa.Column(
            "rating_scale",
            sa.Text(),
            nullable=True,
            comment="by which competences are rated, a line each, the lowest first; empty: the usual one",
        ),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_column("programme_version", "rating_scale")
    for table in reversed(TABLES):
        op.drop_table(table)
