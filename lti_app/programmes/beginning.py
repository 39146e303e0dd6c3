"""Where a version begins: a new programme, the next version of one, a copy of last year's (4.2)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core import audit, saving
from lti_app.core.db import lock_row
from lti_app.core.errors import Conflict
from lti_app.core.permissions import Actor, Permission
from lti_app.programmes.demands import copied_demands
from lti_app.programmes.drafts import TEXTS, own_programme, require_title, wrong_hours
from lti_app.programmes.models import Competence, Programme, ProgrammeVersion, Topic, VersionState
from lti_app.programmes.service import EDITABLE, latest_version
from lti_app.sites.models import Site


def create_programme(
    session: Session, *, site_id: int, title: str, hours: Decimal, actor: Actor, now: datetime
) -> ProgrammeVersion:
    """Begin a programme of an own site with an empty draft; its code is the site's with a running number."""
    actor.require(Permission.WRITE_PROGRAMMES)
    actor.require_site(site_id)
    site = session.get_one(Site, site_id, with_for_update=True)
    require_title(title)
    if hours <= 0:
        raise wrong_hours("hours")
    programme = Programme(code=_free_code(session, site), site_id=site.id)
    version = ProgrammeVersion(
        number=1,
        title=title.strip(),
        direction=site.direction,
        hours=hours,
        hours_needed=hours,
        state=VersionState.DRAFT,
    )
    programme.versions.append(version)
    saving.add(session, programme, actor=actor, now=now, action="create_programme")
    return version


def _free_code(session: Session, site: Site) -> str:
    number = session.scalar(select(func.count()).where(Programme.site_id == site.id)) or 0
    while True:
        number += 1
        code = f"{site.code[:50]}-{number:02}"
        if session.scalar(select(Programme.id).where(Programme.code == code)) is None:
            return code


def begin_version(session: Session, programme_id: int, *, actor: Actor, now: datetime) -> ProgrammeVersion:
    """Begin the next version from the newest; what the council approved stays, and intakes stay on theirs (4.2).

    Raises Conflict while a version is still the leader's or with the council.
    """
    programme = own_programme(session, programme_id, actor=actor)
    lock_row(session, programme)
    latest = latest_version(programme)
    if latest.state in (*EDITABLE, VersionState.SUBMITTED):
        raise Conflict(
            "version_under_way",
            _l("Version %(number)s of this programme isn't decided yet.", number=latest.number),
            remedy=_l("Go on with that version."),
            clause="4.2",
        )
    version = _copied(latest, number=latest.number + 1)
    version.parent_id = latest.id
    programme.versions.append(version)
    saving.add(session, version, actor=actor, now=now, action="create_version")
    return version


def copy_programme(
    session: Session, programme_id: int, *, site_id: int, actor: Actor, now: datetime
) -> ProgrammeVersion:
    """Copy the newest version of an own programme into a new programme's draft, at the same or another own site."""
    source = latest_version(own_programme(session, programme_id, actor=actor))
    made = create_programme(session, site_id=site_id, title=source.title, hours=source.hours, actor=actor, now=now)
    copied = _copied(source, number=1)
    for name in (*TEXTS, "hours_needed", "needs_completion"):
        setattr(made, name, getattr(copied, name))
    topics, competences, demands = list(copied.topics), list(copied.competences), list(copied.demands)
    copied.topics, copied.competences, copied.demands = [], [], []  # lest they bring the copy into the session
    made.topics.extend(topics)
    made.competences.extend(competences)
    made.demands.extend(demands)
    session.flush()
    audit.record(
        session, actor=actor, now=now, action="copy_programme", on=made, changes={"copied_from": [None, source.id]}
    )
    return made


def _copied(source: ProgrammeVersion, *, number: int) -> ProgrammeVersion:
    version = ProgrammeVersion(
        number=number,
        hours=source.hours,
        hours_needed=source.hours_needed,
        needs_completion=source.needs_completion,
        state=VersionState.DRAFT,
        **{name: getattr(source, name) for name in TEXTS},
    )
    for topic in source.topics:
        version.topics.append(
            Topic(
                position=topic.position,
                title=topic.title,
                form=topic.form,
                mode=topic.mode,
                hours=topic.hours,
                independent_hours=topic.independent_hours,
                control=topic.control,
                content=topic.content,
            )
        )
    for competence in source.competences:
        version.competences.append(Competence(position=competence.position, text=competence.text))
    version.demands.extend(copied_demands(source))
    return version
