# One entry per verb; continuous integration calls the same ones.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BUILD := swift build -c release --static-swift-stdlib
VENV := .venv
PYTHON ?= python3
SECONDS ?= 60
ROUNDS ?= 50

.PHONY: help run build examples test unit-test client-test fuzz fuzz-short soak bench format lint models clean

help: ## List the verbs
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: build ## Build, start the server on 127.0.0.1:4566, deploy and invoke the examples, serve until Ctrl-C
	@Scripts/install-missing run
	@Scripts/run

build: ## Build .build/release/apus with apus-launcher and libapus-zygote.so, which lie beside it
	@Scripts/install-missing build
	@$(BUILD) --product apus
	@$(BUILD) --product apus-launcher
	@$(BUILD) --product apus-zygote

examples: ## Build the examples whose tools are here into .build/examples
	@Scripts/build-examples

test: unit-test client-test fuzz-short ## Run every test

unit-test: ## Run the Swift tests
	@Scripts/install-missing build run unit
	@swift test --parallel

client-test: build $(VENV)/ready ## Drive the release binary with boto3, aws and Terraform
	@Scripts/install-missing run unit
	@$(VENV)/bin/python -m pytest -q -n 2 Tests/Bootstraps
	@$(VENV)/bin/python -m pytest -q -n 2 Tests/Clients

$(VENV)/ready: Tests/Clients/requirements.txt
	@Scripts/install-missing test
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --requirement Tests/Clients/requirements.txt
	@touch $@

fuzz: build ## Drive each reader of outside bytes with libFuzzer (SECONDS=60 each; TARGETS="gateway zip": only these)
	@$(PYTHON) Scripts/fuzz $(SECONDS) $(TARGETS)

fuzz-short: build ## As `make fuzz`, a few seconds each
	@$(PYTHON) Scripts/fuzz 3

soak: build $(VENV)/ready ## Kill the server over and over while clients send (ROUNDS=50): nothing acknowledged is lost
	@APUS_SOAK_ROUNDS=$(ROUNDS) $(VENV)/bin/python -m pytest -q -n 2 Tests/Clients/test_async_crashes.py \
		Tests/Clients/test_sqs_crashes.py

bench: build $(VENV)/ready ## Measure against baselines in the same run; writes docs/benchmarks.md (ROWS=cold-python: one row)
	@Scripts/install-missing run bench
	@$(BUILD) --product apus-load
	@$(BUILD) --product apus-echo
	@$(VENV)/bin/python Benchmarks/bench.py $(ROWS)

models: $(VENV)/ready ## Regenerate Sources/Models from the installed botocore
	@$(VENV)/bin/python Scripts/generate_models.py

format: ## Format the Swift sources in place
	@swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks

lint: $(VENV)/ready ## Check format and that the generated models are current
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks
	@$(VENV)/bin/python Scripts/generate_models.py --check

clean: ## Delete what was built
	@rm -rf .build $(VENV) $(VENV)-sam
