"""Qualification credit: the rule, proposals, and the ledger of hours."""
