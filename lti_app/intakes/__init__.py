"""Intakes, trainees and individual plans (regulation 5.2)."""
