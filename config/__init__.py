"""Settings of the tool and files for those who run it."""
