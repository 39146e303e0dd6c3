"""By which link of the tool somebody last came from Moodle, so that a notice's link finds the way back."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the next launch of each account fills it."""
    op.add_column(
        "moodle_account",
        sa.Column(
            "last_link",
            sa.Integer(),
            nullable=True,
            comment="LTI instance in Moodle by whose link they last came: resource_link.id of a launch",
        ),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("moodle_account", "last_link")
