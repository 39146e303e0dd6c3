"""The first plan for a Moodle waits for a person; nights can be stopped."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


COLUMNS: tuple[sa.Column[Any], ...] = (
    sa.Column(
        "trusted_at",
        sa.DateTime(timezone=True),
        nullable=True,
        comment="when the first plan was applied here by a person's word; until then every plan is held",
    ),
    sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True, comment="since then nights write nothing here"),
    sa.Column("stopped_by", sa.String(length=200), nullable=True),
    sa.Column("stopped_why", sa.String(length=300), nullable=True),
)


def upgrade() -> None:
    """Add the columns; where a night has enrolled people already, a person's word would come too late."""
    for column in COLUMNS:
        op.add_column("moodle", column)
    op.execute(
        "UPDATE moodle SET trusted_at ="
        " (SELECT MIN(written_at) FROM owned_enrolment WHERE owned_enrolment.moodle_id = moodle.id AND NOT pending)"
    )


def downgrade() -> None:
    """Drop them."""
    for column in reversed(COLUMNS):
        op.drop_column("moodle", column.name)
