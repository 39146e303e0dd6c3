"""What browsers are told about every answer: who may frame it, what it may load, whether it may be kept."""

from __future__ import annotations

from flask import Flask, Response, g, request

from lti_app.core.edge import signed_in
from lti_app.web.compression import KEPT

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
OF_NOBODY = "site.left"
"""The page after signing out: it stands in the frame as well, and there is nobody left to say which Moodle's."""


def allow_forms_to_leave() -> None:
    """Let forms of this page end at another address: a browser holds form-action against redirects, too."""
    g.forms_may_leave = True


def content_policy(response: Response) -> str:
    """Return the Content-Security-Policy of an answer (CSP level 3)."""
    return "; ".join(
        [
            "default-src 'self'",
            "img-src 'self' data:",  # Bootstrap draws its tick marks from data: addresses
            "object-src 'none'",
            "base-uri 'none'",
            f"form-action {_form_targets()}",
            f"frame-ancestors {_frame_ancestors(response)}",
        ]
    )


def _form_targets() -> str:
    if not g.get("forms_may_leave"):
        return "'self'"
    # A room may be http, whatever we are: joining opens a tab of its own, in which nothing of ours is mixed in.
    return "'self' https: http:"


def _frame_ancestors(response: Response) -> str:
    """Say who may frame this: the Moodle of the launch; anybody may frame a refusal or a farewell to nobody."""
    if request.blueprint == "lti":  # before a launch is proven, nobody knows which Moodle it is
        return "*"
    who = signed_in()
    if who is not None:
        return who.moodle_origin
    return "*" if response.status_code >= 400 or request.endpoint == OF_NOBODY else "'none'"


def install(app: Flask) -> None:
    """Set the headers; what a view has set itself stays."""

    @app.after_request
    def _set_headers(response: Response) -> Response:
        headers = response.headers
        told = {"Content-Security-Policy": content_policy(response), **ALWAYS}
        if request.endpoint not in KEPT and request.blueprint != "lti":
            # Pages name people: a shared computer must not keep them.
            told["Cache-Control"] = "no-store"
        for name, value in told.items():
            if name not in headers:
                headers.add(name, value)
        return response
