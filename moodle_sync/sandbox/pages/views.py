"""Login, courses, activities, gradebook, participants, and the administrator's and teacher's forms."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from moodle_sync.sandbox import actions
from moodle_sync.sandbox.lti import registration
from moodle_sync.sandbox.state import COMPLETION_MANUAL, GUEST, SITE_COURSE, Course, Module, State, User
from moodle_sync.sandbox.views_lti import may_edit, may_enter
from moodle_sync.sandbox.web import (
    COOKIE,
    Sandbox,
    current_session,
    current_user,
    log_in,
    page_response,
    refuse,
    route,
    to_login,
)
from moodle_sync.sandbox.webservice.grades import graded_users, trim

SHOWN_AT_LOGIN = 60
ROLE_WORDS = {
    1: "управляющий",
    2: "создатель курса",
    3: "преподаватель",
    4: "ассистент",
    5: "студент",
    6: "гость",
    7: "пользователь",
    8: "—",
}


def go(address: str) -> Response:
    """Send the browser on."""
    return redirect(address, 303)


def date_text(state: State, moment: int) -> str:
    """Write a date in the site's zone; nothing for "never"."""
    return f"{datetime.fromtimestamp(moment, ZoneInfo(state.site.timezone)):%d.%m.%Y}" if moment else ""


@route("/login")
def login_page(sandbox: Sandbox, request: Request) -> Response:
    """Choose who to be; searchable, since a site has more people than fit."""
    state, sought = sandbox.state, request.args.get("q", "").strip().lower()
    people = []
    for user in sorted(state.users.values(), key=lambda one: (not one.admin, one.lastname, one.firstname)):
        if user.id in (GUEST, state.site.ws_user) or user.suspended:
            continue
        if sought and sought not in f"{user.fullname} {user.username}".lower():
            continue
        taught = any(state.has_role(course, user.id, "editingteacher", "teacher") for course in list(state.roles))
        learns = any(state.has_role(course, user.id, "student") for course in list(state.roles))
        words = ["администратор"] * user.admin + ["преподаватель"] * taught + ["студент"] * learns
        people.append({"id": user.id, "name": user.fullname, "words": ", ".join(words), "username": user.username})
    return page_response(
        "login.html",
        sandbox,
        user=None,
        people=people[:SHOWN_AT_LOGIN],
        more=len(people) - SHOWN_AT_LOGIN,
        sought=request.args.get("q", ""),
        wantsurl=request.args.get("wantsurl", ""),
    )


@route("/login/index.php")
def login_index(sandbox: Sandbox, request: Request) -> Response:
    """Begin a session that is nobody's and lead to the page: Moodle sets its cookie before anybody logs in.

    `wantsurl` is where it goes on afterwards, an address of this site.
    """
    wanted = request.args.get("wantsurl", "")
    local = wanted.removeprefix(sandbox.state.site.url)
    response = go(f"/login?wantsurl={quote(local, safe='')}") if local.startswith("/") else to_login(request)
    if current_session(sandbox, request) is not None:
        return response
    marks: dict[str, Any] = {"secure": True, "samesite": "None"} if sandbox.state.site.secure_cookies else {}
    response.set_cookie(COOKIE, secrets.token_hex(13), httponly=True, path="/", **marks)
    return response


@route("/login/index.php", "POST")
def login(sandbox: Sandbox, request: Request) -> Response:
    """Log somebody in by number or username; only addresses of this site are gone back to."""
    wanted = request.form.get("userid", "")
    ids = {int(wanted)} if wanted.isdecimal() else sandbox.state.user_index["username"].get(wanted, set())
    user = sandbox.state.users.get(min(ids)) if ids else None
    if user is None or user.suspended or user.id == GUEST:
        return refuse(sandbox, 403, "Войти не удалось.", "Такой учётной записи нет, или она приостановлена.")
    back = urlsplit(request.form.get("wantsurl", ""))
    inside = back.path.startswith("/") and not back.netloc and not back.scheme
    target = back.path + (f"?{back.query}" if back.query else "") if inside else "/my/"
    return log_in(sandbox, user, go(target))


@route("/login/logout.php", "POST")
def logout(sandbox: Sandbox, request: Request) -> Response:
    """End the session."""
    sandbox.state.sessions.pop(request.cookies.get(COOKIE, ""), None)
    response = go("/login")
    response.delete_cookie(COOKIE, path="/")
    return response


@route("/")
@route("/my/")
def my_courses(sandbox: Sandbox, request: Request) -> Response:
    """List the person's courses; the administrator sees all."""
    state, user = sandbox.state, current_user(sandbox, request)
    if user is None:
        return to_login(request)
    courses = [
        {
            "id": course.id,
            "name": course.fullname,
            "shortname": course.shortname,
            "category": state.categories[course.category].name,
            "visible": course.visible,
            "people": len(state.enrolments[course.id]),
        }
        for course in state.courses.values()
        if course.id != SITE_COURSE and may_enter(sandbox, user, course)
    ]
    return page_response("courses.html", sandbox, user=user, courses=courses)


class Visit:
    """A person in a course: what every course page needs, or the response that stops them."""

    def __init__(self, sandbox: Sandbox, request: Request, course_id: int | None) -> None:
        self.stop: Response | None = None
        user = current_user(sandbox, request)
        course = sandbox.state.courses.get(course_id or 0)
        if user is None:
            self.stop = to_login(request)
        elif course is None or course.id == SITE_COURSE:
            self.stop = refuse(sandbox, 404, "Такого курса нет.")
        elif not may_enter(sandbox, user, course):
            self.stop = refuse(sandbox, 403, "Вы не записаны на этот курс.", "Обратитесь к руководителю площадки.")
        self.user: User = user or sandbox.state.users[GUEST]
        self.course: Course = course or sandbox.state.courses[SITE_COURSE]

    def context(self, sandbox: Sandbox, tab: str) -> dict[str, Any]:
        """Give what the course's heading needs."""
        return {
            "user": self.user,
            "course": self.course,
            "tab": tab,
            "edits": may_edit(sandbox, self.user, self.course),
            "learns": sandbox.state.has_role(self.course.id, self.user.id, "student"),
        }


def _card(sandbox: Sandbox, module: Module, user: User) -> dict[str, Any]:
    state = sandbox.state
    return {
        "id": module.id,
        "name": module.name,
        "kind": module.kind,
        "section": module.section,
        "description": module.description,
        "asked": bool(module.completion) and state.has_role(module.course, user.id, "student"),
        "by_hand": module.completion == COMPLETION_MANUAL,
        "done": actions.is_complete(state, module, user.id),
    }


@route("/course/view.php")
def course_page(sandbox: Sandbox, request: Request) -> Response:
    """Show a course and its activities, with marks of what the learner has completed."""
    visit = Visit(sandbox, request, request.args.get("id", type=int))
    if visit.stop:
        return visit.stop
    cards = [_card(sandbox, module, visit.user) for module in sandbox.state.modules_of(visit.course.id)]
    return page_response("course.html", sandbox, cards=cards, **visit.context(sandbox, "course"))


@route("/mod/<kind>/view.php")
def activity_page(sandbox: Sandbox, request: Request, kind: str) -> Response:
    """Show an activity; a tool's link opens in a frame."""
    module = sandbox.state.modules.get(request.args.get("id", 0, int))
    if module is None and kind == "lti":  # Moodle takes the id of the LTI instance as well
        instance = request.args.get("l", 0, int)
        links = sandbox.state.modules.values()
        module = next((link for link in links if (link.kind, link.instance) == (kind, instance)), None)
    visit = Visit(sandbox, request, module.course if module else None)
    if visit.stop:
        return visit.stop
    if module is None or module.kind != kind:
        return refuse(sandbox, 404, "Такого элемента курса нет.")
    return page_response(
        "activity.html", sandbox, card=_card(sandbox, module, visit.user), **visit.context(sandbox, "activity")
    )


@route("/course/togglecompletion.php", "POST")
def toggle_completion(sandbox: Sandbox, request: Request) -> Response:
    """Let a learner mark an activity as done, or not."""
    state, session = sandbox.state, current_session(sandbox, request)
    module = state.modules.get(request.form.get("id", 0, int))
    visit = Visit(sandbox, request, module.course if module else None)
    if visit.stop or module is None or session is None:
        return visit.stop or refuse(sandbox, 404, "Такого элемента курса нет.")
    if module.completion != COMPLETION_MANUAL or not state.has_role(module.course, visit.user.id, "student"):
        return refuse(sandbox, 403, "Этот элемент отмечает не студент.")
    actions.set_completion(state, module, visit.user.id, request.form.get("completionstate", 0, int))
    return go(f"/course/view.php?id={module.course}")


@route("/grade/report/grader/index.php")
def grader(sandbox: Sandbox, request: Request) -> Response:
    """Show the gradebook: people by columns; a learner sees the own row."""
    visit = Visit(sandbox, request, request.args.get("id", type=int))
    if visit.stop:
        return visit.stop
    state, course = sandbox.state, visit.course
    items = [item for item in state.grade_items.values() if item.course == course.id and item.itemtype != "course"]
    people = graded_users(state, course)
    if state.has_role(course.id, visit.user.id, "student") and not visit.user.admin:
        people = [user for user in people if user == visit.user.id]
    rows = []
    for user in people:
        cells = []
        for item in items:
            grade = state.grades[item.id].get(user)
            known = grade is not None and grade.value is not None
            cells.append(
                {
                    "label": item.name,
                    "value": trim(grade.value) if grade and grade.value is not None else None,
                    "maximum": trim(item.maximum),
                    "comment": grade.comment if grade and known else "",
                }
            )
        rows.append({"name": state.users[user].fullname, "cells": cells})
    return page_response("grader.html", sandbox, items=items, rows=rows, **visit.context(sandbox, "grades"))


@route("/user/index.php")
def participants(sandbox: Sandbox, request: Request) -> Response:
    """List a course's people with role, state and dates."""
    visit = Visit(sandbox, request, request.args.get("id", type=int))
    if visit.stop:
        return visit.stop
    state, course = sandbox.state, visit.course
    rows = []
    for number, ways in sorted(
        state.enrolments[course.id].items(),
        key=lambda pair: state.users[pair[0]].lastname + state.users[pair[0]].firstname,
    ):
        way = next(iter(ways.values()))
        rows.append(
            {
                "name": state.users[number].fullname,
                "email": state.users[number].email,
                "roles": ", ".join(ROLE_WORDS[role] for role in state.role_ids(course.id, number)),
                "active": state.is_active(course.id, number),
                "suspended": way.suspended,
                "start": date_text(state, way.timestart),
                "end": date_text(state, way.timeend),
            }
        )
    return page_response("participants.html", sandbox, rows=rows, **visit.context(sandbox, "participants"))


def _admin(sandbox: Sandbox, request: Request) -> Response | None:
    """Stop everybody but the administrator."""
    user = current_user(sandbox, request)
    if user is None:
        return to_login(request)
    return None if user.admin else refuse(sandbox, 403, "Эта страница — для администратора.")


@route("/admin/registertool")
@route("/mod/lti/toolconfigure.php")
def manage_tools(sandbox: Sandbox, request: Request) -> Response:
    """List tools; with `url`, open that tool's registration in a frame."""
    stop = _admin(sandbox, request)
    if stop:
        return stop
    return page_response(
        "tools.html",
        sandbox,
        user=current_user(sandbox, request),
        tools=list(sandbox.state.tools.values()),
        address=request.args.get("url", "").strip(),
    )


@route("/mod/lti/startltiadvregistration.php")
def start_registration(sandbox: Sandbox, request: Request) -> Response:
    """Send the frame to the tool, with the two parameters of the registration."""
    stop = _admin(sandbox, request)
    if stop:
        return stop
    address = request.args.get("url", "").strip()
    if urlsplit(address).scheme not in ("http", "https"):
        return refuse(sandbox, 400, "Это не адрес.", "Вставьте адрес регистрации, который дал инструмент.")
    return go(registration.invitation(sandbox.state, sandbox.key, address))


@route("/admin/registertool/activate", "POST")
def activate_tool(sandbox: Sandbox, request: Request) -> Response:
    """Activate a pending tool."""
    stop = _admin(sandbox, request)
    if stop:
        return stop
    tool = sandbox.state.tools.get(request.form.get("id", 0, int))
    if tool is None:
        return refuse(sandbox, 404, "Такого инструмента нет.")
    tool.state = "active"
    return go("/admin/registertool")


@route("/course/modedit.php", "GET", "POST")
def modedit(sandbox: Sandbox, request: Request) -> Response:
    """Let a teacher add the tool: as a plain link, or by choosing in the tool."""
    visit = Visit(sandbox, request, request.args.get("course", type=int))
    if visit.stop:
        return visit.stop
    if not may_edit(sandbox, visit.user, visit.course):
        return refuse(sandbox, 403, "Добавлять элементы в этот курс вам нельзя.")
    tools = [tool for tool in sandbox.state.tools.values() if tool.state == "active"]
    error = ""
    if request.method == "POST":
        name = request.form.get("name", "").strip()
        chosen = request.form.get("tool", 0, int)
        if name and chosen in {tool.id for tool in tools}:
            module = actions.add_tool_link(sandbox.state, visit.course, chosen, name)
            return go(f"/mod/lti/view.php?id={module.id}")
        error = "Введите название."
    return page_response(
        "modedit.html",
        sandbox,
        tools=tools,
        error=error,
        choose=request.args.get("choose", 0, int),
        **visit.context(sandbox, "edit"),
    )


@route("/_sandbox/room/<name>")
def room_page(sandbox: Sandbox, request: Request, name: str) -> Response:
    """Stand in for the video meeting that a seminar's link leads to."""
    return page_response("room.html", sandbox, user=current_user(sandbox, request), name=name)
