"""Applications and ends of sites, the council's sittings, requests for places, attachments, notices; revisions of what is edited."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COLUMNS: tuple[tuple[str, sa.Column[Any]], ...] = (
    (
        "intake",
        sa.Column(
            "needs_head",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="the head of one's organisation confirms a request",
        ),
    ),
    (
        "intake",
        sa.Column(
            "keeps_waiting_list",
            sa.Boolean(),
            server_default=sa.true(),
            nullable=False,
            comment="requests beyond the capacity wait in order",
        ),
    ),
    (
        "intake",
        sa.Column(
            "requests_until", sa.Date(), nullable=True, comment="local date, last day to ask; empty: until the start"
        ),
    ),
    ("intake", sa.Column("note", sa.Text(), nullable=True, comment="for those who may ask for a place")),
    (
        "intake",
        sa.Column(
            "broken_off_on", sa.Date(), nullable=True, comment="local date; its site ended and the intake with it (8.1)"
        ),
    ),
    (
        "intake",
        sa.Column(
            "revision",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="1, 2 …: a form with an older one is refused",
        ),
    ),
    (
        "organisation",
        sa.Column(
            "is_authority",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="an education authority: may apply for a site at any organisation (3.2)",
        ),
    ),
    ("organisation", sa.Column("address", sa.String(length=500), nullable=True)),
    (
        "organisation",
        sa.Column(
            "revision",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="1, 2 …: a form with an older one is refused",
        ),
    ),
    ("person", sa.Column("category_since", sa.Date(), nullable=True, comment="day on which the category was given")),
    (
        "person",
        sa.Column(
            "revision",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="1, 2 …: a form with an older one is refused",
        ),
    ),
    ("programme_version", sa.Column("direction", sa.String(length=300), nullable=True)),
    ("programme_version", sa.Column("relevance", sa.Text(), nullable=True, comment="why the programme is needed")),
    ("programme_version", sa.Column("tasks", sa.Text(), nullable=True, comment="a line each")),
    ("programme_version", sa.Column("audience", sa.Text(), nullable=True, comment="whom it is for")),
    (
        "programme_version",
        sa.Column(
            "annotation", sa.Text(), nullable=True, comment="in a few sentences, for those who may ask for a place"
        ),
    ),
    (
        "programme_version",
        sa.Column("control", sa.Text(), nullable=True, comment="forms of control and products of the trainees"),
    ),
    ("programme_version", sa.Column("conditions", sa.Text(), nullable=True, comment="staff and equipment")),
    ("programme_version", sa.Column("sources", sa.Text(), nullable=True, comment="a line each")),
    (
        "programme_version",
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True, comment="last put before the council"),
    ),
    (
        "programme_version",
        sa.Column("council_note", sa.Text(), nullable=True, comment="why it was returned or rejected"),
    ),
    (
        "programme_version",
        sa.Column(
            "revision",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="1, 2 …: a form with an older one is refused",
        ),
    ),
    (
        "site",
        sa.Column(
            "revision",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="1, 2 …: a form with an older one is refused",
        ),
    ),
    (
        "site_order",
        sa.Column("control", sa.String(length=200), nullable=True, comment="who controls that it is carried out"),
    ),
    ("topic", sa.Column("control", sa.String(length=200), nullable=True, comment="form of control")),
    (
        "topic",
        sa.Column("content", sa.Text(), nullable=True, comment="what the topic is about, for the printed programme"),
    ),
)
CONSTRAINED: tuple[tuple[str, str, str], ...] = (
    (
        "intake",
        "admission",
        "VARCHAR(40) DEFAULT 'invitation' NOT NULL CONSTRAINT ck_intake_admission "
        "CHECK (admission IN ('municipality', 'organisations', 'invitation'))",
    ),
    (
        "site_order",
        "kind",
        "VARCHAR(40) DEFAULT 'grant' NOT NULL CONSTRAINT ck_site_order_kind CHECK (kind IN ('grant', 'renewal'))",
    ),
    (
        "site_order",
        "application_id",
        "INTEGER CONSTRAINT fk_site_order_application_id REFERENCES site_application (id)",
    ),
    ("site_order", "leader_id", "INTEGER CONSTRAINT fk_site_order_leader_id REFERENCES person (id)"),
    (
        "programme_version",
        "parent_id",
        "INTEGER CONSTRAINT fk_programme_version_parent_id REFERENCES programme_version (id)",
    ),
    (
        "topic",
        "independent_hours",
        "INTEGER DEFAULT 0 NOT NULL CONSTRAINT ck_topic_independent_within "
        "CHECK (independent_hours >= 0 AND independent_hours <= hours)",
    ),
)
"""Columns with constraints of their own: both databases add them in one statement, SQLite in no other way."""
COMMENTS: tuple[tuple[str, str, str], ...] = (
    (
        "intake",
        "admission",
        "who may ask for a place: anybody of the municipality, of given organisations, who is invited",
    ),
    ("site_order", "application_id", "which it follows (3.2)"),
    ("site_order", "leader_id", "whom it names leader (4.1)"),
    ("programme_version", "parent_id", "version that this one was begun from"),
    ("topic", "independent_hours", "of them independent and individual work, in hundredths"),
)
TABLES = (
    "attachment",
    "sitting",
    "notice",
    "organisation_head",
    "pending_way",
    "site_application",
    "site_end",
    "site_equipment",
    "agenda_item",
    "competence",
    "remark",
    "ended_intake",
    "intake_invitation",
    "intake_organisation",
    "ended_trainee",
    "place_request",
)


def upgrade() -> None:
    """Add the tables and the columns."""
    op.create_table(
        "attachment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner_type", sa.String(length=40), nullable=False, comment="table of the row that it belongs to"),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False, comment="experience, scan of the order, …"),
        sa.Column(
            "name",
            sa.String(length=255),
            nullable=False,
            comment="as it was called where it came from; for people only",
        ),
        sa.Column(
            "media_type", sa.String(length=100), nullable=False, comment="found in the content, not told by the name"
        ),
        sa.Column("size", sa.Integer(), nullable=False, comment="bytes"),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("stored_as", sa.String(length=64), nullable=False, comment="random name in the folder"),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by_id", sa.Integer(), nullable=True, comment="person"),
        sa.Column("added_by", sa.String(length=200), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(removed_at IS NULL) = (removed_by IS NULL)", name=op.f("ck_attachment_removed_by_somebody")
        ),
        sa.CheckConstraint("size > 0", name=op.f("ck_attachment_size_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint("stored_as", name=op.f("uq_attachment_stored_as")),
    )
    op.create_index("ix_attachment_owner", "attachment", ["owner_type", "owner_id"], unique=False)
    op.create_table(
        "sitting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False, comment="local date"),
        sa.Column("starts_at", sa.String(length=5), nullable=True, comment="local time of day, HH:MM"),
        sa.Column("place", sa.String(length=300), nullable=True),
        sa.Column("protocol_number", sa.String(length=60), nullable=True),
        sa.Column("chair", sa.String(length=200), nullable=True),
        sa.Column("secretary", sa.String(length=200), nullable=True),
        sa.Column("present", sa.Text(), nullable=True, comment="who was present, a line each"),
        sa.Column(
            "closed_at", sa.DateTime(timezone=True), nullable=True, comment="the protocol is signed: nothing changes"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "revision",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="1, 2 …: a form with an older one is refused",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sitting")),
    )
    op.create_index(op.f("ix_sitting_held_on"), "sitting", ["held_on"], unique=False)
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("occasion", sa.String(length=40), nullable=False, comment="what happened: which words are used"),
        sa.Column("about_type", sa.String(length=40), nullable=False, comment="table of the row that it is about"),
        sa.Column("about_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column(
            "turn",
            sa.String(length=40),
            server_default="",
            nullable=False,
            comment="which time of the same occasion: 90 days before, 30 …",
        ),
        sa.Column("path", sa.String(length=300), nullable=False, comment="the page that its link opens"),
        sa.Column("facts", sa.JSON(), nullable=False, comment="what its words need; no personal data beyond names"),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_notice_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint(
            "occasion",
            "about_type",
            "about_id",
            "person_id",
            "turn",
            name=op.f("uq_notice_occasion_about_type_about_id_person_id_turn"),
        ),
    )
    op.create_index(op.f("ix_notice_person_id"), "notice", ["person_id"], unique=False)
    op.create_table(
        "organisation_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True, comment="last day; empty for the present head"),
        sa.CheckConstraint("until IS NULL OR until >= since", name=op.f("ck_organisation_head_term_forward")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_organisation_head_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_organisation_head_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_head")),
    )
    op.create_index(
        op.f("ix_organisation_head_organisation_id"), "organisation_head", ["organisation_id"], unique=False
    )
    op.create_index(op.f("ix_organisation_head_person_id"), "organisation_head", ["person_id"], unique=False)
    op.create_index(
        "uq_organisation_head_current",
        "organisation_head",
        ["organisation_id"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_table(
        "pending_way",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column(
            "until", sa.DateTime(timezone=True), nullable=False, comment="after it, a launch leads where it always does"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_pending_way_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_pending_way")),
    )
    op.create_table(
        "site_application",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "returned",
                "accepted",
                "ordered",
                "withdrawn",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "applicant_id", sa.Integer(), nullable=False, comment="an education authority or the host itself (3.2)"
        ),
        sa.Column("host_id", sa.Integer(), nullable=False, comment="of any type (1.3)"),
        sa.Column(
            "renews_id",
            sa.Integer(),
            nullable=True,
            comment="the site whose status is to be renewed; empty for a new one",
        ),
        sa.Column("direction", sa.String(length=300), nullable=True),
        sa.Column("topic", sa.String(length=500), nullable=True),
        sa.Column("experience", sa.Text(), nullable=True, comment="positive experience in innovation (3.1)"),
        sa.Column("equipment", sa.Text(), nullable=True, comment="what the host has for it (4.2), a line each"),
        sa.Column("leader_id", sa.Integer(), nullable=True, comment="proposed leader (4.1)"),
        sa.Column("achievements", sa.Text(), nullable=True, comment="the leader's in the direction (4.1)"),
        sa.Column("term_years", sa.Integer(), nullable=False, comment="proposed term (3.3)"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True, comment="empty: put in by the centre"),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True, comment="last returned or accepted"),
        sa.Column("remarks", sa.Text(), nullable=True, comment="why it was returned"),
        sa.Column("site_id", sa.Integer(), nullable=True, comment="the site that the order made"),
        sa.Column(
            "revision",
            sa.Integer(),
            server_default="1",
            nullable=False,
            comment="1, 2 …: a form with an older one is refused",
        ),
        sa.CheckConstraint(
            "(state = 'ordered') = (site_id IS NOT NULL)", name=op.f("ck_site_application_ordered_has_site")
        ),
        sa.CheckConstraint(
            "state <> 'returned' OR remarks IS NOT NULL", name=op.f("ck_site_application_returned_has_remarks")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'withdrawn', 'returned') OR (direction IS NOT NULL AND experience IS NOT NULL AND leader_id IS NOT NULL AND achievements IS NOT NULL)",
            name=op.f("ck_site_application_complete"),
        ),
        sa.CheckConstraint("term_years BETWEEN 1 AND 3", name=op.f("ck_site_application_term_three_years")),
        sa.ForeignKeyConstraint(["applicant_id"], ["organisation.id"], name=op.f("fk_site_application_applicant_id")),
        sa.ForeignKeyConstraint(["author_id"], ["person.id"], name=op.f("fk_site_application_author_id")),
        sa.ForeignKeyConstraint(["host_id"], ["organisation.id"], name=op.f("fk_site_application_host_id")),
        sa.ForeignKeyConstraint(["leader_id"], ["person.id"], name=op.f("fk_site_application_leader_id")),
        sa.ForeignKeyConstraint(["renews_id"], ["site.id"], name=op.f("fk_site_application_renews_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_application_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_application")),
    )
    op.create_index(op.f("ix_site_application_applicant_id"), "site_application", ["applicant_id"], unique=False)
    op.create_index(op.f("ix_site_application_author_id"), "site_application", ["author_id"], unique=False)
    op.create_index(op.f("ix_site_application_host_id"), "site_application", ["host_id"], unique=False)
    op.create_index(op.f("ix_site_application_leader_id"), "site_application", ["leader_id"], unique=False)
    op.create_index(op.f("ix_site_application_renews_id"), "site_application", ["renews_id"], unique=False)
    op.create_index(op.f("ix_site_application_site_id"), "site_application", ["site_id"], unique=False)
    op.create_index(op.f("ix_site_application_state"), "site_application", ["state"], unique=False)
    op.create_table(
        "site_end",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column(
            "grounds",
            sa.Enum("organisation", "council", name="grounds", native_enum=False, create_constraint=True, length=40),
            nullable=False,
            comment="the organisation's decision, or the council's recommendation",
        ),
        sa.Column(
            "paper_number",
            sa.String(length=60),
            nullable=False,
            comment="of the organisation's decision or the protocol",
        ),
        sa.Column("paper_date", sa.Date(), nullable=False),
        sa.Column("order_number", sa.String(length=60), nullable=False, comment="of the centre's order"),
        sa.Column("order_date", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False, comment="first day on which the site is none any more"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_end_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_end")),
        sa.UniqueConstraint("site_id", name=op.f("uq_site_end_site_id")),
    )
    op.create_table(
        "site_equipment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="1, 2 …"),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_site_equipment_quantity_positive")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_equipment_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_equipment")),
        sa.UniqueConstraint("site_id", "position", name=op.f("uq_site_equipment_site_id_position")),
    )
    op.create_table(
        "agenda_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="1, 2 …"),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("site_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True, comment="why the site should end (8.1)"),
        sa.Column("heard", sa.Text(), nullable=True, comment="who reported what"),
        sa.Column("spoke", sa.Text(), nullable=True, comment="who spoke, a line each"),
        sa.Column(
            "decision",
            sa.Enum(
                "approved",
                "returned",
                "rejected",
                "end_recommended",
                "end_not_recommended",
                name="decision",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("decided", sa.Text(), nullable=True, comment="the decision in words, for the protocol"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "decision IS NULL OR (version_id IS NOT NULL) = (decision IN ('approved', 'returned', 'rejected'))",
            name=op.f("ck_agenda_item_decision_fits"),
        ),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name=op.f("ck_agenda_item_decision_dated")),
        sa.CheckConstraint("(version_id IS NULL) <> (site_id IS NULL)", name=op.f("ck_agenda_item_about_one_thing")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_agenda_item_site_id")),
        sa.ForeignKeyConstraint(["sitting_id"], ["sitting.id"], name=op.f("fk_agenda_item_sitting_id")),
        sa.ForeignKeyConstraint(["version_id"], ["programme_version.id"], name=op.f("fk_agenda_item_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agenda_item")),
        sa.UniqueConstraint("sitting_id", "position", name=op.f("uq_agenda_item_sitting_id_position")),
        sa.UniqueConstraint("sitting_id", "version_id", name=op.f("uq_agenda_item_sitting_id_version_id")),
    )
    op.create_index(op.f("ix_agenda_item_site_id"), "agenda_item", ["site_id"], unique=False)
    op.create_index(op.f("ix_agenda_item_version_id"), "agenda_item", ["version_id"], unique=False)
    op.create_table(
        "competence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="1, 2 …"),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.CheckConstraint("position > 0", name=op.f("ck_competence_position_positive")),
        sa.ForeignKeyConstraint(["version_id"], ["programme_version.id"], name=op.f("fk_competence_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_competence")),
        sa.UniqueConstraint("version_id", "position", name=op.f("uq_competence_version_id_position")),
    )
    op.create_table(
        "remark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column(
            "section",
            sa.Enum(
                "whole",
                "goals",
                "audience",
                "results",
                "plan",
                "topic",
                "control",
                "conditions",
                "sources",
                name="section",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("topic_position", sa.Integer(), nullable=True, comment="of the topic when the remark was made"),
        sa.Column("topic_title", sa.String(length=500), nullable=True, comment="of the topic when the remark was made"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("author_name", sa.String(length=200), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(length=200), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.String(length=200), nullable=True),
        sa.CheckConstraint("(section = 'topic') = (topic_position IS NOT NULL)", name=op.f("ck_remark_topic_named")),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_remark_answer_dated")),
        sa.ForeignKeyConstraint(["author_id"], ["person.id"], name=op.f("fk_remark_author_id")),
        sa.ForeignKeyConstraint(["version_id"], ["programme_version.id"], name=op.f("fk_remark_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remark")),
    )
    op.create_index(op.f("ix_remark_version_id"), "remark", ["version_id"], unique=False)
    op.create_table(
        "ended_intake",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("end_id", sa.Integer(), nullable=False),
        sa.Column("intake_id", sa.Integer(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "finished", "moved", "broken_off", name="outcome", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("moved_to_id", sa.Integer(), nullable=True, comment="intake that takes its trainees"),
        sa.CheckConstraint(
            "(outcome = 'moved') = (moved_to_id IS NOT NULL)", name=op.f("ck_ended_intake_moved_somewhere")
        ),
        sa.ForeignKeyConstraint(["end_id"], ["site_end.id"], name=op.f("fk_ended_intake_end_id")),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.id"], name=op.f("fk_ended_intake_intake_id")),
        sa.ForeignKeyConstraint(["moved_to_id"], ["intake.id"], name=op.f("fk_ended_intake_moved_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ended_intake")),
        sa.UniqueConstraint("end_id", "intake_id", name=op.f("uq_ended_intake_end_id_intake_id")),
    )
    op.create_index(op.f("ix_ended_intake_intake_id"), "ended_intake", ["intake_id"], unique=False)
    op.create_table(
        "intake_invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("intake_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.id"], name=op.f("fk_intake_invitation_intake_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_intake_invitation_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_invitation")),
        sa.UniqueConstraint("intake_id", "person_id", name=op.f("uq_intake_invitation_intake_id_person_id")),
    )
    op.create_index(op.f("ix_intake_invitation_person_id"), "intake_invitation", ["person_id"], unique=False)
    op.create_table(
        "intake_organisation",
        sa.Column("intake_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.id"], name=op.f("fk_intake_organisation_intake_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_intake_organisation_organisation_id")
        ),
        sa.PrimaryKeyConstraint("intake_id", "organisation_id", name=op.f("pk_intake_organisation")),
    )
    op.create_index(
        op.f("ix_intake_organisation_organisation_id"), "intake_organisation", ["organisation_id"], unique=False
    )
    op.create_table(
        "ended_trainee",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("end_id", sa.Integer(), nullable=False),
        sa.Column("trainee_id", sa.Integer(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "stays",
                "credited",
                "moved",
                "left",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["end_id"], ["site_end.id"], name=op.f("fk_ended_trainee_end_id")),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_ended_trainee_trainee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ended_trainee")),
        sa.UniqueConstraint("end_id", "trainee_id", name=op.f("uq_ended_trainee_end_id_trainee_id")),
    )
    op.create_index(op.f("ix_ended_trainee_trainee_id"), "ended_trainee", ["trainee_id"], unique=False)
    op.create_table(
        "place_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("intake_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "with_head",
                "waiting",
                "granted",
                "declined",
                "withdrawn",
                "lapsed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False, comment="the person, or who put them on the list"),
        sa.Column(
            "queued_at", sa.DateTime(timezone=True), nullable=True, comment="decides the order of the waiting list"
        ),
        sa.Column("head_decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("head_decided_by", sa.String(length=200), nullable=True),
        sa.Column(
            "closed_at", sa.DateTime(timezone=True), nullable=True, comment="granted, declined, withdrawn or lapsed"
        ),
        sa.Column("reason", sa.String(length=500), nullable=True, comment="why it was declined"),
        sa.Column("trainee_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(state = 'granted') = (trainee_id IS NOT NULL)", name=op.f("ck_place_request_granted_has_place")
        ),
        sa.CheckConstraint(
            "state <> 'waiting' OR queued_at IS NOT NULL", name=op.f("ck_place_request_waiting_is_queued")
        ),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.id"], name=op.f("fk_place_request_intake_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_place_request_person_id")),
        sa.ForeignKeyConstraint(["trainee_id"], ["trainee.id"], name=op.f("fk_place_request_trainee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place_request")),
        sa.UniqueConstraint("intake_id", "person_id", name=op.f("uq_place_request_intake_id_person_id")),
        sa.UniqueConstraint("trainee_id", name=op.f("uq_place_request_trainee_id")),
    )
    op.create_index(op.f("ix_place_request_person_id"), "place_request", ["person_id"], unique=False)
    op.create_index("ix_place_request_queue", "place_request", ["intake_id", "state", "queued_at", "id"], unique=False)
    for table, column in COLUMNS:
        op.add_column(table, column)
    for name, column_name, definition in CONSTRAINED:
        op.execute(f"ALTER TABLE {name} ADD COLUMN {column_name} {definition}")
    if op.get_bind().dialect.name == "postgresql":
        for name, column_name, words in COMMENTS:
            op.execute(f"COMMENT ON COLUMN {name}.{column_name} IS '{words}'")


def downgrade() -> None:
    """Drop them."""
    for table, column_name, _definition in reversed(CONSTRAINED):
        op.drop_column(table, column_name)
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column.name)
    for table in reversed(TABLES):
        op.drop_table(table)
