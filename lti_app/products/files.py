"""Files of products: attached while a text is prepared, seen by author and leader, by everybody once published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.attachment_store import AttachmentStore
from lti_app.core.attachments import (
    Attachment,
    AttachmentRule,
    Upload,
    add_attachment,
    no_such_attachment,
    remove_attachment,
)
from lti_app.core.errors import DomainError, NotFound
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Intake, Trainee
from lti_app.products.access import leads
from lti_app.products.catalogue import may_read_catalogue
from lti_app.products.handing import next_version, product_to_edit
from lti_app.products.models import Product, ProductVersion, Publication
from lti_app.programmes.models import Programme, ProgrammeVersion

FILE = "file"
MOST_FILES = 10
"""Files that one text of a product may have."""


def attach(
    session: Session, store: AttachmentStore, product_id: int, upload: Upload, *, actor: Actor, now: datetime
) -> Attachment:
    """Attach a file to the text being prepared. Raises NotFound, Conflict, DomainError."""
    version = next_version(session, product_to_edit(session, product_id, actor=actor))
    _require_room(session, version)
    return add_attachment(session, store, owner=version, purpose=FILE, upload=upload, actor=actor, now=now)


def detach(session: Session, product_id: int, attachment_id: int, *, actor: Actor, now: datetime) -> None:
    """Remove a file of the text being prepared. Raises NotFound, Conflict."""
    version = next_version(session, product_to_edit(session, product_id, actor=actor))
    remove_attachment(session, attachment_id, owner=version, actor=actor, now=now)


def carry_over(
    session: Session, store: AttachmentStore, product_id: int, attachment_id: int, *, actor: Actor, now: datetime
) -> Attachment:
    """Take a file of an earlier text over into the one being prepared, as a copy. Raises NotFound, Conflict."""
    product = product_to_edit(session, product_id, actor=actor)
    version = next_version(session, product)
    row = session.get(Attachment, attachment_id)
    earlier = {one.id for one in product.versions if one.id != version.id}
    is_own = row is not None and row.owner_type == ProductVersion.__tablename__ and row.owner_id in earlier
    if row is None or not is_own or row.removed_at is not None:
        raise no_such_attachment()
    _require_room(session, version)
    upload = Upload(row.name, store.path(row.stored_as).read_bytes())
    return add_attachment(session, store, owner=version, purpose=FILE, upload=upload, actor=actor, now=now)


def _require_room(session: Session, version: ProductVersion) -> None:
    if len(files_of(session, [version]).get(version.id, [])) >= MOST_FILES:
        raise DomainError(
            "too_many_files",
            _l("There are %(number)s files here already, and more are not taken.", number=MOST_FILES),
            remedy=_l("Remove one that is no longer needed, or put several into one PDF."),
            field=FILE,
        )


def files_of(session: Session, versions: Sequence[ProductVersion]) -> dict[int, list[Attachment]]:
    """Return the files of several texts, by the text's id. One query."""
    found: dict[int, list[Attachment]] = defaultdict(list)
    for row in session.scalars(
        select(Attachment)
        .where(
            Attachment.owner_type == ProductVersion.__tablename__,
            Attachment.owner_id.in_([version.id for version in versions]),
            Attachment.removed_at.is_(None),
        )
        .order_by(Attachment.id)
    ):
        found[row.owner_id].append(row)
    return dict(found)


def _may_see(session: Session, actor: Actor, version_id: int) -> None:
    """Let the author see all files, the leader those handed in, everybody known those in the catalogue. One query."""
    shown = (
        select(Publication.id)
        .where(Publication.version_id == ProductVersion.id, Publication.ended_at.is_(None))
        .correlate(ProductVersion)
        .exists()
    )
    row = session.execute(
        select(Trainee.person_id, Programme.site_id, ProductVersion.submitted_at, shown)
        .select_from(ProductVersion)
        .join(Product, Product.id == ProductVersion.product_id)
        .join(Trainee, Trainee.id == Product.trainee_id)
        .join(Intake, Intake.id == Trainee.intake_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(ProductVersion.id == version_id)
    ).one_or_none()
    if row is None:
        raise NotFound("no_such_product", "")
    author_id, site_id, submitted_at, is_shown = row
    is_own = actor.person_id is not None and actor.person_id == author_id
    is_leaders = submitted_at is not None and leads(actor, site_id)
    if not (is_own or is_leaders or (is_shown and may_read_catalogue(actor))):
        raise NotFound("no_such_product", "")


ATTACHMENT_RULES: dict[str, AttachmentRule] = {ProductVersion.__tablename__: _may_see}
