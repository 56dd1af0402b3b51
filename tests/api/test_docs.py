"""docs/api.md: every curl in it is run against a live server, and every code it names is one of ours."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rest_framework.authtoken.models import Token

from rcs_router import capability_checks
from rcs_router.api import exceptions, parsers
from rcs_router.models import Connection, Contact, Message, Transmission
from tests import core
from tests.api.client import API
from tests.api.core import ALICE, document

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
CALLS = re.compile(r"^curl .*?(?=^curl |\Z)", re.MULTILINE | re.DOTALL)


def calls() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [call.strip() for block in blocks for call in CALLS.findall(block)]


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unhurried")
def test_every_curl_does_what_the_page_says(live_server: Any, api: API, settings: Any) -> None:
    settings.RCS_BACKENDS = {
        **settings.RCS_BACKENDS,
        "acme": {**settings.RCS_BACKENDS["asked"], "FALLBACK": ["sms"]},
    }
    names = {"API": f"{live_server.url}/rcs/api", "AUTH": f"Authorization: Token {api.token}"}
    asked = capability_checks.later("acme", [ALICE], str(Token.objects.get(key=api.token).user_id))
    names["QUESTION"] = str(asked.pk)
    for call in calls():
        done = subprocess.run(
            ["bash", "-c", call.replace("curl ", "curl -sS -w '\\n%{http_code}' ", 1)],
            env={**names, "PATH": "/usr/bin:/bin:/usr/local/bin"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        answer, _, status = done.stdout.rpartition("\n")
        assert status in {"200", "201", "204"}, f"{call}\n{answer}{done.stderr}"
        if "/import/" in call:
            assert json.loads(answer)["errors"] == [], call
        core.drain("acme")
        names = {**rows(), **names}  # the first that there were
    assert Message.objects.filter(idempotency_key__endswith=":order-7-shipped").count() == 1


def rows() -> dict[str, str]:
    """The ids that the calls so far have made."""
    sent = Transmission.objects.filter(connection__identity=ALICE, status=20).first()
    person = Contact.objects.filter(name__startswith="Ann").first()
    other = Contact.objects.filter(name="Bob").first()
    found = {
        "MESSAGE": sent and sent.message_id,
        "TRANSMISSION": sent and sent.pk,
        "CONTACT": person and person.pk,
        "OTHER": other and other.pk,
        "CONNECTION": Connection.objects.filter(identity="+37255501239").values_list("pk", flat=True).first(),
    }
    return {name: str(key) for name, key in found.items() if key}


def test_every_call_of_the_document_is_on_the_page() -> None:
    shown = {(m[1] if (m := re.search(r"-X (\w+)", call)) else "GET", address(call)) for call in calls()}
    told = {
        (method.upper(), path.strip("/").replace("{operation}", "revoke"))
        for path, methods in document()["paths"].items()
        for method in methods
    }
    assert told <= shown


def address(call: str) -> str:
    path = re.search(r"\$API/([^\s?\"]*)", call)
    assert path, call
    key = re.compile(r"\$[A-Z]+")
    return key.sub("{id}", path[1]).replace(ALICE, "{subject}").strip("/")


def test_every_code_of_ours_is_on_the_page() -> None:
    table = PAGE.read_text().partition("## Errors")[2].partition("## Limits")[0]
    explained = set(re.findall(r"`([a-z_]+)`", table))
    source = "".join(path.read_text() for path in (PAGE.parents[1] / "rcs_router" / "api").glob("*.py"))
    used = set(re.findall(r'(?:Problem|conflict|_refuse)\(\s*(?:[a-z_]+,[^"]*?)?"([a-z_]+)"', source))
    used |= {code for _, code in parsers.CODES} | set(exceptions.CODES.values())
    assert len(used) > 30
    assert used - explained == set()
