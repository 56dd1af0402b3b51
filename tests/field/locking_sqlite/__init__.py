"""SQLite that asks for a transaction before it locks a row, as PostgreSQL does: a database engine for tests."""
