"""The edge to Moodle's LTI: keys, registrations, login, launch, deep linking, grades, memberships."""
