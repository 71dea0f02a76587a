# The project's commands. `./run` sets up first what is missing.

.DEFAULT_GOAL := help
.PHONY: help up verify test lint lock stack down

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Bring up the mail server on the sandbox, show the stack's outputs, and verify it, by a mail each way too
	./run python -m offline.dev_stack begin
	./run python -m offline.sandbox up
	./run pulumi up --yes --stack dev --policy-pack policy
	./run pulumi stack output --stack dev
	./run python -m offline.dev_stack unblock
	./run mail verify --stack dev --watch 120

verify: ## Check from outside whether a stack's mail server works: make verify STACK=NAME
	./run mail verify --stack $(or $(STACK),dev)

test: ## Run every test: those that need the sandbox one after the other, all others beside them
	./run pytest --numprocesses 2 --dist loadgroup

lint: ## Check style and types
	./run ruff check
	./run ruff format --check
	./run mypy .
	MYPYPATH=remote ./run mypy remote/*.py

LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url $(OPTIONS)

lock: ## Lock the packages of requirements*.in, with hashes, in requirements*.txt; OPTIONS=--upgrade renews what those need
	./run sh -ec 'for name in requirements requirements-build requirements-dev; do $(LOCK) $$name.in --output-file $$name.txt; done'

stack: ## Make or complete a stack: make stack STACK=prod DOMAIN=example.com [OPTIONS="--location fsn1 …"]
	./run mail stack $(if $(STACK),--stack '$(STACK)') $(if $(DOMAIN),--domain '$(DOMAIN)') $(OPTIONS)

down: ## Destroy the stack and stop the sandbox; nothing stays behind
	./run python -m offline.dev_stack end
