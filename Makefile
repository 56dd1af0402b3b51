# Each target sets up what it needs: a virtual environment in .venv, made anew when setup.cfg changes.
# Needed on the machine: make, Python 3.11 or newer as python3 (or PYTHON=…), and a package index.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
unexport PYTHONDONTWRITEBYTECODE  # hundreds of processes import the project, and each would compile it again

.DEFAULT_GOAL := help
.PHONY: help demo test services-test lint bench faults docs clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/demo ## play the story between a shop and three phones, then serve them; PORT=8001 for another port
	$(RUN) manage.py demo --port $(or $(PORT),8000)

test: $(VENV)/test ## all tests that need no service; ARGS=… for pytest, WORKERS=… for more than two cores
	$(RUN) -m pytest -m "not services" --ignore=tests/types -n $(or $(WORKERS),3) --dist worksteal $(ARGS)

services-test: $(VENV)/test ## tests against PostgreSQL, Redis, RabbitMQ, Kannel and Chromium, which .ci/services installs
	.ci/services
	$(RUN) -m tests.services

lint: $(VENV)/lint ## style, format and types, also of the Python in README and docs
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m pytest -q tests/types

bench: $(VENV)/test ## measure, as ratios within one run
	$(RUN) -m bench

faults: $(VENV)/test ## break things on purpose and measure; ARGS=outage, "campaign --hanging", "kill --help"; all three without
	.ci/services
	$(if $(ARGS),$(RUN) -m faults $(ARGS),$(RUN) -m faults all)

BACKENDS := google_rbm.GoogleRBM gsma_maap.GSMAMaaP messente.Messente generic_rest.GenericREST kannel.Kannel \
	twilio_sms.TwilioSMS

docs: $(VENV)/test ## write the pages that are made from the code
	$(RUN) manage.py rcs_features $(BACKENDS:%=rcs_backends.%) --output docs/features.md

clean: ## forget everything that was made here
	rm -rf $(VENV) var build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# A stamp for each set of extras of setup.cfg.
$(VENV)/demo $(VENV)/test: $(VENV)/%: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

$(VENV)/lint: $(VENV)/test
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[lint]'
	@touch $@
