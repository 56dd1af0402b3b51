"""The OpenAPI document: complete, and true of what the API answers to thousands of generated requests."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rcs_router.content import Text, dump, load
from rcs_router.content.examples import CHIPS, CONTENTS, FINER
from tests import core
from tests.api.client import API
from tests.api.core import document

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


def written(key: Any) -> str:
    return str(key) if isinstance(key, int) else f'"{key}"'


def schemathesis(url: str, api: API, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    row = core.sent_to()
    known = {
        "get_message": row.message_id,
        "get_transmission": row.pk,
        "operate_transmission": row.pk,
        "get_connection": row.connection_id,
        "change_connection": row.connection_id,
        "get_contact": api.post("contacts/", {"name": "Ann"})[1]["id"],
        "change_contact": api.post("contacts/", {"name": "Bob"})[1]["id"],
    }
    config = "".join(
        f'[[operations]]\ninclude-operation-id = "{name}"\nparameters = {{ id = {written(key)} }}\n'
        for name, key in known.items()
    )
    (folder / "schemathesis.toml").write_text(config)
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{url}/rcs/api/schema.json"),
        *("--header", f"Authorization: Token {api.token}", "--checks", ",".join(CHECKS)),
        *("--generation-deterministic", "--no-color", "--continue-on-failure", *options),
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1800, check=False)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unhurried")
def test_schemathesis_finds_nothing_in_a_long_search(live_server: Any, api: API, tmp_path: Path) -> None:
    """RCS_LONG=1 adds minutes: every border of every value."""
    phases = "coverage,fuzzing,stateful" if os.environ.get("RCS_LONG") else "fuzzing,stateful"
    done = schemathesis(live_server.url, api, tmp_path, "--phases", phases, "--max-examples", "12")
    assert done.returncode == 0, done.stdout[-30000:] + done.stderr


@pytest.mark.django_db
def test_the_document_is_for_anybody_and_says_where_the_api_is() -> None:
    for path, kind in [("schema.json", "application/json"), ("schema/", "application/json")]:
        response = API().raw("GET", path, headers={"Accept": kind})
        assert response.status_code == 200
        assert response.json()["openapi"] == "3.1.0"
        assert response.json()["servers"] == [{"url": "http://testserver/rcs/api"}]
    yaml = API().raw("GET", "schema/", headers={"Accept": "application/yaml"})
    assert yaml.content.startswith(b"openapi: 3.1.0")


def test_every_call_says_what_it_is() -> None:
    calls = [call for path in document()["paths"].values() for call in path.values()]
    assert len({call["operationId"] for call in calls}) == len(calls)
    for call in calls:
        assert call["summary"], call["operationId"]
        assert {"400", "401", "403", "429"} <= set(call["responses"]), call["operationId"]


def test_no_reference_leads_nowhere() -> None:
    schemas = document()["components"]["schemas"]
    assert set(references(document())) <= set(schemas)
    assert {"Card", "Carousel", "Form", "OpenUrl", "Content", "Error"} <= set(schemas)


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"].rpartition("/")[2]] if isinstance(part.get("$ref"), str) else []
        return own + [name for below in part.values() for name in references(below)]
    return [name for below in part for name in references(below)] if isinstance(part, list) else []


@pytest.mark.parametrize("content", [*CONTENTS, *FINER.values(), Text("x", suggestions=CHIPS)])
def test_all_that_can_be_said_fits_the_document(content: Any) -> None:
    from jsonschema import Draft202012Validator

    whole = {"$ref": "#/components/schemas/Content", **document()}
    check = Draft202012Validator(whole)
    assert list(check.iter_errors(dump(content))) == []
    assert load(dump(content)) == content
    assert list(check.iter_errors({**dump(Text("x")), "colour": "red"})) != []
