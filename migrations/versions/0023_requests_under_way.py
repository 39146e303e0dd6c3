"""An index of the requests for places that are under way: few, looked for at each round of delivery."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

UNDER_WAY = "state IN ('with_head', 'waiting')"


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "ix_place_request_under_way",
        "place_request",
        ["intake_id"],
        sqlite_where=sa.text(UNDER_WAY),
        postgresql_where=sa.text(UNDER_WAY),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_place_request_under_way", "place_request")
