"""Files and notices: who may open what."""

from __future__ import annotations

MAY: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "attachments.download"): frozenset(),  # whose file it is decides: tests/lti_app/web/test_attachments.py
}


def values(_scene: object) -> dict[str, int]:
    """Name a file that isn't there."""
    return {"attachment_id": 999999}
