"""The test cases as unittest and pytest run them, and the fixtures in a project of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.test import override_settings

from rcs_router.models import Message
from rcs_router.testing import RCSTestCase, RCSTransactionTestCase
from tests.testing.apps import Buy, Menu, Product, Twice

ROOT = Path(__file__).parents[2]
SMS = {"sms": {"BACKEND": "rcs_router.testing.MemorySMS"}}


class ShopTest(RCSTestCase):
    def test_the_settings_hold(self) -> None:
        phone = self.handset()
        phone.says("echo hello")
        phone.hears("hello")
        assert self.rcs.inbound.get().backend_id == "acme"

    def test_each_test_has_a_world_of_its_own(self) -> None:
        assert self.handset().number == "+37255500001"
        assert not Message.objects.exists()

    @override_settings(RCS_BACKENDS=SMS)
    def test_settings_of_one_test(self) -> None:
        assert self.handset().says("echo hello").backend_id == "sms"

    def test_a_script(self) -> None:
        self.plays("""
            +37255501234 > twice
            +37255501234 < once
            +37255501234 < twice
        """)


class OnlySomeTest(RCSTestCase):
    apps = (Menu, "tests.testing.apps.Product", Buy)
    backends = SMS

    def test_apps_and_backends_of_the_class(self) -> None:
        phone = self.handset()
        phone.says("menu")
        phone.taps("Boots")
        with self.no_waiting():
            phone.says("echo hello")
        phone.hears("What would you like? [Boots|Tent]", "Boots 129 EUR See it: … [Buy]")


class CommitTest(RCSTransactionTestCase):
    apps = (Product, Twice)

    def test_commits_are_real(self) -> None:
        assert not connection.in_atomic_block
        phone = self.handset(rcs=False)
        phone.says("twice")
        phone.hears("once", "twice")


PROJECT = {
    "conftest.py": 'pytest_plugins = ["rcs_router.testing.plugin"]\n',
    "test_it.py": (
        "def test_fixtures(rcs, handset):\n"
        '    handset.says("echo hello")\n'
        '    handset.hears("hello")\n'
        "    with rcs.no_waiting():\n"
        '        handset.says("echo again")\n'
        "\n"
        "def test_settings_before_and_after(settings, rcs, handset):\n"
        '    settings.RCS_ROUTER = {"APPS": []}\n'
        '    handset.says("echo hello")\n'
        "    handset.hears()\n"
        "\n"
        "def test_nothing_has_stayed(handset):\n"
        '    handset.says("echo hello")\n'
        '    handset.hears("hello")\n'
    ),
    "settings.py": (
        'SECRET_KEY = "x"\n'
        "USE_TZ = True\n"
        'INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "rcs_router"]\n'
        'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}\n'
        'RCS_BACKENDS = {"rcs": {"BACKEND": "rcs_router.testing.MemoryBackend"}}\n'
        'RCS_ROUTER = {"APPS": ["rcs_router.handlers.Echo"], "QUIET_HOURS": ["00:00", "23:59"]}\n'
    ),
}


@pytest.mark.services  # takes long
def test_the_plugin_in_a_project_of_its_own(tmp_path: Path) -> None:
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--ds=settings", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_kit_does_without_pytest() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['pytest', 'hypothesis', '_pytest']))\n"
        "import django; django.setup()\n"
        "import rcs_router.testing as kit\n"
        "assert all(getattr(kit, name) for name in kit.__all__)\n"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
