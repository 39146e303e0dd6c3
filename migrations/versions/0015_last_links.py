"""By which link of the tool somebody last came, so that a notice finds the way back; links placed for a meeting."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the next launch of each account and link fills them."""
    op.add_column(
        "moodle_account",
        sa.Column(
            "last_link",
            sa.Integer(),
            nullable=True,
            comment="LTI instance in Moodle by whose link they last came: resource_link.id of a launch",
        ),
    )
    op.add_column(
        "lti_resource_link",
        sa.Column(
            "chosen_meeting",
            sa.Integer(),
            nullable=True,
            comment="the meeting that the link was placed for: its column is not that of the hours",
        ),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_column("lti_resource_link", "chosen_meeting")
    op.drop_column("moodle_account", "last_link")
