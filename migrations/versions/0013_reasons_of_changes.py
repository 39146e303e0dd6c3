"""Why a plan had each change, so that the run's page can say it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; changes of earlier runs have none."""
    with op.batch_alter_table("sync_change") as batch:
        batch.add_column(
            sa.Column(
                "reason",
                sa.String(40),
                nullable=True,
                comment="why the plan had it: moodle_sync.changes.Reason",
            )
        )


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("sync_change") as batch:
        batch.drop_column("reason")
