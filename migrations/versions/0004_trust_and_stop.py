"""The first plan for a Moodle waits for a person; nights can be stopped."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; where a night has enrolled people already, a person's word would come too late."""
    with op.batch_alter_table("moodle", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "trusted_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="when the first plan was applied here by a person's word; until then every plan is held",
            )
        )
        batch_op.add_column(
            sa.Column(
                "stopped_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="since then nights write nothing here",
            )
        )
        batch_op.add_column(sa.Column("stopped_by", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("stopped_why", sa.String(length=300), nullable=True))
    op.execute(
        "UPDATE moodle SET trusted_at ="
        " (SELECT MIN(written_at) FROM owned_enrolment WHERE owned_enrolment.moodle_id = moodle.id AND NOT pending)"
    )


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("moodle", schema=None) as batch_op:
        for name in ("stopped_why", "stopped_by", "stopped_at", "trusted_at"):
            batch_op.drop_column(name)
