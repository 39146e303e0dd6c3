"""Indexes for lists over all intakes: by their first day, and the places taken in each."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

ENROLLED = sa.text("state = 'enrolled'")


def upgrade() -> None:
    """Add the indexes."""
    op.create_index("ix_intake_starts_on", "intake", ["starts_on", "id"])
    op.create_index("ix_trainee_enrolled", "trainee", ["intake_id"], sqlite_where=ENROLLED, postgresql_where=ENROLLED)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_trainee_enrolled", "trainee")
    op.drop_index("ix_intake_starts_on", "intake")
