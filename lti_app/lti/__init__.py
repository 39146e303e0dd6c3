"""The edge to Moodle's LTI: keys, registrations, login, launch, deep linking, scores, memberships."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from lti_app.core.edge import Tool


def install(app: Flask, joined: Tool) -> None:
    """Give the application its LTI addresses."""
    from lti_app.lti.parts import install_parts
    from lti_app.lti.views import blueprint

    install_parts(joined)
    app.register_blueprint(blueprint)
