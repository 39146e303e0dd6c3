"""Joins what pages are made of: languages, formats, headers, forms' protection, errors, and every feature's views."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, g, request, url_for
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFProtect

from lti_app.core import edge
from lti_app.core.edge import Tool
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import RowNumber
from lti_app.core.permissions import Actor, Permission, Role
from lti_app.credits.cards import CREDIT_STATE_NAMES, PHASE_NAMES
from lti_app.programmes.models import FORM_NAMES, Form
from lti_app.sync import words as sync_words
from lti_app.sync.reason_words import why_words
from lti_app.web import compression, errors, formatting, headers, history, i18n, icons, operations, theme, tickets
from lti_app.web.attachment_views import attachment_limits

NAVIGATION = "ploshchadka_navigation"
IN_LINE, IN_LINE_OF_STAFF = 3, 6
"""Items of the line at the top for who has an intake of their own to look after; the rest is one step further."""
STATIC_KEPT_SECONDS = 24 * 60 * 60


@dataclass(frozen=True)
class Me:
    """Say to templates who looks at the page."""

    name: str
    roles: frozenset[Role]

    @property
    def leads(self) -> bool:
        """Tell whether they lead a site."""
        return Role.LEADER in self.roles

    @property
    def sees_sync(self) -> bool:
        """Tell whether the exchange with Moodle is theirs to look after."""
        return Role.ADMINISTRATOR in self.roles

    @property
    def has_home(self) -> bool:
        """Tell whether the first page shows them more than one thing."""
        return self.roles != {Role.ADMINISTRATOR}


def me() -> Me | None:
    """Return who looks at the page, or None; asks no database, so that it works where nothing else does."""
    actor = g.get("actor")
    if actor is not None:
        return Me(actor.name, actor.roles)
    who = edge.signed_in()
    return Me(who.name, frozenset()) if who else None


def navigation() -> tuple[list[NavItem], list[NavItem]]:
    """Return the first pages that who looks at the page may open: those in the line, and the rest; asks no database."""
    found: Actor | None = g.get("actor")
    if found is None:
        return [], []
    items: list[NavItem] = [item for item in current_app.extensions[NAVIGATION] if item.is_for(found)]
    if found.may(Permission.SEE_LISTS):
        most = IN_LINE_OF_STAFF
    else:
        most = IN_LINE if found.roles & {Role.LEADER, Role.TRAINEE} else len(items)
    return items[:most], items[most:]


def sent_to() -> str:
    """Return the path and query of this request."""
    return request.full_path.rstrip("?")


def here() -> str:
    """Return an address that shows this page again: where a form was refused, the page that it stood on."""
    if request.method == "GET":
        return sent_to()
    came_from = urlsplit(request.referrer or "")
    ours = came_from.netloc == request.host and came_from.path
    return f"{came_from.path}?{came_from.query}".rstrip("?") if ours else url_for("site.home")


def form_name(form: Form) -> str:
    """Name a form of meetings (5.1)."""
    return str(FORM_NAMES[form])


def install(app: Flask, parts: Tool) -> None:
    """Give the application its pages. The order of the first lines is the order of the checks of a request."""
    csrf = CSRFProtect()
    app.config.update(
        WTF_CSRF_TIME_LIMIT=None,  # a token lasts as long as the visit
        WTF_CSRF_CHECK_DEFAULT=False,  # checked below, after it is known who asks
        SEND_FILE_MAX_AGE_DEFAULT=STATIC_KEPT_SECONDS,
    )
    app.url_map.converters["int"] = RowNumber
    operations.install(app)
    tickets.install(app)
    edge.install(app)
    csrf.init_app(app)
    compression.install(app)
    _protect_forms(app, csrf)
    headers.install(app)
    errors.install(app)
    i18n.install(app)
    formatting.install(app)
    icons.install(app)
    Bootstrap5(app)
    _fill_templates(app, parts)
    _register(app)
    from lti_app.lti.deep_linking import CHOICES
    from lti_app.web.choices import OwnPages
    from lti_app.web.landing import land

    parts.services["land"] = land
    parts.services[CHOICES] = OwnPages(parts.settings.zone)
    parts.services["refusal_page"] = errors.page


def _protect_forms(app: Flask, csrf: CSRFProtect) -> None:
    @app.before_request
    def _check_token() -> None:
        if app.config["WTF_CSRF_ENABLED"] and request.blueprint != "lti" and not g.get("ticket_holder"):
            csrf.protect(apply_exemptions=True)


def _fill_templates(app: Flask, parts: Tool) -> None:
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        here=here,
        sent_to=sent_to,
        form_name=form_name,
        centre=parts.settings.centre_name,
        states=sync_words.STATES,
        decision_states=sync_words.DECISION_STATES,
        was_stopped=sync_words.was_stopped,
        kind_name=sync_words.kind_name,
        change_name=sync_words.change_name,
        phase_name=sync_words.phase_name,
        reason_words=sync_words.reason_words,
        why_words=why_words,
        suspended_by=sync_words.suspended_by,
        known_words=sync_words.known_words,
        doubt_words=sync_words.doubt_words,
        score_words=sync_words.score_words,
        error_words=sync_words.error_words,
        target_words=sync_words.target_words,
        phase_names=PHASE_NAMES,
        credit_state_names=CREDIT_STATE_NAMES,
        allow_forms_to_leave=headers.allow_forms_to_leave,
        action_words=history.action_words,
        field_words=history.field_words,
        value_words=history.value_words,
        navigation=navigation,
        attachment_limits=attachment_limits,
    )

    @app.context_processor
    def _who() -> dict[str, Any]:
        return {"me": me(), "now": edge.now()}

    stamps = {
        "site.theme": cache(lambda: _stamp_of(theme.stylesheet(parts.settings.accent_colour))),
        "site.icons": cache(lambda: _stamp_of(icons.sprite())),
        "bootstrap.static": cache(lambda: metadata.version("bootstrap-flask")),
    }

    @app.url_defaults
    def _version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and app.static_folder and "filename" in values:
            values.setdefault("v", _stamp(app.static_folder, values["filename"]))
        elif endpoint in stamps:
            values.setdefault("v", stamps[endpoint]())


def _stamp(folder: str, filename: str) -> str:
    return f"{int((Path(folder) / filename).stat().st_mtime):x}"


def _stamp_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _register(app: Flask) -> None:
    from lti_app.centre import views as centre
    from lti_app.credits import grid_views
    from lti_app.credits.seminar_views import blueprint as seminar_hours
    from lti_app.credits.views import blueprint as credits
    from lti_app.ending import views as ending
    from lti_app.intakes import intake_views, message_views, place_views
    from lti_app.intakes.views import blueprint as intakes
    from lti_app.meetings import (
        arrival_views,
        attendance_papers,
        calendar_views,
        change_views,
        feedback_views,
        guest_views,
        list_views,
        room_views,
        schedule_views,
    )
    from lti_app.meetings.callback_views import blueprint as room_callbacks
    from lti_app.meetings.views import blueprint as meetings
    from lti_app.notices import views as notices
    from lti_app.people import views as people
    from lti_app.plans import consultation_views, plan_views, rating_views
    from lti_app.products import catalogue_views, review_views
    from lti_app.programmes import council_views
    from lti_app.programmes import views as programmes
    from lti_app.sites import application_views
    from lti_app.sites import views as sites
    from lti_app.sync.question_views import blueprint as who
    from lti_app.sync.views import blueprint as sync
    from lti_app.web import shortcut
    from lti_app.web.attachment_views import blueprint as attachments
    from lti_app.web.home import blueprint as site

    for blueprint in (site, intakes, meetings, room_callbacks, credits, seminar_hours, sync, who, attachments):
        app.register_blueprint(blueprint)
    app.extensions["csrf"].exempt(room_callbacks)  # servers have no form of ours; they prove themselves otherwise
    features = (
        people,
        notices,
        application_views,
        sites,
        programmes,
        council_views,
        intake_views,
        place_views,
        schedule_views,
        change_views,
        calendar_views,
        feedback_views,
        room_views,
        arrival_views,
        guest_views,
        plan_views,
        consultation_views,
        rating_views,
        review_views,
        catalogue_views,
        message_views,
        grid_views,
        list_views,
        attendance_papers,
        ending,
        centre,
        shortcut,
    )
    for feature in features:
        app.register_blueprint(feature.blueprint)
    items = [item for feature in features for item in feature.NAVIGATION]
    app.extensions[NAVIGATION] = sorted(items, key=lambda item: item.place)
