"""One way to fail: a page for people or problem+json for programs, with a reference id that is in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, abort, make_response, render_template, request
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError

from lti_app.core.db import is_twin
from lti_app.core.edge import db_session, reference, signed_in, tool
from lti_app.core.errors import Conflict, DomainError, NotSignedIn, described
from lti_app.core.forms import form_again
from lti_app.core.migrate import fault_of
from lti_app.lti.http import origin_of
from lti_app.lti.moodles import only_moodle_url

log = logging.getLogger(__name__)

LARGEST_KEPT_FORM = 20_000
"""Characters of a refused form that are offered to be sent again."""

FROM_MOODLE = _l("Open the course in Moodle and follow the link from there.")
WORDS = {
    404: (_l("There is no such page."), _l("Go back to the first page and look for it there.")),
    405: (_l("This page can't be opened that way."), _l("Go back to the first page and use its buttons.")),
    413: (_l("What was sent is too large."), _l("Send a smaller file, 8 MB at most.")),
    500: (
        _l("Something went wrong on our side."),
        _l("Nothing was changed. Try again; if it happens again, tell the administrator the number below."),
    ),
}
OTHERWISE = (_l("This request could not be understood."), _l("Go back and try again."))
UNFIT = (
    _l("The service is not available at the moment."),
    _l("Nothing was changed. Try again in a few minutes; if it lasts, tell the administrator the number below."),
)
OUTDATED = (
    _l("This page was out of date before it was sent."),
    _l("Nothing was changed and nothing is lost: send it once more."),
)
OUTDATED_LOST = (
    _l("This page was out of date before it was sent."),
    _l("Nothing was changed. Open the page anew and repeat what you did."),
)
TWIN = (
    _l("Somebody else saved the same at this very moment."),
    _l("Nothing of yours was saved. Send it once more: then it is said what is there already."),
)
RETURN = _l(
    "Open the course in Moodle in another tab and follow the link from there; then come back to this page "
    "and send it once more: what you entered is still on it, but not saved yet."
)


class Application(Flask):
    """Flask, but what goes wrong is logged by type and place: messages of exceptions can quote personal data."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function itself: none here is async, and Flask would ask that of a dozen at every request."""
        return func

    def handle_exception(self, e: Exception) -> Response:
        """Answer what nobody expected. A database away or without the schema is 503, and one line in the log."""
        fault = fault_of(tool().database) if isinstance(e, SQLAlchemyError) else None
        if fault is None:
            return super().handle_exception(e)
        refusal = DomainError(fault.code, UNFIT[0], remedy=UNFIT[1])
        refusal.status = 503
        log.error("%s endpoint=%s reference=%s", fault.line, request.endpoint, reference())
        answer = problem(refusal) if wants_json() else page(refusal)
        return self.finalize_request(answer, from_error_handler=True)

    def log_exception(self, exc_info: Any) -> None:
        """Write one entry that can be found by the reference id on the page."""
        log.error(
            "failed method=%s endpoint=%s reference=%s\n%s",
            request.method,
            request.endpoint,
            reference(),
            described(exc_info[1]),
        )


def wants_json() -> bool:
    """Tell whether the client would rather have JSON than a page."""
    offered = ["text/html", "application/problem+json", "application/json"]
    return request.accept_mimetypes.best_match(offered, default="text/html") != "text/html"


def problem(error: DomainError) -> Response:
    """Render a refusal as problem details (RFC 9457)."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": str(error.message),
        "status": error.status,
        "code": error.code,
        "reference": reference(),
    }
    extra = {"detail": str(error.remedy), "field": error.field, "clause": error.clause}
    body.update({name: value for name, value in extra.items() if value})
    response = make_response(body, error.status)
    response.mimetype = "application/problem+json"
    return response


def page(error: DomainError) -> Response:
    """Render a refusal as a page; what was typed is kept where it can be."""
    body = render_template(
        "error.html",
        error=error,
        way=getattr(error, "way", None),
        moodle_url=way_to_moodle(error),
        reference=reference(),
        kept=kept_form() if isinstance(error, NotSignedIn) else (),
        return_words=RETURN,
    )
    return make_response(body, error.status)


def way_to_moodle(error: DomainError) -> str | None:
    """Return where somebody without a visit begins one; None with a visit, or where the database may be at fault."""
    return only_moodle_url(db_session()) if signed_in() is None and error.status < 500 else None


def kept_form() -> tuple[tuple[str, str], ...]:
    """Return the fields of this form if it was sent from a page of ours; never one that a stranger's page sent."""
    if request.method != "POST" or not _from_here() or request.files:
        return ()
    fields = tuple((name, value) for name, value in request.form.items(multi=True) if name != "csrf_token")
    return fields if sum(len(name) + len(value) for name, value in fields) <= LARGEST_KEPT_FORM else ()


def _from_here() -> bool:
    return request.headers.get("Origin") == origin_of(tool().settings.public_url)


def _refuse(error: DomainError) -> Response:
    log.warning(
        "refused code=%s status=%s endpoint=%s reference=%s", error.code, error.status, request.endpoint, reference()
    )
    if wants_json():
        return problem(error)
    show = form_again()
    if show is None:
        return page(error)
    db_session().rollback()
    try:
        return make_response(show(error), error.status)
    except DomainError:  # who may not see the form either
        return page(error)


def _refuse_twin(error: IntegrityError) -> Response:
    """Refuse what somebody else saved at the same moment under the same key: each use case looks before it writes.

    Whatever else a database refuses is a fault of ours, and stays one.
    """
    if not is_twin(error):
        raise error
    log.warning("saved meanwhile endpoint=%s reference=%s\n%s", request.endpoint, reference(), described(error))
    db_session().rollback()
    return _refuse(Conflict("saved_meanwhile", TWIN[0], remedy=TWIN[1]))


def _refuse_http(error: HTTPException) -> Response | HTTPException:
    status = error.code or 500
    if status < 400:
        return error
    message, remedy = WORDS.get(status, OTHERWISE)
    if status in (404, 405) and signed_in() is None:  # to whom the first page is closed too
        remedy = FROM_MOODLE
    refusal = DomainError(f"http_{status}", message, remedy=remedy)
    refusal.status = status
    response = _refuse(refusal)
    if isinstance(error, InternalServerError):
        return response
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _refuse_outdated(_error: CSRFError) -> Response:
    """Offer to send the same form again with a fresh token, if it came from a page of ours."""
    kept = kept_form()
    message, remedy = OUTDATED if kept and signed_in() else OUTDATED_LOST
    refusal = DomainError("form_outdated", message, remedy=remedy)
    refusal.status = 400
    log.warning("refused code=form_outdated endpoint=%s reference=%s", request.endpoint, reference())
    if wants_json():
        return problem(refusal)
    body = render_template(
        "error.html",
        error=refusal,
        way=None,
        moodle_url=way_to_moodle(refusal),
        reference=reference(),
        kept=kept,
        return_words=None,
    )
    return make_response(body, refusal.status)


def _refuse_nul() -> None:
    """Refuse a NUL in an address or a form: no field means one, and PostgreSQL keeps none in a text.

    Forms of the LTI edge are left to it: it bounds their size first, and reading one here would come before that.
    """
    reads_form = request.method == "POST" and request.blueprint != "lti"
    fields = [request.args, request.form] if reads_form else [request.args]
    if any("\0" in text for field in fields for pair in field.items(multi=True) for text in pair):
        abort(400)


def install(app: Flask) -> None:
    """Give the application its one error handler for each kind of failure."""
    app.before_request(_refuse_nul)
    app.register_error_handler(DomainError, _refuse)
    app.register_error_handler(IntegrityError, _refuse_twin)
    app.register_error_handler(CSRFError, _refuse_outdated)
    app.register_error_handler(HTTPException, _refuse_http)
