"""Parts of plans: what lets several processes carry out one run."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "sync_part",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False, comment="the changes of some courses"),
        sa.Column(
            "rosters", sa.JSON(), nullable=False, comment="of each course: its id, who was enrolled, who was inactive"
        ),
        sa.Column("holder", sa.String(length=200), nullable=True, comment="host, process and a random part"),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["sync_run.id"], name=op.f("fk_sync_part_run_id")),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_sync_part")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("sync_part")
