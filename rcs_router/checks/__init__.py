"""Django system checks of the settings. All problems are reported at once, each with a stable id and a hint."""

from rcs_router.checks.backends import check_backends
from rcs_router.checks.databases import check_databases
from rcs_router.checks.deploy import check_received_files
from rcs_router.checks.router import check_router
from rcs_router.checks.surroundings import check_surroundings

CHECKS = (check_backends, check_router, check_databases, check_surroundings)
DEPLOY_CHECKS = (check_received_files,)  # only for `check --deploy` and rcs_doctor
