"""Organisations, persons, their Moodle accounts and the roles granted to them."""
