"""The settings in, Django's system checks out: every wrong one at once, each with an id that stays and what to do."""

from rcs_router.checks.backends import check_backends
from rcs_router.checks.router import check_router
from rcs_router.checks.surroundings import check_surroundings

CHECKS = (check_backends, check_router, check_surroundings)
