"""Products: what a version asks for, what trainees hand in, the leader's answers, the catalogue, assignments of Moodle."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

FROZEN = "('submitted', 'approved', 'rejected')"


def _is_frozen(row: str) -> str:
    return f"(SELECT state FROM programme_version WHERE id = {row}.version_id) IN {FROZEN}"


RULES = (
    ("demand_added", "INSERT", _is_frozen("NEW")),
    ("demand_changed", "UPDATE", f"{_is_frozen('OLD')} OR {_is_frozen('NEW')}"),
    ("demand_kept", "DELETE", _is_frozen("OLD")),
)
"""What a version asks for is frozen with it (4.2), as its competences are. Tried by tests/regulation."""


def _add_rules() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name, statement, forbidden in RULES:
        if is_sqlite:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {statement} ON product_demand WHEN {forbidden} "
                "BEGIN SELECT RAISE(ABORT, '4.2 frozen'); END"
            )
            continue
        gives = "OLD" if statement == "DELETE" else "NEW"
        op.execute(
            f"CREATE FUNCTION refuse_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {forbidden} THEN RAISE EXCEPTION '4.2 frozen' USING ERRCODE = 'check_violation'; END IF; "
            f"RETURN {gives}; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {statement} ON product_demand FOR EACH ROW EXECUTE FUNCTION refuse_{name}()"
        )


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "course_assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False, comment="Moodle course id"),
        sa.Column("cmid", sa.Integer(), nullable=False, comment="id of the course module"),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_course_assignment_moodle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_assignment")),
        sa.UniqueConstraint(
            "moodle_id", "course_id", "cmid", name=op.f("uq_course_assignment_moodle_id_course_id_cmid")
        ),
    )
    op.create_table(
        "product_demand",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="1, 2 …"),
        sa.Column(
            "kind",
            sa.Enum(
                "work_programme",
                "lesson_design",
                "technological_map",
                "open_lesson",
                "methodical",
                "other",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "lesson_kind",
            sa.Enum(
                "in_class",
                "extracurricular",
                "integrated",
                "other",
                name="lesson_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
            comment="of a lesson's design; empty: any",
        ),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("is_required", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("criteria", sa.JSON(), nullable=False, comment="texts, in order; may be none"),
        sa.CheckConstraint(
            "lesson_kind IS NULL OR kind = 'lesson_design'", name=op.f("ck_product_demand_lesson_kind_of_lesson")
        ),
        sa.CheckConstraint("position > 0", name=op.f("ck_product_demand_position_positive")),
        sa.ForeignKeyConstraint(["version_id"], ["programme_version.id"], name=op.f("fk_product_demand_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_demand")),
        sa.UniqueConstraint("version_id", "position", name=op.f("uq_product_demand_version_id_position")),
    )
    op.create_table(
        "product_assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("intake_id", sa.Integer(), nullable=False),
        sa.Column("demand_id", sa.Integer(), nullable=False),
        sa.Column("cmid", sa.Integer(), nullable=False, comment="id of the course module"),
        sa.Column("name", sa.String(length=255), nullable=False, comment="as it was called when it was tied"),
        sa.ForeignKeyConstraint(["demand_id"], ["product_demand.id"], name=op.f("fk_product_assignment_demand_id")),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.id"], name=op.f("fk_product_assignment_intake_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_assignment")),
        sa.UniqueConstraint("intake_id", "demand_id", name=op.f("uq_product_assignment_intake_id_demand_id")),
    )
    op.create_index(op.f("ix_product_assignment_demand_id"), "product_assignment", ["demand_id"], unique=False)
    op.create_table(
        "product",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trainee_id", sa.Integer(), nullable=False),
        sa.Column("demand_id", sa.Integer(), nullable=True, comment="empty: of the trainee's own choice"),
        sa.Column(
            "kind",
            sa.Enum(
                "work_programme",
                "lesson_design",
                "technological_map",
                "open_lesson",
                "methodical",
                "other",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "lesson_kind",
            sa.Enum(
                "in_class",
                "extracurricular",
                "integrated",
                "other",
                name="lesson_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=True, comment="school subject or field of work"),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "returned",
                "accepted",
                "withdrawn",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "consented_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since when the author agrees to the catalogue, with name and place of work",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "revision",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="1, 2 …: a form with an older one is refused",
        ),
        sa.CheckConstraint(
            "lesson_kind IS NULL OR kind = 'lesson_design'", name=op.f("ck_product_lesson_kind_of_lesson")
        ),
        sa.ForeignKeyConstraint(["demand_id"], ["product_demand.id"], name=op.f("fk_product_demand_id")),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_product_trainee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("trainee_id", "demand_id", name=op.f("uq_product_trainee_id_demand_id")),
    )
    op.create_index(op.f("ix_product_demand_id"), "product", ["demand_id"], unique=False)
    op.create_index(
        "ix_product_waiting",
        "product",
        ["trainee_id"],
        unique=False,
        sqlite_where=sa.text("state = 'submitted'"),
        postgresql_where=sa.text("state = 'submitted'"),
    )
    op.create_table(
        "product_grade",
        sa.Column("trainee_id", sa.Integer(), nullable=False),
        sa.Column("cmid", sa.Integer(), autoincrement=False, nullable=False, comment="id of the course module"),
        sa.Column("grade", sa.Double(), nullable=True),
        sa.Column("grade_max", sa.Double(), nullable=True, comment="empty: the course's reports don't tell it"),
        sa.Column(
            "state",
            sa.Enum(
                "nothing", "submitted", "graded", name="state", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True, comment="as Moodle told; often not known"),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_product_grade_trainee_id")),
        sa.PrimaryKeyConstraint("trainee_id", "cmid", name=op.f("pk_product_grade")),
    )
    op.create_table(
        "product_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1, 2 … within the product"),
        sa.Column(
            "source",
            sa.Enum("tool", "moodle", name="source", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=True, comment="the author's words to it"),
        sa.Column("links", sa.JSON(), nullable=False, comment="http and https addresses"),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True, comment="empty: still being prepared"),
        sa.CheckConstraint(
            "source = 'tool' OR submitted_at IS NOT NULL", name=op.f("ck_product_version_moodle_is_submitted")
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_product_version_number_positive")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_product_version_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_version")),
        sa.UniqueConstraint("product_id", "number", name=op.f("uq_product_version_product_id_number")),
    )
    op.create_table(
        "product_publication",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False, comment="where it was made; gives the direction"),
        sa.Column(
            "search_key", sa.Text(), nullable=False, comment="what it is found by, folded; written at publication"
        ),
        sa.Column("subject_key", sa.String(length=200), nullable=False, comment="the subject, folded"),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=200), nullable=True),
        sa.Column(
            "ended_because",
            sa.String(length=500),
            nullable=True,
            comment="where the leader or the centre took it out; empty: the author did",
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_product_publication_ended_by_somebody")
        ),
        sa.CheckConstraint(
            "ended_because IS NULL OR ended_at IS NOT NULL", name=op.f("ck_product_publication_reason_of_end")
        ),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_product_publication_product_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_product_publication_site_id")),
        sa.ForeignKeyConstraint(["version_id"], ["product_version.id"], name=op.f("fk_product_publication_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_publication")),
    )
    op.create_index(
        "ix_product_publication_newest",
        "product_publication",
        ["published_at", "id"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(op.f("ix_product_publication_product_id"), "product_publication", ["product_id"], unique=False)
    op.create_index("ix_product_publication_site", "product_publication", ["site_id"], unique=False)
    op.create_index(op.f("ix_product_publication_version_id"), "product_publication", ["version_id"], unique=False)
    op.create_index(
        "uq_product_publication_shown",
        "product_publication",
        ["product_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "product_review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column(
            "decision",
            sa.Enum("returned", "accepted", name="decision", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column(
            "marks", sa.JSON(), nullable=False, comment="a {criterion, mark, note} for each criterion of the demand"
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=200), nullable=True),
        sa.Column("undone_because", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "decision <> 'returned' OR remarks IS NOT NULL", name=op.f("ck_product_review_returned_has_remarks")
        ),
        sa.CheckConstraint(
            "(undone_at IS NULL) = (undone_because IS NULL) AND (undone_at IS NULL) = (undone_by IS NULL)",
            name=op.f("ck_product_review_undone_has_reason"),
        ),
        sa.ForeignKeyConstraint(["made_by_id"], ["person.id"], name=op.f("fk_product_review_made_by_id")),
        sa.ForeignKeyConstraint(["version_id"], ["product_version.id"], name=op.f("fk_product_review_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_review")),
    )
    op.create_index(
        "uq_product_review_holds",
        "product_review",
        ["version_id"],
        unique=True,
        sqlite_where=sa.text("undone_at IS NULL"),
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    _add_rules()


def downgrade() -> None:
    """Take back."""
    op.drop_index(
        "uq_product_review_holds",
        table_name="product_review",
        sqlite_where=sa.text("undone_at IS NULL"),
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.drop_table("product_review")
    op.drop_index(
        "uq_product_publication_shown",
        table_name="product_publication",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index(op.f("ix_product_publication_version_id"), table_name="product_publication")
    op.drop_index("ix_product_publication_site", table_name="product_publication")
    op.drop_index(op.f("ix_product_publication_product_id"), table_name="product_publication")
    op.drop_index(
        "ix_product_publication_newest",
        table_name="product_publication",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_table("product_publication")
    op.drop_table("product_version")
    op.drop_table("product_grade")
    op.drop_index(
        "ix_product_waiting",
        table_name="product",
        sqlite_where=sa.text("state = 'submitted'"),
        postgresql_where=sa.text("state = 'submitted'"),
    )
    op.drop_index(op.f("ix_product_demand_id"), table_name="product")
    op.drop_table("product")
    op.drop_index(op.f("ix_product_assignment_demand_id"), table_name="product_assignment")
    op.drop_table("product_assignment")
    op.drop_table("product_demand")
    if op.get_bind().dialect.name != "sqlite":
        for name, _statement, _forbidden in RULES:
            op.execute(f"DROP FUNCTION refuse_{name}()")
    op.drop_table("course_assignment")
