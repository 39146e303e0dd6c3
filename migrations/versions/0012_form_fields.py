"""How many form fields a Moodle's PHP takes, so that nights make their calls as large as it bears."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "moodle",
        sa.Column(
            "max_input_vars",
            sa.Integer(),
            nullable=True,
            comment="form fields that PHP takes in one call there, as the doctor last read it",
        ),
    )


def downgrade() -> None:
    """Take it away; as a batch SQLite would make the table anew, to which others point."""
    op.drop_column("moodle", "max_input_vars")
