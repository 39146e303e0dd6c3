"""The catalogue of products (2.2): open to everybody who is known, searched by words, direction, kind and subject."""

from __future__ import annotations

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.products.access import is_author, product_of
from lti_app.products.browsing import browse, directions
from lti_app.products.catalogue import may_take_out, publication_of
from lti_app.products.catalogue import take_out as take_product_out
from lti_app.products.files import files_of
from lti_app.products.texts import holding_review
from lti_app.programmes.demands import kind_choices, kind_words

blueprint = Blueprint("catalogue", __name__, template_folder="templates")

NAVIGATION = (
    NavItem(
        "catalogue.index", _l("Catalogue of products"), "collection", Permission.SIGNED_IN, place=64, for_known=True
    ),
)
FILTERS = ("q", "direction", "kind", "subject")


@blueprint.get("/catalogue")
@needs(Permission.SIGNED_IN)
def index() -> str:
    """Show what stands in the catalogue, the newest first; filters stand in the address."""
    session = db_session()
    asked = {name: text for name in FILTERS if (text := request.args.get(name, "").strip())}
    page = browse(session, asked, request.args.get("page", type=row_number), actor=actor())
    return render_template(
        "products/catalogue.html",
        page=page,
        asked=asked,
        directions=directions(session),
        kind_choices=kind_choices(),
    )


@blueprint.get("/catalogue/<int:publication_id>")
@needs(Permission.SIGNED_IN)
def entry(publication_id: int) -> str:
    """Show a product in the catalogue, with its files."""
    return entry_page(publication_id)


def entry_page(publication_id: int, refusal: DomainError | None = None) -> str:
    """Show a product of the catalogue in the very text that was accepted."""
    session, who = db_session(), actor()
    publication = publication_of(session, publication_id, actor=who)
    product = product_of(session, publication.product_id)
    version = next(one for one in product.versions if one.id == publication.version_id)
    review = holding_review(version)
    return render_template(
        "products/entry.html",
        publication=publication,
        product=product,
        version=version,
        programme_version=product.trainee.intake.version,
        criteria=[row["criterion"] for row in review.marks] if review is not None else [],
        accepted_at=review.made_at if review is not None else None,
        files=files_of(session, [version]).get(version.id, []),
        kind=kind_words(product.kind, product.lesson_kind),
        is_own=is_author(product, who),
        may_take_out=may_take_out(who, publication.site_id),
        typed=request.form,
        refusal=refusal,
    )


@blueprint.post("/catalogue/<int:publication_id>/take-out")
@needs(Permission.SIGNED_IN)
def take_out(publication_id: int) -> Response:
    """Take a product out of the catalogue, as the leader of its site or the centre."""
    keep_form(lambda refusal: entry_page(publication_id, refusal))
    reason = request.form.get("reason", "")
    take_product_out(db_session(), publication_id, reason=reason, actor=actor(), now=now())
    flash(gettext("The product is out of the catalogue; its author is told the reason."), "success")
    return see_other(url_for("catalogue.index"))
