"""What leaders write to trainees of an intake."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "intake_message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("intake_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="plain text, 2,000 characters at most"),
        sa.Column("sent_by_id", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False, comment="how many people it went to"),
        sa.Column(
            "form_key",
            sa.String(length=40),
            nullable=False,
            comment="of the form it was written in: sent twice, it is one",
        ),
        sa.CheckConstraint("recipients > 0", name=op.f("ck_intake_message_to_somebody")),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.id"], name=op.f("fk_intake_message_intake_id")),
        sa.ForeignKeyConstraint(["sent_by_id"], ["person.id"], name=op.f("fk_intake_message_sent_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_message")),
        sa.UniqueConstraint("intake_id", "form_key", name=op.f("uq_intake_message_intake_id_form_key")),
    )
    op.create_index("ix_intake_message_sent", "intake_message", ["intake_id", "sent_at"])
    op.create_index(op.f("ix_intake_message_sent_by_id"), "intake_message", ["sent_by_id"])


def downgrade() -> None:
    """Drop it; the notices that went out stay."""
    op.drop_table("intake_message")
