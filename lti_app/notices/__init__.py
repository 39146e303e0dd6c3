"""Notices: people are told once, by e-mail and by a message in Moodle, with a link that opens the right page."""
