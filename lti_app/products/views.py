"""Products of an intake, as its trainees and its leader see them; a product's page; what waits for the leader."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload

from lti_app.core.attachments import STORE, Upload
from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.history import history_of
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.paging import asked_page, page_of
from lti_app.core.permissions import Permission, Role, needs
from lti_app.intakes.models import Intake
from lti_app.products.access import is_author, leads, own_product, product_to_see, roles_in, site_id_of
from lti_app.products.catalogue import agree, shown_publication, taken_out_because
from lti_app.products.files import FILE, attach, carry_over, detach, files_of
from lti_app.products.handing import LONGEST_NOTE, ProductText, begin_product, hand_in, own_trainee, save_product
from lti_app.products.handing import take_back as take_product_back
from lti_app.products.models import EDITABLE, Product, ProductState
from lti_app.products.overview import product_cards, products_of_intake, waiting_of
from lti_app.products.review_form import typed_marks
from lti_app.products.texts import handed_in, holding_review, last_remarks, open_version
from lti_app.products.words import FIELD_NAMES, HISTORY, MARKS, NOT_BEGUN, PRODUCT_STATES, grade_words
from lti_app.programmes.demands import kind_choices, kind_from, kind_value, kind_words

blueprint = Blueprint("products", __name__, template_folder="templates")

NAVIGATION = (
    NavItem("products.waiting", _l("Products to look at"), "file-earmark-text", Permission.RUN_INTAKES, place=28),
)


@blueprint.route("/intakes/<int:intake_id>/products", methods=["GET", "POST"])
@needs(Permission.SIGNED_IN)
def of_intake(intake_id: int) -> Response:
    """Show the products of an intake in the role that this person has there (``?as=`` chooses); begin one."""
    if request.method == "POST":
        own_trainee(db_session(), intake_id, actor=actor())
        keep_form(lambda refusal: own_page(intake_id, None, refusal))
        return see_other(url_for("products.product", product_id=_begun(intake_id).id))
    roles = roles_in(db_session(), intake_id, actor())
    asked = request.args.get("as")
    role = next((role for role in roles if role.value == asked), roles[0])
    other = next((one for one in roles if one is not role), None)
    shown = intake_page(intake_id, other) if role is Role.LEADER else own_page(intake_id, other)
    return make_response(shown)


def _begun(intake_id: int) -> Product:
    form = request.form
    demand_id = form.get("demand", type=row_number)
    if demand_id is not None:
        return begin_product(db_session(), intake_id=intake_id, demand_id=demand_id, actor=actor(), now=now())
    kind, lesson_kind = kind_from(form.get("kind", ""))
    return begin_product(
        db_session(),
        intake_id=intake_id,
        demand_id=None,
        title=form.get("title", ""),
        kind=kind,
        lesson_kind=lesson_kind,
        actor=actor(),
        now=now(),
    )


def own_page(intake_id: int, other: Role | None, refusal: DomainError | None = None) -> str:
    """Show a trainee what is asked for, what of it is done, and what to do next."""
    session = db_session()
    trainee = own_trainee(session, intake_id, actor=actor())
    return render_template(
        "products/own.html",
        intake=_named(intake_id),
        cards=product_cards(session, trainee.id),
        other_role=other,
        refusal=refusal,
        values=request.form,
        kind_choices=kind_choices(),
        **words(),
    )


def intake_page(intake_id: int, other: Role | None) -> str:
    """Show the leader people × demands, and what waits."""
    products = products_of_intake(db_session(), intake_id)
    query = request.args.get("q", "").strip()
    found = [row for row in products.trainees if query.casefold() in f"{row.name} {row.organisation or ''}".casefold()]
    return render_template(
        "products/of_intake.html",
        intake=_named(intake_id),
        products=products,
        page=page_of(found, request.args.get("page", type=asked_page)),
        query=query,
        other_role=other,
        **words(),
    )


def _named(intake_id: int) -> Intake:
    return db_session().get_one(Intake, intake_id, options=[joinedload(Intake.version)])


def words() -> dict[str, object]:
    """Return the words that pages of products need."""
    return {
        "product_states": PRODUCT_STATES,
        "not_begun": NOT_BEGUN,
        "marks": MARKS,
        "product_fields": FIELD_NAMES,
        "kind_words": kind_words,
        "grade_words": grade_words,
    }


@blueprint.get("/products/waiting")
@needs(Permission.RUN_INTAKES)
def waiting() -> str:
    """Show the leader what waits for an answer at all sites led, the longest first."""
    page = waiting_of(db_session(), request.args.get("page", type=row_number), actor=actor())
    return render_template("products/waiting.html", page=page)


@blueprint.route("/products/<int:product_id>", methods=["GET", "POST"])
@needs(Permission.SIGNED_IN)
def product(product_id: int) -> Response:
    """Show a product to its author and to the leader; save it, attach files, hand it in, as its buttons ask."""
    if request.method == "GET":
        return make_response(product_page(product_id))
    form, session, who = request.form, db_session(), actor()
    own_product(session, product_id, actor=who)
    keep_form(lambda refusal: product_page(product_id, refusal))
    save_product(session, product_id, _typed(), seen=form.get("revision", type=row_number), actor=who, now=now())
    _change_files(product_id)
    if form.get("step") != "hand_in":
        flash(gettext("Saved."), "success")
        return see_other(url_for("products.product", product_id=product_id, _anchor="files"))
    agree(session, product_id, agrees=bool(form.get("agrees")), actor=who, now=now())
    hand_in(session, product_id, actor=who, now=now())
    flash(gettext("The product is handed in: it waits for the leader's answer."), "success")
    return see_other(url_for("products.product", product_id=product_id))


def _typed() -> ProductText:
    form = request.form
    kind, lesson_kind = kind_from(form.get("kind", ""))
    return ProductText(
        title=form.get("title", ""),
        kind=kind,
        lesson_kind=lesson_kind,
        subject=form.get("subject", ""),
        note=form.get("note", ""),
        links=tuple(form.get("links", "").splitlines()),
    )


def _change_files(product_id: int) -> None:
    """Attach the file that came with the form; remove or take over the one whose button was pressed."""
    session, who, form = db_session(), actor(), request.form
    removed, carried = form.get("remove_attachment", type=row_number), form.get("carry", type=row_number)
    if removed is not None:
        detach(session, product_id, removed, actor=who, now=now())
    if carried is not None:
        carry_over(session, tool().services[STORE], product_id, carried, actor=who, now=now())
    file = request.files.get(FILE)
    if file is not None and file.filename:
        upload = Upload(file.filename, file.read())
        attach(session, tool().services[STORE], product_id, upload, actor=who, now=now())


def product_page(product_id: int, refusal: DomainError | None = None) -> str:
    """Show a product; with what was typed, where a form was refused."""
    session, who = db_session(), actor()
    shown = product_to_see(session, product_id, actor=who)
    is_own = is_author(shown, who)
    is_editable = is_own and shown.state in EDITABLE
    last = handed_in(shown)
    versions = [one for one in reversed(shown.versions) if one.submitted_at is not None]
    prepared = open_version(shown) if is_own else None
    seen = [*versions, prepared] if prepared is not None else versions
    return render_template(
        "products/product.html",
        product=shown,
        intake=shown.trainee.intake,
        is_own=is_own,
        is_editable=is_editable,
        may_review=not is_own and leads(who, site_id_of(shown)),
        values=_values(shown, refusal),
        prepared=prepared,
        versions=versions,
        last=last,
        files=files_of(session, seen),
        returned=last_remarks(shown) if shown.state is ProductState.RETURNED else None,
        holding_review=holding_review,
        publication=shown_publication(session, shown),
        taken_out=taken_out_because(session, last)
        if last is not None and shown.state is ProductState.ACCEPTED
        else None,
        history=history_of(session, shown, words=HISTORY),
        refusal=refusal,
        typed=request.form,
        typed_marks=typed_marks(request.form),
        kind_choices=_kinds(shown),
        longest_note=LONGEST_NOTE,
        **words(),
    )


def _kinds(shown: Product) -> list[tuple[str, object]]:
    """Return the kinds that the author may choose: any, those of lessons, or the one that is asked for."""
    demand = shown.demand
    if demand is None:
        return list(kind_choices())
    value = kind_value(demand.kind, demand.lesson_kind)
    return [(one, said) for one, said in kind_choices() if one == value or one.startswith(f"{value}:")]


def _values(shown: Product, refusal: DomainError | None) -> dict[str, str]:
    """Return what the author's form says: as typed after a refusal, else as stored."""
    if refusal is not None and "title" in request.form:
        typed = dict(request.form.items())
        if isinstance(refusal, EditedMeanwhile):
            typed["revision"] = str(refusal.revision)  # who has seen both texts may save theirs
        return typed
    prepared = open_version(shown)
    return {
        "title": shown.title,
        "subject": shown.subject or "",
        "kind": kind_value(shown.kind, shown.lesson_kind),
        "note": (prepared.note or "") if prepared else "",
        "links": "\n".join(prepared.links) if prepared else "",
        "revision": str(shown.revision),
        "agrees": "yes" if shown.consented_at else "",
    }


@blueprint.post("/products/<int:product_id>/take-back")
@needs(Permission.SIGNED_IN)
def take_back(product_id: int) -> Response:
    """Take a product back that waits for the leader's answer."""
    keep_form(lambda refusal: product_page(product_id, refusal))
    take_product_back(db_session(), product_id, actor=actor(), now=now())
    flash(gettext("The product is taken back: change it and hand it in again."), "success")
    return see_other(url_for("products.product", product_id=product_id))


@blueprint.post("/products/<int:product_id>/consent")
@needs(Permission.SIGNED_IN)
def consent(product_id: int) -> Response:
    """Let the author agree to the catalogue, or take that back."""
    keep_form(lambda refusal: product_page(product_id, refusal))
    agrees = request.form.get("agrees") == "yes"
    shown = agree(db_session(), product_id, agrees=agrees, actor=actor(), now=now())
    if not agrees:
        flash(gettext("The product doesn't stand in the catalogue, and its files are closed to others."), "success")
    elif shown.state is ProductState.ACCEPTED:
        flash(gettext("The product stands in the catalogue."), "success")
    else:
        flash(gettext("The product will stand in the catalogue once it is accepted."), "success")
    return see_other(url_for("products.product", product_id=product_id, _anchor="catalogue"))
