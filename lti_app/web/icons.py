"""The icons in use, cut out of Bootstrap's sprite: a few kilobytes instead of a megabyte on a phone."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import flask_bootstrap
from flask import Flask, request, url_for
from markupsafe import Markup

SPRITE = Path(flask_bootstrap.__file__).parent / "static" / "bootstrap5" / "icons" / "bootstrap-icons.svg"
ICONS = frozenset(
    {
        "arrow-down",
        "arrow-left-right",
        "arrow-repeat",
        "arrow-return-left",
        "arrow-up",
        "box-arrow-right",
        "box-arrow-up-right",
        "building",
        "calendar-event",
        "camera-video",
        "chat-left-text",
        "check-circle",
        "check-circle-fill",
        "check2-all",
        "clock",
        "clock-history",
        "collection",
        "dash-circle",
        "download",
        "exclamation-circle",
        "exclamation-triangle",
        "file-earmark-text",
        "geo-alt",
        "globe2",
        "grip-vertical",
        "hourglass-split",
        "house",
        "info-circle",
        "journal-check",
        "inbox",
        "journal-text",
        "paperclip",
        "pause-circle",
        "pencil",
        "people",
        "person-check",
        "play-circle",
        "plus-lg",
        "printer",
        "search",
        "slash-circle",
        "trash",
        "x-circle",
    }
)


@cache
def sprite() -> str:
    """Return a sprite of the icons in use. Raises LookupError where Bootstrap's own lacks one."""
    text = SPRITE.read_text(encoding="utf-8")
    found = {match["name"]: match[0] for match in re.finditer(r'<symbol [^>]*id="(?P<name>[\w-]+)".*?</symbol>', text)}
    symbols = "".join(found[name] for name in sorted(ICONS))
    return f'<svg xmlns="http://www.w3.org/2000/svg">{symbols}</svg>'


def icon(name: str) -> Markup:
    """Draw an icon beside a word; it says nothing to a screen reader. Raises LookupError for an unlisted name."""
    return _drawn(name, request.script_root)


@cache
def _drawn(name: str, _root: str) -> Markup:
    """Draw it once for each address under which the tool stands: a grid has hundreds."""
    if name not in ICONS:
        raise LookupError(f"icon {name} is not listed in {__name__}.ICONS")
    return Markup('<svg class="bi" aria-hidden="true"><use href="{}#{}"/></svg>').format(url_for("site.icons"), name)


def install(app: Flask) -> None:
    """Give templates the function ``icon``."""
    app.jinja_env.globals["icon"] = icon
