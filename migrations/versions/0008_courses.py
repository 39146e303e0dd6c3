"""Templates by programme and direction, categories by site, and which courses of ended intakes were hidden."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and the column."""
    op.create_table(
        "course_template",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("programme_id", sa.Integer(), nullable=True),
        sa.Column("direction", sa.String(length=300), nullable=True, comment="of sites, as theirs is written"),
        sa.Column(
            "course", sa.String(length=255), nullable=False, comment="as it was given: a course id or a shortname"
        ),
        sa.CheckConstraint("(programme_id IS NULL) <> (direction IS NULL)", name=op.f("ck_course_template_one_scope")),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_course_template_moodle_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_course_template_programme_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_template")),
        sa.UniqueConstraint("moodle_id", "programme_id", name=op.f("uq_course_template_programme")),
        sa.UniqueConstraint("moodle_id", "direction", name=op.f("uq_course_template_direction")),
    )
    op.create_index(op.f("ix_course_template_programme_id"), "course_template", ["programme_id"])
    op.create_table(
        "hidden_course",
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False, comment="Moodle course id"),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_hidden_course_moodle_id")),
        sa.PrimaryKeyConstraint("moodle_id", "course_id", name=op.f("pk_hidden_course")),
    )
    op.add_column(
        "moodle",
        sa.Column(
            "category_per_site",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="courses are made in a category of their site's own below that one",
        ),
    )
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("moodle", "category_per_site", server_default=None)  # it was for the rows that were there


def downgrade() -> None:
    """Take them away again."""
    op.drop_column("moodle", "category_per_site")
    op.drop_table("hidden_course")
    op.drop_table("course_template")
