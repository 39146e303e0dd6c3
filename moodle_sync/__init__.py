"""A library about Moodle: reads what it has, plans what should change, guards the plan, carries it out."""
