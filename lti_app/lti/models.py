"""Moodles, the tool's registrations with them, keys, used nonces and the links that were launched."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.types import Hours, UtcDateTime


class Moodle(Base):
    """Keep one Moodle: its address, the access to its web services, and how courses are made there."""

    __tablename__ = "moodle"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True, comment="short name used on the command line")
    url: Mapped[str] = mapped_column(String(500), unique=True, comment="wwwroot, without a slash at the end")
    token_encrypted: Mapped[str] = mapped_column(Text, comment="web-service token, encrypted with DATA_KEYS")
    template_course: Mapped[str | None] = mapped_column(
        String(255), comment="the template as it was given: a course id or a shortname"
    )
    template_course_id: Mapped[int | None] = mapped_column(
        comment="Moodle course that intakes' courses are copied from"
    )
    category_id: Mapped[int] = mapped_column(default=1, comment="Moodle category of new courses")
    category_per_site: Mapped[bool] = mapped_column(
        default=False, comment="courses are made in a category of their site's own below that one"
    )
    trainee_role_id: Mapped[int] = mapped_column(default=5, comment="Moodle role of trainees (student)")
    leader_role_id: Mapped[int] = mapped_column(default=3, comment="Moodle role of leaders (editingteacher)")
    creates_users: Mapped[bool] = mapped_column(
        default=False, comment="nights may make accounts for people whom this Moodle does not have"
    )
    new_user_auth: Mapped[str] = mapped_column(
        String(20), default="manual", comment="Moodle's name for the method by which new users log in"
    )
    visits_from: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="visits that began earlier have ended: a registration was disabled then"
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    trusted_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="when the first plan was applied here by a person's word; until then every plan is held"
    )
    stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="since then nights write nothing here")
    stopped_by: Mapped[str | None] = mapped_column(String(200))
    stopped_why: Mapped[str | None] = mapped_column(String(300))
    max_input_vars: Mapped[int | None] = mapped_column(
        comment="form fields that PHP takes in one call there, as the doctor last read it"
    )


class LtiRegistration(Base):
    """Keep one registration of the tool with a Moodle (LTI 1.3 core, 3.1.2 and 3.1.3)."""

    __tablename__ = "lti_registration"
    __table_args__ = (UniqueConstraint("issuer", "client_id", "deployment_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id), index=True)
    issuer: Mapped[str] = mapped_column(String(500))
    client_id: Mapped[str] = mapped_column(String(255))
    deployment_id: Mapped[str] = mapped_column(String(255), comment="a Moodle's tool type id, a string such as '1'")
    auth_login_url: Mapped[str] = mapped_column(String(500))
    auth_token_url: Mapped[str] = mapped_column(String(500))
    key_set_url: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="since then no launch is taken")

    moodle: Mapped[Moodle] = relationship()


class LtiInvitation(Base):
    """Keep a one-time address for dynamic registration; only its hash is stored."""

    __tablename__ = "lti_invitation"

    id: Mapped[int] = mapped_column(primary_key=True)
    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True, comment="SHA-256 of the token, hex")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    busy_until: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="a registration is under way until then, so that a page loaded twice registers once"
    )
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    registration_id: Mapped[int | None] = mapped_column(ForeignKey(LtiRegistration.id))


class LtiKey(Base):
    """Keep one of the tool's signing keys. Published from creation until ``retires_at``; the newest active signs."""

    __tablename__ = "lti_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    kid: Mapped[str] = mapped_column(String(64), unique=True)
    private_encrypted: Mapped[str] = mapped_column(Text, comment="PEM, encrypted with DATA_KEYS")
    public_jwk: Mapped[dict[str, Any]] = mapped_column(comment="what /lti/jwks publishes")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signs_from: Mapped[datetime] = mapped_column(UtcDateTime, comment="later than created_at, so that caches learn it")
    retires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LtiNonce(Base):
    """Keep a nonce that was used by a good launch, until no token carrying it can be valid any more."""

    __tablename__ = "lti_nonce"
    __table_args__ = (Index("ix_lti_nonce_expires_at", "expires_at"),)

    registration_id: Mapped[int] = mapped_column(ForeignKey(LtiRegistration.id), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LtiResourceLink(Base):
    """Keep a link of the tool in a course, learnt from launches: scores go to its own line item."""

    __tablename__ = "lti_resource_link"
    __table_args__ = (
        UniqueConstraint("registration_id", "resource_link_id"),
        Index("ix_lti_resource_link_course", "registration_id", "course_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey(LtiRegistration.id))
    resource_link_id: Mapped[str] = mapped_column(String(255), comment="id of the LTI instance in Moodle")
    course_id: Mapped[int] = mapped_column(comment="context.id: the Moodle course id")
    title: Mapped[str] = mapped_column(String(500), default="")
    lineitem_url: Mapped[str | None] = mapped_column(String(1000), comment="AGS line item of this link, with its query")
    lineitems_url: Mapped[str | None] = mapped_column(String(1000))
    memberships_url: Mapped[str | None] = mapped_column(String(1000))
    lineitem_maximum: Mapped[Decimal | None] = mapped_column(
        Hours, comment="hours that the line item was set to count, in hundredths; empty: Moodle's own maximum"
    )
    chosen_meeting: Mapped[int | None] = mapped_column(
        comment="the meeting that the link was placed for: its column is not that of the hours"
    )
    cmid: Mapped[int | None] = mapped_column(comment="course-module id of its activity, as logins tell it")
    changed_at: Mapped[datetime] = mapped_column(
        UtcDateTime, comment="first launch of the link, or the last that told something new of it"
    )

    registration: Mapped[LtiRegistration] = relationship()
