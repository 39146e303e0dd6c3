"""Internship sites, their orders and leaders (regulation 3, 4)."""
