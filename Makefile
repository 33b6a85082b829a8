# The documented target names. Building is ./dev's work, running is nexusrag's; nothing happens here.
NEXUSRAG  ?= build/release/src/nexusrag
COMPOSE   ?= docker compose -f deploy/compose.yaml
TENANT_ID ?= t1
ACTOR_ID  ?= system

.PHONY: help up migrate seed test lint typecheck fmt bench build clean \
        image compose-up compose-down deploy-check \
        security-lint security-secrets-scan secrets-scan security-audit sca git-network-diag \
        receiver-up receiver-stats notify-e2e perf-test perf-report preflight ga-checklist \
        sdk-generate frontend-sdk-build frontend-sdk-test compliance-snapshot

help:
	@./dev help

up build test lint fmt bench clean:
	@./dev $@

$(NEXUSRAG):
	@./dev build release nexusrag

migrate: | $(NEXUSRAG)
	@$(NEXUSRAG) migrate

seed: | $(NEXUSRAG)
	@$(NEXUSRAG) seed-demo

# Containers. `up` runs on this machine; these need Docker.
image:
	docker build --file deploy/Dockerfile --tag nexusrag:0.1.0 .

compose-up:
	deploy/compose/make_secrets
	$(COMPOSE) up --build --detach

compose-down:
	$(COMPOSE) down

deploy-check:
	@python3 tools/check_deploy

# The compiler checks the types; clang-tidy and the include plan are part of lint.
typecheck:
	@./dev build dev

security-lint: lint

security-secrets-scan secrets-scan:
	@scripts/security_secrets_scan

# Dependencies are Debian packages only: their known problems are Debian's to list.
security-audit sca:
	@scripts/security_audit

git-network-diag:
	@scripts/git_network_diag.sh

# Areas that docs/contract-status.md lists as not done yet.
receiver-up receiver-stats notify-e2e perf-test perf-report preflight ga-checklist \
sdk-generate frontend-sdk-build frontend-sdk-test compliance-snapshot:
	@echo "make $@: this area is not done yet; docs/contract-status.md says what is." >&2; exit 1
