"""Programmes, their versions and thematic plans (regulation 4.2, 5.1)."""
