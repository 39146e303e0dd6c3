"""Files of applications and orders: who may see and attach them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from lti_app.core.attachments import AttachmentRule
from lti_app.core.errors import NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.sites.applications import EDITABLE, application_of, require_state
from lti_app.sites.models import SiteApplication, SiteOrder

EXPERIENCE, SCAN = "experience", "scan"


def attach_to_application(session: Session, application_id: int, *, actor: Actor) -> SiteApplication:
    """Return an application to which ``actor`` may attach files now. Raises NotFound, Conflict once it is put in."""
    application = application_of(session, application_id, actor=actor)
    require_state(application, *EDITABLE)
    return application


def _may_see_application(session: Session, actor: Actor, application_id: int) -> None:
    application_of(session, application_id, actor=actor)


def _may_see_order(session: Session, actor: Actor, order_id: int) -> None:
    """Let the centre, the council and the site's leader see the scan of an order."""
    order = session.get(SiteOrder, order_id)
    if order is None or not (actor.may(Permission.SEE_LISTS) or order.site_id in actor.led_site_ids):
        raise NotFound("no_such_order", "")


ATTACHMENT_RULES: dict[str, AttachmentRule] = {
    SiteApplication.__tablename__: _may_see_application,
    SiteOrder.__tablename__: _may_see_order,
}
