"""Rooms of distance meetings: one interface, whoever provides them."""
