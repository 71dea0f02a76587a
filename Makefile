# The project's commands. Each sets up first what is missing: see toolchain/set-up.

STACK := dev

.DEFAULT_GOAL := help
.PHONY: help up test lint down

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Bring up the mail server on the sandbox, show the stack's outputs, and send a mail each way
	./run python -m sandbox up
	./run pulumi stack select --create --stack $(STACK)
	./run pulumi up --yes --stack $(STACK)
	./run pulumi stack output --stack $(STACK)
	./run python -m sandbox.exchange

test: ## Run every test
	./run pytest

lint: ## Check style and types
	./run ruff check
	./run ruff format --check
	./run mypy .

down: ## Destroy the stack and stop the sandbox; nothing stays behind
	if ./run python -m sandbox status; then ./run pulumi destroy --yes --stack $(STACK); fi
	./run python -m sandbox down
