"""What we send, read by Messente's own client: its models are generated from the vendor's description of the wire."""

import json
from typing import Any

import messente_api as client
import pytest

from rcs_router.content.examples import FORM_LINK, examples
from rcs_router.content.fitting import CannotFit, Fitting
from rcs_router.contract import Traffic
from tests.backends.cases import Outgoing
from tests.backends.test_messente_send import CASES, SMS, message, messente

CHAIN = [{"channel": "viber", "sender": "Acme", "validity": 5}, {"channel": "whatsapp"}, SMS]


def as_read(said: dict[str, Any]) -> dict[str, Any]:
    """Through the vendor's models and back; they refuse what is missing, too long or of another type."""
    return _given(json.loads(json.dumps(client.Omnimessage.from_dict(said).to_dict())))


def _given(value: Any) -> Any:
    """Without what the models add of their own: nulls, and one default."""
    if isinstance(value, list):
        return [_given(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {n: _given(item) for n, item in value.items() if item is not None and n != "preview_url"}


def fitted() -> list[Outgoing]:
    able, found = messente().capabilities, []
    for example in examples():
        fitting = Fitting(able.content, able.suggestions, able.features, able.fallback_urls, FORM_LINK)
        try:
            found.append(Outgoing(f"example: {example.name}", fitting.fit(example.content), {}))
        except CannotFit:
            continue
    return found


@pytest.mark.parametrize("case", [*CASES, *fitted()], ids=lambda case: case.name)
@pytest.mark.parametrize("chain", [[], CHAIN], ids=["alone", "with a chain"])
def test_content(case: Outgoing, chain: list[Any]) -> None:
    options = {"chain": chain, "text_store": "nostore", "validity": 5}
    said = message(case.content, options=options, traffic=Traffic.AUTHENTICATION)
    assert as_read(said) == said


def test_a_missing_field_is_seen() -> None:
    """This test can fail: the client does refuse."""
    said = message(CASES[2].content)
    del said["messages"][0]["content_info"]["force_refresh"]
    with pytest.raises(ValueError):
        as_read(said)


def test_codes_and_statuses_are_those_that_we_know() -> None:
    from rcs_backends.messente import answers, reports

    assert {code.value for code in client.ErrorCodeOmnichannel} == set(answers.CODES)
    assert {status.value for status in client.Status} == set(reports.STATUSES)
    assert {str(err.value) for err in client.ErrorCodeOmnichannelMachine} == set(reports.CODES)
