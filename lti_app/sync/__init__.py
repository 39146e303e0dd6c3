"""The night: database to desired roster, outcomes to database, run history."""
