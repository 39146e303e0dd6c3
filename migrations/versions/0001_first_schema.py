"""First schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LEDGER_GUARD = {
    "sqlite": [
        """
        CREATE TRIGGER credit_entry_no_update BEFORE UPDATE ON credit_entry
        BEGIN SELECT RAISE(ABORT, 'credit_entry is append-only'); END
        """,
        """
        CREATE TRIGGER credit_entry_no_delete BEFORE DELETE ON credit_entry
        BEGIN SELECT RAISE(ABORT, 'credit_entry is append-only'); END
        """,
    ],
    "postgresql": [
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
        """,
        """
        CREATE TRIGGER credit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_entry
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """,
    ],
}

LEDGER_RELEASE = {
    "sqlite": ["DROP TRIGGER credit_entry_no_update", "DROP TRIGGER credit_entry_no_delete"],
    "postgresql": ["DROP TRIGGER credit_entry_append_only ON credit_entry", "DROP FUNCTION refuse_change()"],
}


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="UTC"),
        sa.Column(
            "actor_person_id", sa.Integer(), nullable=True, comment="person; empty for the night and the command line"
        ),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False, comment="verb of the use case"),
        sa.Column("object_type", sa.String(length=60), nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False, comment="field: [before, after]; never secret or СНИЛС"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index("ix_audit_entry_object", ["object_type", "object_id"], unique=False)

    op.create_table(
        "lti_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("private_encrypted", sa.Text(), nullable=False, comment="PEM, encrypted with DATA_KEYS"),
        sa.Column("public_jwk", sa.JSON(), nullable=False, comment="what /lti/jwks publishes"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "signs_from",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="later than created_at, so that caches learn it",
        ),
        sa.Column("retires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_key")),
        sa.UniqueConstraint("kid", name=op.f("uq_lti_key_kid")),
    )
    op.create_table(
        "moodle",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False, comment="short name used on the command line"),
        sa.Column("url", sa.String(length=500), nullable=False, comment="wwwroot, without a slash at the end"),
        sa.Column("token_encrypted", sa.Text(), nullable=False, comment="web-service token, encrypted with DATA_KEYS"),
        sa.Column(
            "template_course",
            sa.String(length=255),
            nullable=True,
            comment="the template as it was given: a course id or a shortname",
        ),
        sa.Column(
            "template_course_id",
            sa.Integer(),
            nullable=True,
            comment="Moodle course that intakes' courses are copied from",
        ),
        sa.Column("category_id", sa.Integer(), nullable=False, comment="Moodle category of new courses"),
        sa.Column("trainee_role_id", sa.Integer(), nullable=False, comment="Moodle role of trainees (student)"),
        sa.Column("leader_role_id", sa.Integer(), nullable=False, comment="Moodle role of leaders (editingteacher)"),
        sa.Column(
            "visits_from",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="visits that began earlier have ended: a registration was disabled then",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moodle")),
        sa.UniqueConstraint("name", name=op.f("uq_moodle_name")),
        sa.UniqueConstraint("url", name=op.f("uq_moodle_url")),
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("short_name", sa.String(length=200), nullable=True),
        sa.Column(
            "type", sa.String(length=100), nullable=True, comment="school, kindergarten, … as the centre writes it"
        ),
        sa.Column(
            "licensed",
            sa.Boolean(),
            nullable=False,
            comment="may issue удостоверения: holds a licence for additional professional education",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("code", name=op.f("uq_organisation_code")),
    )
    op.create_table(
        "outbox_message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False, comment="which deliverer: score, mail, …"),
        sa.Column("key", sa.String(length=200), nullable=False, comment="idempotency key"),
        sa.Column("payload", sa.JSON(), nullable=False, comment="what the deliverer needs; ids, no personal data"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "next_attempt_at", sa.DateTime(timezone=True), nullable=False, comment="also the end of a worker's lease"
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            nullable=False,
            comment="leases taken so far: tells one lease from a later one",
        ),
        sa.Column("failures", sa.Integer(), nullable=False, comment="attempts that failed; patient waits are none"),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "last_error", sa.String(length=500), nullable=True, comment="why it was not delivered; no personal data"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_message")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_message_key")),
    )
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outbox_message_due",
            ["next_attempt_at"],
            unique=False,
            sqlite_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL"),
            postgresql_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL"),
        )

    op.create_table(
        "lti_registration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column(
            "deployment_id",
            sa.String(length=255),
            nullable=False,
            comment="a Moodle's tool type id, a string such as '1'",
        ),
        sa.Column("auth_login_url", sa.String(length=500), nullable=False),
        sa.Column("auth_token_url", sa.String(length=500), nullable=False),
        sa.Column("key_set_url", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "disabled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since then no launch is taken",
        ),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_lti_registration_moodle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_registration")),
        sa.UniqueConstraint(
            "issuer", "client_id", "deployment_id", name=op.f("uq_lti_registration_issuer_client_id_deployment_id")
        ),
    )
    with op.batch_alter_table("lti_registration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lti_registration_moodle_id"), ["moodle_id"], unique=False)

    op.create_table(
        "owned_enrolment",
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False, comment="Moodle course id"),
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False, comment="Moodle user id"),
        sa.Column("role", sa.String(length=20), nullable=False, comment="trainee or leader"),
        sa.Column("starts", sa.Integer(), nullable=False, comment="timestart as last written, Unix seconds"),
        sa.Column("ends", sa.Integer(), nullable=False, comment="timeend as last written, Unix seconds; 0 for none"),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False, comment="meant to be written, not yet known to be"),
        sa.Column(
            "drift",
            sa.Enum(
                "",
                "removed",
                "suspended",
                "elsewhere",
                name="drift",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
            comment="what a person in Moodle made of it, if that stays so",
        ),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_owned_enrolment_moodle_id")),
        sa.PrimaryKeyConstraint("moodle_id", "course_id", "user_id", "role", name=op.f("pk_owned_enrolment")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("last_name", sa.String(length=100), nullable=False),
        sa.Column("first_name", sa.String(length=100), nullable=False),
        sa.Column("middle_name", sa.String(length=100), nullable=True),
        sa.Column(
            "email", sa.String(length=254), nullable=True, comment="not an identity: may change or differ in case"
        ),
        sa.Column("moodle_idnumber", sa.String(length=255), nullable=True, comment="idnumber of the Moodle user"),
        sa.Column("organisation_id", sa.Integer(), nullable=True),
        sa.Column("position", sa.String(length=200), nullable=True),
        sa.Column(
            "category",
            sa.Enum("highest", "first", name="category", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("category_until", sa.Date(), nullable=True, comment="older categories expire, newer ones don't"),
        sa.CheckConstraint(
            "category IS NOT NULL OR category_until IS NULL", name=op.f("ck_person_category_expiry_needs_category")
        ),
        sa.CheckConstraint("email IS NOT NULL OR moodle_idnumber IS NOT NULL", name=op.f("ck_person_can_be_found")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_person_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("moodle_idnumber", name=op.f("uq_person_moodle_idnumber")),
    )
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "role_grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False, comment="Moodle user id"),
        sa.Column(
            "role",
            sa.Enum(
                "administrator",
                "centre",
                "council",
                "leader",
                "trainee",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('administrator', 'centre', 'council')", name=op.f("ck_role_grant_grantable")),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_role_grant_moodle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grant")),
        sa.UniqueConstraint("moodle_id", "user_id", "role", name=op.f("uq_role_grant_moodle_id_user_id_role")),
    )
    op.create_table(
        "site",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("direction", sa.String(length=300), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True, comment="8.1; nothing is deleted"),
        sa.Column("ended_because", sa.String(length=500), nullable=True),
        sa.CheckConstraint("(ended_on IS NULL) = (ended_because IS NULL)", name=op.f("ck_site_end_has_reason")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_site_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("code", name=op.f("uq_site_code")),
    )
    with op.batch_alter_table("site", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_site_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "sync_lock",
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=False, comment="host, process and a random part"),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_sync_lock_moodle_id")),
        sa.PrimaryKeyConstraint("moodle_id", name=op.f("pk_sync_lock")),
    )
    op.create_table(
        "sync_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "running",
                "done",
                "failed_some",
                "held",
                "unreadable",
                "interrupted",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("phase", sa.String(length=40), nullable=False, comment="reading, writing, progress …"),
        sa.Column("steps_total", sa.Integer(), nullable=False),
        sa.Column("steps_done", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.String(length=64), nullable=True, comment="SHA-256 over the plan's content"),
        sa.Column("counts", sa.JSON(), nullable=False, comment="kind: planned, done, failed"),
        sa.Column("held", sa.JSON(), nullable=False, comment="the guard's reasons, also when approved beforehand"),
        sa.Column("notes", sa.JSON(), nullable=False, comment="what a person has to decide; nothing was touched"),
        sa.Column(
            "scores", sa.JSON(), nullable=False, comment="trainees whose score waited or was given up when it ended"
        ),
        sa.Column("calls", sa.Integer(), nullable=False, comment="calls to Moodle"),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True, comment="why the run stopped, with its remedy"),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_sync_run_moodle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_run")),
    )
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.create_index("ix_sync_run_moodle", ["moodle_id", "started_at"], unique=False)

    op.create_table(
        "held_plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "held",
                "approved",
                "applied",
                "expired",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False, comment="the plan itself, for a person to read"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.String(length=200), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_held_plan_moodle_id")),
        sa.ForeignKeyConstraint(["run_id"], ["sync_run.id"], name=op.f("fk_held_plan_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_plan")),
        sa.UniqueConstraint("moodle_id", "plan_id", name=op.f("uq_held_plan_moodle_id_plan_id")),
    )
    with op.batch_alter_table("held_plan", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_held_plan_run_id"), ["run_id"], unique=False)

    op.create_table(
        "lti_invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False, comment="SHA-256 of the token, hex"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "busy_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="a registration is under way until then, so that a page loaded twice registers once",
        ),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("registration_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_lti_invitation_moodle_id")),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["lti_registration.id"], name=op.f("fk_lti_invitation_registration_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_lti_invitation_token_hash")),
    )
    with op.batch_alter_table("lti_invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lti_invitation_moodle_id"), ["moodle_id"], unique=False)

    op.create_table(
        "lti_nonce",
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["lti_registration.id"], name=op.f("fk_lti_nonce_registration_id")
        ),
        sa.PrimaryKeyConstraint("registration_id", "nonce", name=op.f("pk_lti_nonce")),
    )
    with op.batch_alter_table("lti_nonce", schema=None) as batch_op:
        batch_op.create_index("ix_lti_nonce_expires_at", ["expires_at"], unique=False)

    op.create_table(
        "lti_resource_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column(
            "resource_link_id", sa.String(length=255), nullable=False, comment="id of the LTI instance in Moodle"
        ),
        sa.Column("course_id", sa.Integer(), nullable=False, comment="context.id: the Moodle course id"),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column(
            "lineitem_url", sa.String(length=1000), nullable=True, comment="AGS line item of this link, with its query"
        ),
        sa.Column("lineitems_url", sa.String(length=1000), nullable=True),
        sa.Column("memberships_url", sa.String(length=1000), nullable=True),
        sa.Column(
            "lineitem_maximum",
            sa.Integer(),
            nullable=True,
            comment="hours that the line item was set to count, in hundredths; empty: Moodle's own maximum",
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="first launch of the link, or the last that told something new of it",
        ),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["lti_registration.id"], name=op.f("fk_lti_resource_link_registration_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lti_resource_link")),
        sa.UniqueConstraint(
            "registration_id", "resource_link_id", name=op.f("uq_lti_resource_link_registration_id_resource_link_id")
        ),
    )
    with op.batch_alter_table("lti_resource_link", schema=None) as batch_op:
        batch_op.create_index("ix_lti_resource_link_course", ["registration_id", "course_id"], unique=False)

    op.create_table(
        "moodle_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column(
            "user_id", sa.Integer(), nullable=False, comment="Moodle user id; sub of a launch, userId of a score"
        ),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column(
            "matched_by", sa.String(length=20), nullable=False, comment="idnumber, email or person (decided by hand)"
        ),
        sa.Column("matched_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_moodle_account_moodle_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_moodle_account_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moodle_account")),
        sa.UniqueConstraint("moodle_id", "person_id", name=op.f("uq_moodle_account_moodle_id_person_id")),
        sa.UniqueConstraint("moodle_id", "user_id", name=op.f("uq_moodle_account_moodle_id_user_id")),
    )
    with op.batch_alter_table("moodle_account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_moodle_account_person_id"), ["person_id"], unique=False)

    op.create_table(
        "programme",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_programme_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme")),
        sa.UniqueConstraint("code", name=op.f("uq_programme_code")),
    )
    with op.batch_alter_table("programme", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_programme_site_id"), ["site_id"], unique=False)

    op.create_table(
        "site_leader",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True, comment="last day; empty for the present leader"),
        sa.CheckConstraint("until IS NULL OR until >= since", name=op.f("ck_site_leader_term_forward")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_site_leader_person_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_leader_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_leader")),
    )
    with op.batch_alter_table("site_leader", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_site_leader_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_site_leader_site_id"), ["site_id"], unique=False)
        batch_op.create_index(
            "uq_site_leader_current",
            ["site_id"],
            unique=True,
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        )

    op.create_table(
        "site_order",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column(
            "valid_until", sa.Date(), nullable=False, comment="last day; three years after valid_from at most (3.3)"
        ),
        sa.Column("signatory", sa.String(length=200), nullable=True),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_site_order_term_forward")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_order_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_order")),
        sa.UniqueConstraint("site_id", "number", "signed_on", name=op.f("uq_site_order_site_id_number_signed_on")),
    )
    op.create_table(
        "sync_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("target", sa.String(length=300), nullable=False, comment="course and person, by id"),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("errorcode", sa.String(length=100), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["sync_run.id"], name=op.f("fk_sync_change_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_change")),
    )
    with op.batch_alter_table("sync_change", schema=None) as batch_op:
        batch_op.create_index("ix_sync_change_run", ["run_id", "failed"], unique=False)

    op.create_table(
        "programme_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1, 2 … within the programme"),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("goals", sa.Text(), nullable=True),
        sa.Column(
            "hours", sa.Integer(), nullable=False, comment="academic hours in hundredths; equals the topics' sum"
        ),
        sa.Column(
            "hours_needed", sa.Integer(), nullable=False, comment="attended hours that earn credit, in hundredths"
        ),
        sa.Column(
            "needs_completion",
            sa.Boolean(),
            nullable=False,
            comment="credit also asks that the other activities of the Moodle course are complete",
        ),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "returned",
                "approved",
                "rejected",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("council_protocol", sa.String(length=60), nullable=True),
        sa.Column("council_date", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "state <> 'approved' OR (council_protocol IS NOT NULL AND council_date IS NOT NULL)",
            name=op.f("ck_programme_version_approval_has_protocol"),
        ),
        sa.CheckConstraint("hours > 0", name=op.f("ck_programme_version_hours_positive")),
        sa.CheckConstraint(
            "hours_needed > 0 AND hours_needed <= hours", name=op.f("ck_programme_version_hours_needed_within")
        ),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_programme_version_programme_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme_version")),
        sa.UniqueConstraint("programme_id", "number", name=op.f("uq_programme_version_programme_id_number")),
    )
    op.create_table(
        "intake",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False, comment="also idnumber of the Moodle course"),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False, comment="local date"),
        sa.Column("ends_on", sa.Date(), nullable=False, comment="local date, last day"),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="from then on the night keeps a course; only on an approved version (4.2)",
        ),
        sa.Column("course_id", sa.Integer(), nullable=True, comment="Moodle course id, once made or tied"),
        sa.Column(
            "course_tied_by",
            sa.String(length=20),
            nullable=True,
            comment="night (made by the tool), idnumber (of the course) or leader",
        ),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_intake_capacity_positive")),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_intake_dates_forward")),
        sa.ForeignKeyConstraint(["moodle_id"], ["moodle.id"], name=op.f("fk_intake_moodle_id")),
        sa.ForeignKeyConstraint(["version_id"], ["programme_version.id"], name=op.f("fk_intake_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake")),
        sa.UniqueConstraint("code", name=op.f("uq_intake_code")),
    )
    with op.batch_alter_table("intake", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_intake_moodle_id"), ["moodle_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_intake_version_id"), ["version_id"], unique=False)
        batch_op.create_index(
            "uq_intake_course",
            ["moodle_id", "course_id"],
            unique=True,
            sqlite_where=sa.text("course_id IS NOT NULL"),
            postgresql_where=sa.text("course_id IS NOT NULL"),
        )

    op.create_table(
        "topic",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="1, 2 …"),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column(
            "form",
            sa.Enum(
                "lecture",
                "seminar",
                "work_programme",
                "lesson_design",
                "technological_map",
                "open_lesson",
                "practicum",
                "round_table",
                "consultation",
                name="form",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "mode",
            sa.Enum("on_site", "distance", name="mode", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("hours", sa.Integer(), nullable=False, comment="academic hours in hundredths"),
        sa.CheckConstraint("hours > 0", name=op.f("ck_topic_hours_positive")),
        sa.CheckConstraint("position > 0", name=op.f("ck_topic_position_positive")),
        sa.ForeignKeyConstraint(["version_id"], ["programme_version.id"], name=op.f("fk_topic_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic")),
        sa.UniqueConstraint("version_id", "position", name=op.f("uq_topic_version_id_position")),
    )
    op.create_table(
        "meeting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("intake_id", sa.Integer(), nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column(
            "form",
            sa.Enum(
                "lecture",
                "seminar",
                "work_programme",
                "lesson_design",
                "technological_map",
                "open_lesson",
                "practicum",
                "round_table",
                "consultation",
                name="form",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "mode",
            sa.Enum("on_site", "distance", name="mode", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False, comment="UTC"),
        sa.Column("minutes", sa.Integer(), nullable=False, comment="length in minutes of the clock"),
        sa.Column("hours", sa.Integer(), nullable=False, comment="academic hours that attending gives, in hundredths"),
        sa.Column("place", sa.String(length=500), nullable=True),
        sa.Column(
            "room_url", sa.String(length=1000), nullable=True, comment="given to people of the intake only, when open"
        ),
        sa.Column(
            "state",
            sa.Enum("planned", "cancelled", name="state", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.CheckConstraint("mode <> 'distance' OR room_url IS NOT NULL", name=op.f("ck_meeting_distance_has_room")),
        sa.CheckConstraint("hours > 0", name=op.f("ck_meeting_hours_positive")),
        sa.CheckConstraint("minutes > 0 AND minutes <= 720", name=op.f("ck_meeting_minutes_sensible")),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.id"], name=op.f("fk_meeting_intake_id")),
        sa.ForeignKeyConstraint(["topic_id"], ["topic.id"], name=op.f("fk_meeting_topic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting")),
        sa.UniqueConstraint("intake_id", "topic_id", "starts_at", name=op.f("uq_meeting_intake_id_topic_id_starts_at")),
    )
    with op.batch_alter_table("meeting", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_meeting_topic_id"), ["topic_id"], unique=False)

    op.create_table(
        "trainee",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("intake_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("enrolled", "left", name="state", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'left') = (left_at IS NOT NULL)", name=op.f("ck_trainee_left_has_date")),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.id"], name=op.f("fk_trainee_intake_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_trainee_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trainee")),
        sa.UniqueConstraint("intake_id", "person_id", name=op.f("uq_trainee_intake_id_person_id")),
    )
    with op.batch_alter_table("trainee", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trainee_person_id"), ["person_id"], unique=False)

    op.create_table(
        "attendance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("trainee_id", sa.Integer(), nullable=False),
        sa.Column(
            "presence",
            sa.Enum("present", "absent", name="presence", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("minutes_joined", sa.Integer(), nullable=True, comment="from the join log, where there is one"),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=False),
        sa.Column(
            "is_credited",
            sa.Boolean(),
            nullable=False,
            comment="an entry of the ledger rests on it: it holds until that is reversed",
        ),
        sa.CheckConstraint("NOT is_credited OR presence = 'present'", name=op.f("ck_attendance_credited_is_present")),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["person.id"], name=op.f("fk_attendance_confirmed_by_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_attendance_meeting_id")),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_attendance_trainee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
        sa.UniqueConstraint("meeting_id", "trainee_id", name=op.f("uq_attendance_meeting_id_trainee_id")),
    )
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attendance_trainee_id"), ["trainee_id"], unique=False)

    op.create_table(
        "credit_proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trainee_id", sa.Integer(), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False, comment="academic hours in hundredths"),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open", "confirmed", "withdrawn", name="state", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f("ck_credit_proposal_closed_has_date")),
        sa.CheckConstraint("hours > 0", name=op.f("ck_credit_proposal_hours_positive")),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_credit_proposal_trainee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_proposal")),
    )
    with op.batch_alter_table("credit_proposal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credit_proposal_trainee_id"), ["trainee_id"], unique=False)
        batch_op.create_index(
            "uq_credit_proposal_open",
            ["trainee_id"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "join_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("trainee_id", sa.Integer(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_how", sa.String(length=20), nullable=True, comment="self, leader or end (of the meeting)"),
        sa.CheckConstraint("(left_at IS NULL) = (left_how IS NULL)", name=op.f("ck_join_log_leave_has_how")),
        sa.CheckConstraint("left_at IS NULL OR left_at >= joined_at", name=op.f("ck_join_log_leave_after_join")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_join_log_meeting_id")),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_join_log_trainee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_log")),
    )
    with op.batch_alter_table("join_log", schema=None) as batch_op:
        batch_op.create_index("ix_join_log_meeting", ["meeting_id", "trainee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_join_log_trainee_id"), ["trainee_id"], unique=False)
        batch_op.create_index(
            "uq_join_log_open",
            ["meeting_id", "trainee_id"],
            unique=True,
            sqlite_where=sa.text("left_at IS NULL"),
            postgresql_where=sa.text("left_at IS NULL"),
        )

    op.create_table(
        "moodle_progress",
        sa.Column("trainee_id", sa.Integer(), nullable=False),
        sa.Column(
            "activities_total",
            sa.Integer(),
            nullable=False,
            comment="tracked activities other than the tool's own link",
        ),
        sa.Column("activities_complete", sa.Integer(), nullable=False),
        sa.Column(
            "link_complete", sa.Boolean(), nullable=True, comment="the tool's own link, which completes by the score"
        ),
        sa.Column("link_grade", sa.Double(), nullable=True, comment="grade on the tool's link as Moodle holds it"),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_moodle_progress_trainee_id")),
        sa.PrimaryKeyConstraint("trainee_id", name=op.f("pk_moodle_progress")),
    )
    op.create_table(
        "score_state",
        sa.Column("trainee_id", sa.Integer(), nullable=False),
        sa.Column(
            "stamp", sa.DateTime(timezone=True), nullable=False, comment="timestamp of the last score handed out; rises"
        ),
        sa.Column("posted_hours", sa.Integer(), nullable=True, comment="hours that Moodle last acknowledged"),
        sa.Column("posted_stamp", sa.DateTime(timezone=True), nullable=True, comment="timestamp they were posted with"),
        sa.Column(
            "posted_to",
            sa.String(length=1000),
            nullable=True,
            comment="line item of the link that was the course's newest when they were posted",
        ),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_score_state_trainee_id")),
        sa.PrimaryKeyConstraint("trainee_id", name=op.f("pk_score_state")),
    )
    op.create_table(
        "credit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("credit", "reversal", name="kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("trainee_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column(
            "hours", sa.Integer(), nullable=False, comment="academic hours in hundredths; a reversal takes them back"
        ),
        sa.Column("rule", sa.Text(), nullable=False, comment="the rule by which it was decided, in words"),
        sa.Column("evidence", sa.JSON(), nullable=False, comment="frozen: meetings, completion, grade with time read"),
        sa.Column("decided_by_id", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=True),
        sa.Column("reverses_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "(kind = 'reversal') = (reason IS NOT NULL)", name=op.f("ck_credit_entry_reversal_has_reason")
        ),
        sa.CheckConstraint(
            "(kind = 'reversal') = (reverses_id IS NOT NULL)", name=op.f("ck_credit_entry_reversal_names_entry")
        ),
        sa.CheckConstraint("hours > 0", name=op.f("ck_credit_entry_hours_positive")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_credit_entry_decided_by_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_credit_entry_person_id")),
        sa.ForeignKeyConstraint(["proposal_id"], ["credit_proposal.id"], name=op.f("fk_credit_entry_proposal_id")),
        sa.ForeignKeyConstraint(["reverses_id"], ["credit_entry.id"], name=op.f("fk_credit_entry_reverses_id")),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_credit_entry_trainee_id")),
        sa.ForeignKeyConstraint(["version_id"], ["programme_version.id"], name=op.f("fk_credit_entry_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_entry")),
        sa.UniqueConstraint("proposal_id", name=op.f("uq_credit_entry_proposal_id")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_credit_entry_reverses_id")),
    )
    with op.batch_alter_table("credit_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credit_entry_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_credit_entry_trainee_id"), ["trainee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_credit_entry_version_id"), ["version_id"], unique=False)

    op.create_index("uq_person_email", "person", [sa.text("lower(email)")], unique=True)
    dialect = op.get_bind().dialect.name
    three_years = {
        "sqlite": "valid_until <= date(valid_from, '+3 years')",
        "postgresql": "valid_until <= valid_from + interval '3 years'",
    }[dialect]
    with op.batch_alter_table("site_order") as batch:
        batch.create_check_constraint(op.f("ck_site_order_term_three_years"), three_years)
    for statement in LEDGER_GUARD[dialect]:
        op.execute(statement)


def downgrade() -> None:
    """Take back."""
    dialect = op.get_bind().dialect.name
    for statement in LEDGER_RELEASE[dialect]:
        op.execute(statement)
    with op.batch_alter_table("credit_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_credit_entry_version_id"))
        batch_op.drop_index(batch_op.f("ix_credit_entry_trainee_id"))
        batch_op.drop_index(batch_op.f("ix_credit_entry_person_id"))

    op.drop_table("credit_entry")
    op.drop_table("score_state")
    op.drop_table("moodle_progress")
    with op.batch_alter_table("join_log", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_join_log_open", sqlite_where=sa.text("left_at IS NULL"), postgresql_where=sa.text("left_at IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_join_log_trainee_id"))
        batch_op.drop_index("ix_join_log_meeting")

    op.drop_table("join_log")
    with op.batch_alter_table("credit_proposal", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_credit_proposal_open",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.drop_index(batch_op.f("ix_credit_proposal_trainee_id"))

    op.drop_table("credit_proposal")
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attendance_trainee_id"))

    op.drop_table("attendance")
    with op.batch_alter_table("trainee", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_trainee_person_id"))

    op.drop_table("trainee")
    with op.batch_alter_table("meeting", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_meeting_topic_id"))

    op.drop_table("meeting")
    op.drop_table("topic")
    with op.batch_alter_table("intake", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_intake_course",
            sqlite_where=sa.text("course_id IS NOT NULL"),
            postgresql_where=sa.text("course_id IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_intake_version_id"))
        batch_op.drop_index(batch_op.f("ix_intake_moodle_id"))

    op.drop_table("intake")
    op.drop_table("programme_version")
    with op.batch_alter_table("sync_change", schema=None) as batch_op:
        batch_op.drop_index("ix_sync_change_run")

    op.drop_table("sync_change")
    op.drop_table("site_order")
    with op.batch_alter_table("site_leader", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_site_leader_current", sqlite_where=sa.text("until IS NULL"), postgresql_where=sa.text("until IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_site_leader_site_id"))
        batch_op.drop_index(batch_op.f("ix_site_leader_person_id"))

    op.drop_table("site_leader")
    with op.batch_alter_table("programme", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_programme_site_id"))

    op.drop_table("programme")
    with op.batch_alter_table("moodle_account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_moodle_account_person_id"))

    op.drop_table("moodle_account")
    with op.batch_alter_table("lti_resource_link", schema=None) as batch_op:
        batch_op.drop_index("ix_lti_resource_link_course")

    op.drop_table("lti_resource_link")
    with op.batch_alter_table("lti_nonce", schema=None) as batch_op:
        batch_op.drop_index("ix_lti_nonce_expires_at")

    op.drop_table("lti_nonce")
    with op.batch_alter_table("lti_invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lti_invitation_moodle_id"))

    op.drop_table("lti_invitation")
    with op.batch_alter_table("held_plan", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_held_plan_run_id"))

    op.drop_table("held_plan")
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.drop_index("ix_sync_run_moodle")

    op.drop_table("sync_run")
    op.drop_table("sync_lock")
    with op.batch_alter_table("site", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_site_organisation_id"))

    op.drop_table("site")
    op.drop_table("role_grant")
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_organisation_id"))

    op.drop_table("person")
    op.drop_table("owned_enrolment")
    with op.batch_alter_table("lti_registration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lti_registration_moodle_id"))

    op.drop_table("lti_registration")
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outbox_message_due",
            sqlite_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL"),
            postgresql_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL"),
        )

    op.drop_table("outbox_message")
    op.drop_table("organisation")
    op.drop_table("moodle")
    op.drop_table("lti_key")
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_entry_object")

    op.drop_table("audit_entry")
