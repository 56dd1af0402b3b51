"""The suite itself: backends with one mistake each are caught by the test meant for it, and misuse is a sentence."""

import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any

import pytest

from rcs_router.contract import BaseBackend
from rcs_router.testing.conformance import Conformance, Heard, Provider, answer
from tests.toy.broken import BROKEN
from tests.toy.provider import Toy
from tests.toy.test_toy import TestToy as _Good

FILE = Path(__file__).with_name("broken.py")


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Class → the message with which its test failed, by one run of pytest over all of them."""
    report = tmp_path_factory.mktemp("kit") / "report.xml"
    tests = [f"{FILE}::{name}::{test}" for name, test in BROKEN.items()]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--junit-xml={report}",
        *tests,
    ]
    subprocess.run(command, check=False, capture_output=True, timeout=300)
    cases = xml.parse(report).iter("testcase")
    return {
        case.attrib["classname"].rpartition(".")[2]: failure.attrib["message"]
        for case in cases
        for failure in case.findall("failure")
    }


@pytest.mark.parametrize("name", BROKEN)
def test_mistake_is_caught(failed: dict[str, str], name: str) -> None:
    assert name in failed, f"{BROKEN[name]} does not see it"
    assert len(failed[name].split()) > 3, f"the failure says too little: {failed[name]}"


MISUSES: list[tuple[dict[str, Any], str]] = [
    ({"backend": Toy("toy", None)}, "backend must be a subclass of BaseBackend"),
    ({"backend": BaseBackend}, "backend must be a subclass of BaseBackend with capabilities"),
    ({"options": {"url": "x"}}, "options must be a function"),
    ({"accepted": lambda connection: True}, "accepted must be made with answer"),
    ({"errors": {"no": answer(404)}}, "errors must be Fault"),
    ({"heard": []}, "sign and at least one Heard are needed"),
    ({"heard": [Heard("a", {}), Heard("a", {})]}, "two of heard have the same name"),
    ({"rotates": "no_such"}, "rotates names no option: 'no_such'"),
    ({"empty_answers": ["revoke"]}, r"empty_answers has \['revoke'\], which are not announced"),
    ({"answers": {"revok": answer(200)}}, r"answers has \['revok'\]; known are revoke, status"),
]


@pytest.mark.parametrize(("changes", "sentence"), MISUSES)
def test_misuse_is_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    good = {name: getattr(_Good.provider, name) for name in Provider.__dataclass_fields__}
    with pytest.raises(TypeError, match=sentence):
        Provider(**{**good, **changes})


def test_announced_call_without_an_answer_is_a_sentence() -> None:
    from tests.toy.broken import Promises

    good = {name: getattr(_Good.provider, name) for name in Provider.__dataclass_fields__}
    with pytest.raises(TypeError, match=r"answers lacks \['revoke'\]"):
        Provider(**{**good, "backend": Promises})


def test_a_suite_without_a_provider_is_a_sentence() -> None:
    with pytest.raises(TypeError, match="TestNobody needs provider = Provider"):
        type("TestNobody", (Conformance,), {})
