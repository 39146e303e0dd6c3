"""Whom a run put forward for credit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; runs of before have put nobody forward as far as is known."""
    op.add_column(
        "sync_run",
        sa.Column(
            "proposed",
            sa.JSON(),
            nullable=False,
            server_default="{}",
            comment="people whom the run put forward for credit, by code of the intake",
        ),
    )


def downgrade() -> None:
    """Take the column away."""
    op.drop_column("sync_run", "proposed")
