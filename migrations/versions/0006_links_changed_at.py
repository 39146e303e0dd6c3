"""Call the time of a link's last change what it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BEFORE, AFTER = (
    "last launch that changed this row",
    "first launch of the link, or the last that told something new of it",
)


def upgrade() -> None:
    """Rename the column."""
    _rename("seen_at", "changed_at", AFTER)


def downgrade() -> None:
    """Give it its old name back."""
    _rename("changed_at", "seen_at", BEFORE)


def _rename(old: str, new: str, comment: str) -> None:
    op.execute(f"ALTER TABLE lti_resource_link RENAME COLUMN {old} TO {new}")
    if op.get_bind().dialect.name != "sqlite":
        kind = sa.DateTime(timezone=True)
        op.alter_column("lti_resource_link", new, existing_type=kind, existing_nullable=False, comment=comment)
