"""The tests that run on PostgreSQL too, as arguments of pytest.

PostgreSQL may answer differently than SQLite where a test uses locks and SKIP LOCKED, transactions and what follows a
commit, constraints, NUL and half characters, JSON, times and intervals, sorting and searching, several connections, or
SQL of our own. The directories below do so: what is added to them runs on both.
Left out are tests that do not use a database, that only create and get rows, or that put another provider API in front
of the same rows.
"""

from tests.services.processes import HERE

PARTS = {
    "tests": "consent delivery outbox inbox router phases caps quiet media alarms health stations wake forms api admin",
    "tests/commands": "test_rcs_send.py test_rcs_sync_consent.py test_rcs_tick.py test_rcs_worker.py",
    "tests/field": """test_arguments.py test_bad_answers.py test_database_checks.py test_dead_numbers.py test_floods.py
        test_numbers.py test_odd_content.py test_pace.py test_questions.py test_replays.py test_signals.py
        test_slow_hosts.py test_standing_of_many.py test_translations.py""",
    "tests/acceptance": """test_conversation.py test_expiry.py test_failures.py test_forms.py test_mixed_wires.py
        test_received_files.py test_story.py test_webhook_faults.py""",
    "tests/testing": "test_cases.py test_waiting.py test_world.py",
}
# No database, or pages and refusals that are the same on each.
ELSEWHERE = {
    "tests/admin": "test_message_page.py test_permissions.py test_timeline.py",
    "tests/alarms": "test_rules.py",
    "tests/api": "test_access.py test_bad_input.py test_docs.py test_openapi.py",
    "tests/media": "test_addresses.py test_download.py test_kinds.py",
    "tests/phases": "test_timelimit.py",
    "tests/outbox": "test_ends.py",
}


def paths(parts: dict[str, str]) -> list[str]:
    found = [f"{folder}/{name}" for folder, names in parts.items() for name in names.split()]
    missing = [path for path in found if not (HERE / path).exists()]
    assert not missing, f"renamed or removed? {missing}"
    return found


ARGUMENTS = ["tests/test_migrations.py", *paths(PARTS), *(f"--ignore={path}" for path in paths(ELSEWHERE))]
