"""Addresses that pages and notices name lead somewhere, also those that few tests come by."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask

import lti_app

NAMED = re.compile(r"""(?:url_for\(\s*|NavItem\(\s*|endpoint=)["']([a-z_]+\.[a-z_]+)["']""")


def test_each_page_that_is_named_is_there(app: Flask) -> None:
    package = Path(lti_app.__file__).parent
    files = [*package.rglob("*.py"), *package.rglob("*.html")]
    named = {(name, file.name) for file in files for name in NAMED.findall(file.read_text())}
    assert len(named) > 200
    assert sorted((name, file) for name, file in named if name not in app.view_functions) == []
