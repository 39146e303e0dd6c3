"""The LTI addresses: login, launch, deep linking, registration, keys."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, jsonify, make_response, request
from flask_babel import get_locale
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from lti_app.core.edge import db_session, now, tool
from lti_app.core.errors import DomainError
from lti_app.core.permissions import Permission, needs
from lti_app.lti import refusals
from lti_app.lti.claims import DEEP_LINK, DEEP_LINKING
from lti_app.lti.deep_linking import begin_choice, go_on_choosing
from lti_app.lti.keys import ensure_key, published_keys
from lti_app.lti.launch import ToolLaunch
from lti_app.lti.links import remember_link
from lti_app.lti.login import Login, drop_cookie
from lti_app.lti.nonces import use_nonce
from lti_app.lti.parts import parts
from lti_app.lti.refusals import FROM_MOODLE_ONLY, LaunchRefused
from lti_app.lti.registering import register_with_moodle

LARGEST_FORM = 256 * 1024
KEYS_KEPT_FOR = timedelta(hours=1)

blueprint = Blueprint("lti", __name__, url_prefix="/lti", template_folder="templates")
blueprint.register_error_handler(DomainError, refusals.answer)
blueprint.register_error_handler(BadRequest, refusals.answer_http)
blueprint.register_error_handler(RequestEntityTooLarge, refusals.answer_http)


@blueprint.before_request
def _bound_the_request() -> None:
    request.max_content_length = LARGEST_FORM
    request.max_form_memory_size = LARGEST_FORM
    request.max_form_parts = 50


@blueprint.context_processor
def _name_the_language() -> dict[str, str]:
    return {"language": str(get_locale() or "ru")}


@blueprint.route("/login", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
def login() -> Response:
    """Answer Moodle's announcement of a launch with a redirect to its sign-in address. Stores nothing."""
    return Login(request, parts(), public_url=tool().settings.public_url, now=now()).respond()


@blueprint.route("/launch", methods=["GET", "POST"], endpoint="launch")
@blueprint.route("/deep-link", methods=["GET", "POST"], endpoint="deep_link")
@needs(Permission.PUBLIC)
def launch() -> Response:
    """Prove a launch and hand it to the landing, or to the choice of a link. One transaction."""
    if request.method != "POST":
        raise LaunchRefused("lti_launch_without_moodle", FROM_MOODLE_ONLY, status=405)
    here = parts()
    proof = ToolLaunch(request, here, public_url=tool().settings.public_url, now=now())
    proven = proof.prove()
    link = proof.link()
    here.nonces.sweep(now())
    session = db_session()  # SQLite has one writer: whoever comes next waits from here until the commit
    use_nonce(session, proof.state)
    response: Response
    if proven.message_type == DEEP_LINK:
        response = begin_choice(session, proven, proof.known, proof.claims[DEEP_LINKING])
    else:
        if link is not None:
            remember_link(session, link, here.links, now())
        response = make_response(tool().services["land"](proven))
    drop_cookie(response, proof.state.cookie_name)
    return response


@blueprint.post("/deep-link/choose")
@needs(Permission.PUBLIC)
def choose_link() -> Response:
    """Search among what can be linked to, or answer Moodle with what was chosen. Who asks, the sealed launch says."""
    return go_on_choosing(db_session(), request.form)


@blueprint.get("/jwks")
@needs(Permission.PUBLIC)
def jwks() -> Response:
    """Publish the tool's keys (RFC 7517)."""
    with tool().database.session(writes=False) as session:
        keys = published_keys(session, now())
    if not keys["keys"]:
        with tool().database.transaction() as session:
            ensure_key(session, tool().vault, now())
            keys = published_keys(session, now())
    response = jsonify(keys)
    response.cache_control.public = True
    response.cache_control.max_age = int(KEYS_KEPT_FOR.total_seconds())
    return response


@blueprint.get("/register", defaults={"token": ""})
@blueprint.get("/register/<token>")
@needs(Permission.PUBLIC)
def register(token: str) -> Response:
    """Register the tool with the Moodle that opened this one-time address (LTI dynamic registration 1.0)."""
    return register_with_moodle(
        token,
        configuration_url=request.args.get("openid_configuration", ""),
        registration_token=request.args.get("registration_token"),
        now=now(),
    )


@blueprint.get("/plain.css")
@needs(Permission.PUBLIC)
def style() -> Response:
    """Give the few lines of style that plain pages need; a strict content policy allows no inline ones."""
    return _file("plain.css", "text/css")


@blueprint.get("/close.js")
@needs(Permission.PUBLIC)
def close_script() -> Response:
    """Give the script that tells Moodle that the registration is over."""
    return _file("close.js", "text/javascript")


def _file(name: str, mimetype: str) -> Response:
    with blueprint.open_resource(f"assets/{name}") as file:
        response = Response(file.read(), mimetype=mimetype)
    response.cache_control.public = True
    response.cache_control.max_age = 3600
    return response
