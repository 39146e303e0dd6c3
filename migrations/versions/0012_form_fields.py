"""How many form fields a Moodle's PHP takes, so that nights make their calls as large as it bears."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    with op.batch_alter_table("moodle") as batch:
        batch.add_column(
            sa.Column(
                "max_input_vars",
                sa.Integer(),
                nullable=True,
                comment="form fields that PHP takes in one call there, as the doctor last read it",
            )
        )


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("moodle") as batch:
        batch.drop_column("max_input_vars")
