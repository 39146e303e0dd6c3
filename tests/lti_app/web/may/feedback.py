"""Who gives feedback, who reads it, who words its questions."""

from __future__ import annotations

MAY = {
    ("GET", "feedback.give"): frozenset(),  # the meeting is under way: tests/lti_app/meetings/test_feedback.py
    ("POST", "feedback.give"): frozenset(),
    ("GET", "feedback.summary"): frozenset({"leader"}),
    ("GET", "feedback.questions"): frozenset({"centre"}),
    ("POST", "feedback.questions"): frozenset(),  # nothing is filled in
}
