"""The LTI platform's addresses, the same as in Moodle."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.wrappers import Request, Response

from .lti import ags, deep_linking, login, nrps, registration, tokens
from .lti.keys import KeySetUnreadable
from .lti.service import ServiceAnswer, ServiceRefused, ServiceRequest
from .state import Course, Launch, User
from .web import (
    Sandbox,
    current_session,
    current_user,
    form_post,
    json_response,
    page_response,
    refuse,
    route,
    to_login,
)

SERVICES = "/mod/lti/services.php"


@route("/mod/lti/certs.php")
def certs(sandbox: Sandbox, request: Request) -> Response:
    """Give the site's public keys."""
    return json_response(sandbox.key.public_set(), content_type="application/json; charset=utf-8")


@route("/mod/lti/openid-configuration.php")
def openid_configuration(sandbox: Sandbox, request: Request) -> Response:
    """Give the platform's description."""
    body = registration.openid_configuration(sandbox.state)
    return json_response(body, content_type="application/json; charset=utf-8")


@route("/mod/lti/openid-registration.php", "POST")
def openid_registration(sandbox: Sandbox, request: Request) -> Response:
    """Register a tool."""
    try:
        given = request.get_json(force=True, silent=True)
        authorization = request.headers.get("Authorization", "")
        body = registration.register(sandbox.state, sandbox.key, authorization, given)
    except registration.RegistrationRefused as refusal:
        return Response(refusal.text, refusal.status, content_type="text/html; charset=utf-8")
    return json_response(body, content_type="application/json; charset=utf-8")


@route("/mod/lti/token.php", "GET", "POST", locked=False)
def token(sandbox: Sandbox, request: Request) -> Response:
    """Grant an access token; Moodle calls its JSON text/html here (recordings token_*).

    Where it can't fetch the tool's keys it fails, and shows its page of errors with status 404.
    """
    try:
        body, status = tokens.grant(sandbox.state, sandbox.tool_keys, request.form), 200
    except tokens.TokenRefused as refusal:
        body, status = {"error": str(refusal)}, 400
    except KeySetUnreadable:
        return refuse(sandbox, 404, "Ошибка")
    return Response(tokens.write(body), status, content_type="text/html; charset=utf-8")


def may_enter(sandbox: Sandbox, user: User, course: Course) -> bool:
    """Tell whether a person may enter a course: the administrator always, others while actively enrolled."""
    state = sandbox.state
    teaches = state.has_role(course.id, user.id, "manager", "editingteacher", "teacher")
    return user.admin or (state.is_active(course.id, user.id) and (bool(course.visible) or teaches))


def may_edit(sandbox: Sandbox, user: User, course: Course) -> bool:
    """Tell whether a person may add activities to a course."""
    state = sandbox.state
    return user.admin or (
        state.has_role(course.id, user.id, "manager", "editingteacher") and state.is_active(course.id, user.id)
    )


@route("/mod/lti/launch.php")
def launch(sandbox: Sandbox, request: Request) -> Response:
    """Begin a launch: a page that posts the login request to the tool; in nobody's name where nobody is signed in."""
    state, user, session = sandbox.state, current_user(sandbox, request), current_session(sandbox, request)
    module = state.modules.get(request.args.get("id", 0, int))
    if module is None or module.tool is None:
        return refuse(sandbox, 404, "Такого элемента курса нет.")
    course, tool = state.courses[module.course], state.tools.get(module.tool)
    if user is None or session is None:
        if tool is None or tool.state != "active":
            return to_login(request)
        nobody = Launch(course.id, tool.id, module.id, "LtiResourceLinkRequest")
        return form_post(sandbox, login.initiate_for_nobody(state, nobody))
    if not may_enter(sandbox, user, course):
        return refuse(sandbox, 403, "Вы не записаны на этот курс.", "Обратитесь к руководителю площадки.")
    if tool is None or tool.state != "active":
        return refuse(sandbox, 403, "Инструмент ещё не активирован.", "Это может сделать администратор.")
    state.course_access[course.id][user.id] = state.now()
    started = Launch(course.id, tool.id, module.id, "LtiResourceLinkRequest")
    form = login.initiate(state, session, started)
    return form_post(sandbox, form)


@route("/mod/lti/contentitem.php")
def contentitem(sandbox: Sandbox, request: Request) -> Response:
    """Begin deep linking: `id` is the tool's, `course` the course to add to."""
    state, user, session = sandbox.state, current_user(sandbox, request), current_session(sandbox, request)
    if user is None or session is None:
        return to_login(request)
    course, tool = (
        state.courses.get(request.args.get("course", 0, int)),
        state.tools.get(request.args.get("id", 0, int)),
    )
    if course is None or tool is None:
        return refuse(sandbox, 404, "Такого курса или инструмента нет.")
    if not may_edit(sandbox, user, course) or tool.state != "active":
        return refuse(sandbox, 403, "Добавлять элементы в этот курс вам нельзя.")
    title, text = request.args.get("title", ""), request.args.get("text", "")
    started = Launch(course.id, tool.id, None, "LtiDeepLinkingRequest", title, text)
    form = login.initiate(state, session, started)
    return form_post(sandbox, form)


def _repost(sandbox: Sandbox, request: Request) -> Response:
    """Answer a page that sends the same request again from this very site.

    A request that another site started comes without the session's cookie; sent again from here, it carries it
    (recording auth_not_logged_in).
    """
    query = request.query_string.decode()
    action = request.path + (f"?{query}" if query else "")
    fields = request.form.to_dict() | {"repost": "true"}
    return page_response("form_post.html", sandbox, action=action, fields=fields)


@route("/mod/lti/auth.php", "GET", "POST")
def auth(sandbox: Sandbox, request: Request) -> Response:
    """Answer the tool's authentication request with a form post."""
    session = current_session(sandbox, request)
    if session is None:
        if "repost" not in request.form:
            return _repost(sandbox, request)
        return to_login(request)
    try:
        form = login.authenticate(sandbox.state, sandbox.key, session, request.values)
    except login.UntrustedRequest:
        return refuse(sandbox, 400, "Неверный запрос.", "Откройте элемент курса ещё раз.")
    return form_post(sandbox, form)


@route("/mod/lti/contentitem_return.php", "POST", locked=False)
def contentitem_return(sandbox: Sandbox, request: Request) -> Response:
    """Take what a teacher picked in the tool, and make it part of the course."""
    state, session = sandbox.state, current_session(sandbox, request)
    user = current_user(sandbox, request)
    if session is None or user is None:
        return _repost(sandbox, request) if "repost" not in request.form else to_login(request)
    course, tool = (
        state.courses.get(request.args.get("course", 0, int)),
        state.tools.get(request.args.get("id", 0, int)),
    )
    if course is None or tool is None or request.args.get("sesskey") != session.sesskey:
        return refuse(sandbox, 403, "Неверный запрос.")
    if not may_edit(sandbox, user, course):
        return refuse(sandbox, 403, "Добавлять элементы в этот курс вам нельзя.")
    try:
        made = deep_linking.accept(state, sandbox.tool_keys, tool, course, request.form.get("JWT", ""))
    except deep_linking.AnswerRefused as refusal:
        return refuse(sandbox, 400, "Ответ инструмента не принят.", str(refusal))
    return page_response("added.html", sandbox, course=course, made=made, user=None)


@route("/mod/lti/return.php")
def return_from_tool(sandbox: Sandbox, request: Request) -> Response:
    """Take back somebody whom the tool sends to its `return_url`, with the message that it may have given them."""
    course = sandbox.state.courses.get(request.args.get("course", 0, int))
    if course is None:
        return refuse(sandbox, 404, "Такого курса нет.")
    error, text = request.args.get("lti_errormsg", ""), request.args.get("lti_msg", "")
    return page_response("returned.html", sandbox, course=course, error=error, text=text, user=None)


def _serve(sandbox: Sandbox, request: Request, serve: Callable[[ServiceRequest], ServiceAnswer]) -> Response:
    query = request.query_string.decode()
    asked = ServiceRequest(
        method=request.method,
        path=request.path + (f"?{query}" if query else ""),
        query=request.args,
        accept=request.headers.get("Accept", ""),
        content_type=request.headers.get("Content-Type", "").partition(";")[0],
        authorization=request.headers.get("Authorization", ""),
        body=request.get_data(),
    )
    try:
        answer = serve(asked)
    except ServiceRefused as refusal:
        answer = refusal.answer(asked)
    response = Response(answer.text(), answer.status, content_type=f"{answer.content_type}; charset=utf-8")
    response.headers.extend(answer.headers)
    return response


@route(f"{SERVICES}/CourseSection/<int:course>/bindings/<int:tool>/memberships")
def memberships(sandbox: Sandbox, request: Request, course: int, tool: int) -> Response:
    """List a course's members."""
    return _serve(sandbox, request, lambda asked: nrps.memberships(sandbox.state, asked, course, tool))


@route(f"{SERVICES}/<int:course>/lineitems", "GET", "POST")
def line_items(sandbox: Sandbox, request: Request, course: int) -> Response:
    """List line items, or make one."""
    return _serve(sandbox, request, lambda asked: ags.line_items(sandbox.state, asked, course))


@route(f"{SERVICES}/<int:course>/lineitems/<int:item>/lineitem", "GET", "PUT", "DELETE")
def line_item(sandbox: Sandbox, request: Request, course: int, item: int) -> Response:
    """Show, change or delete a line item."""
    return _serve(sandbox, request, lambda asked: ags.line_item(sandbox.state, asked, course, item))


@route(f"{SERVICES}/<int:course>/lineitems/<int:item>/lineitem/scores", "POST")
def scores(sandbox: Sandbox, request: Request, course: int, item: int) -> Response:
    """Take a score."""
    return _serve(sandbox, request, lambda asked: ags.scores(sandbox.state, asked, course, item))


@route(f"{SERVICES}/<int:course>/lineitems/<int:item>/lineitem/results")
def results(sandbox: Sandbox, request: Request, course: int, item: int) -> Response:
    """List results."""
    return _serve(sandbox, request, lambda asked: ags.results(sandbox.state, asked, course, item))
