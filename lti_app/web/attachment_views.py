"""Files that were attached: given to those who may see what they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from flask import Blueprint, Response, current_app, send_file
from sqlalchemy.orm import Session

from lti_app.core.attachments import STORE, Attachment, AttachmentRule, no_such_attachment
from lti_app.core.edge import actor, db_session, tool
from lti_app.core.errors import Forbidden, NotFound
from lti_app.core.permissions import Actor, Permission, needs
from lti_app.products.files import ATTACHMENT_RULES as PRODUCTS
from lti_app.sites.files import ATTACHMENT_RULES as SITES

blueprint = Blueprint("attachments", __name__)

FEATURES: tuple[dict[str, AttachmentRule], ...] = (SITES, PRODUCTS)
"""``ATTACHMENT_RULES`` of each feature: who may see the files of its tables' rows."""


@dataclass(frozen=True)
class Limits:
    """Say to a form what it takes: for the browser's dialogue, and in words."""

    accept: str
    kinds: str
    megabytes: int


def attachment_limits() -> Limits:
    """Return what may be attached here."""
    store = tool().services[STORE]
    known_as = [ending for kind in store.endings for ending in ((kind, "jpeg") if kind == "jpg" else (kind,))]
    return Limits(
        accept=",".join(f".{ending}" for ending in known_as),
        kinds=", ".join(kind.upper() for kind in store.endings),
        megabytes=store.megabytes,
    )


@blueprint.get("/attachments/<int:attachment_id>")
@needs(Permission.SIGNED_IN)
def download(attachment_id: int) -> Response:
    """Send a file to be saved. One that isn't there and one of a row that isn't theirs to see are refused alike."""
    row = _readable(db_session(), attachment_id, actor())
    path = tool().services[STORE].path(row.stored_as)
    if not path.is_file():
        current_app.logger.error("attachment %s has lost its file", row.id)
        raise no_such_attachment()
    response = send_file(
        path, mimetype=row.media_type, as_attachment=True, download_name=row.name, conditional=False, etag=False
    )
    # RFC 6266 and 8187: one name, in any letters; what browsers made of two differs.
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(row.name, safe='')}"
    response.headers["Content-Type"] = row.media_type
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _readable(session: Session, attachment_id: int, who: Actor) -> Attachment:
    row = session.get(Attachment, attachment_id)
    rule = rules().get(row.owner_type) if row is not None else None
    if row is None or rule is None or row.removed_at is not None:
        raise no_such_attachment()
    try:
        rule(session, who, row.owner_id)
    except (Forbidden, NotFound):
        raise no_such_attachment() from None
    return row


def rules() -> dict[str, AttachmentRule]:
    """Return who may see the files of which table's rows."""
    return {table: rule for feature in FEATURES for table, rule in feature.items()}
