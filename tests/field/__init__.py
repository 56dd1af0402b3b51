"""Situations from the field: each module holds one kind, as a table of cases over the public surface of the project."""
