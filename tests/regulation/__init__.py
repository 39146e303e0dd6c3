"""The regulation on internship sites, clause by clause: each file names its clause and tries to break it."""
