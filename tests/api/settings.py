"""The suite's settings with what the API needs besides: tokens. For as long as tests.settings has none."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework.authtoken"]
