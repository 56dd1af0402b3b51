"""The provider made of sockets, under the name by which these tests know it."""

from rcs_router.testing.stub import *  # noqa: F403
