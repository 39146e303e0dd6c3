"""What a site has for its work (4.2): its leader keeps the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_app.core import audit
from lti_app.core.editing import Difference, require_unchanged
from lti_app.core.errors import DomainError, NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.sites.models import Site, SiteEquipment

MOST_LINES = 200


@dataclass(frozen=True)
class EquipmentLine:
    """Hold a line of equipment."""

    name: str
    quantity: int
    note: str | None = None


def as_text(lines: Sequence[SiteEquipment | EquipmentLine]) -> str:
    """Write equipment as text, a line each: «Интерактивная панель × 2 (каб. 12)»."""
    return "\n".join(f"{line.name} × {line.quantity}" + (f" ({line.note})" if line.note else "") for line in lines)


def save_equipment(
    session: Session,
    site_id: int,
    lines: Sequence[EquipmentLine],
    *,
    seen: int | None,
    actor: Actor,
    now: datetime,
) -> Site:
    """Put down what a site has, in place of what was put down before. Raises EditedMeanwhile, DomainError."""
    actor.require(Permission.WRITE_PROGRAMMES)
    site = session.get(Site, site_id)
    if site is None:
        raise NotFound("no_such_site", _l("There is no such site."))
    actor.require_site(site.id)
    before = as_text(site.equipment)
    require_unchanged(
        session, site, seen, lambda: [Difference(_l("Equipment"), as_text(site.equipment), as_text(lines))]
    )
    if len(lines) > MOST_LINES:
        raise DomainError(
            "too_many_lines", _l("There are more than %(limit)s lines.", limit=MOST_LINES), field="equipment"
        )
    for number, line in enumerate(lines, start=1):
        if not line.name.strip() or line.quantity < 1:
            raise DomainError(
                "line_wrong",
                _l(
                    "Line %(number)s (“%(line)s”) needs a name and a number of at least 1.",
                    number=number,
                    line=line.name,
                ),
                remedy=_l("Write it as “name × number”."),
                field="equipment",
                clause="4.2",
            )
    if before == as_text(lines):
        return site
    site.equipment.clear()
    session.flush()
    site.equipment.extend(
        SiteEquipment(position=number, name=line.name.strip(), quantity=line.quantity, note=line.note)
        for number, line in enumerate(lines, start=1)
    )
    site.revision += 1
    session.flush()
    changes = {"equipment": [before, as_text(lines)]}
    audit.record(session, actor=actor, now=now, action="change_equipment", on=site, changes=changes)
    return site
