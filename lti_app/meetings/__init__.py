"""Meetings of an intake: schedule, distance seminars, attendance (regulation 5.1)."""
