"""The OpenAPI document: valid, complete, and true of what the API answers to thousands of generated requests."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import API

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]

CHECKS = (
    *(
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    ),
    *("response_headers_conformance", "negative_data_rejection", "unsupported_method", "ignored_auth"),
    *("use_after_free", "missing_required_header"),
)  # not positive_data_acceptance: that a number is none, or that nobody has an id, is in no schema


@pytest.mark.usefixtures("unhurried")
def test_schemathesis_finds_nothing(live_server: Any, api: API, tmp_path: Path) -> None:
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{live_server.url}/rcs/api/schema.json"),
        *("--header", f"Authorization: Token {api.token}", "--checks", ",".join(CHECKS)),
        *(
            "--max-examples",
            "8",
            "--generation-deterministic",
            "--no-color",
            "--phases",
            "examples,coverage,fuzzing",
        ),
        "--continue-on-failure",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout[-30000:] + done.stderr
