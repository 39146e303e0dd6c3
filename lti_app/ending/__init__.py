"""The end of a site (8.1): one step that says what happens to each intake and each trainee under way."""
