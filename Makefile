# What a contributor runs. `make` alone lists the targets; the work is done by cargo and the files in scripts/.

.DEFAULT_GOAL := help
.PHONY: help run test interop bench bench-peers lint fmt docs audit ci clean

PEERS_HARNESS ?= ../shared/peers
# More for cargo test or the benchmark: make test ARGS=exchange, make bench ARGS=--quick
ARGS ?=

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A development build is ready in half the time of a release build (1.5 against 3 minutes on two cores), and the tests need it too.
run: ## Start Tessera with the demo environment; prints curl lines to try
	@. scripts/lib.sh && { have curl || say "curl is missing, and the lines to try need it (Debian: apt-get install curl)."; }
	scripts/cargo run --locked -- quickstart

test: ## Run the whole suite, each test on SQLite and on a throw-away PostgreSQL (or on that of TEST_DATABASE_URL)
	@. scripts/lib.sh && need curl curl "the walks of the documentation" && need jq jq "the walks of the documentation" && need node nodejs "the walk with a passkey" && { PATH=$$PATH:/usr/sbin; need pgbouncer pgbouncer "the tests behind a pooler"; }
	scripts/with-postgres scripts/cargo test --locked $(ARGS)
	$(if $(ARGS),,scripts/no-secrets-in-logs)

interop: ## Try other people's clients on a release build: Authlib, google-auth, PyJWT, oauth4webapi, oidc-provider, jose, curl; x/oauth2, go-oidc, zitadel/oidc, Nimbus and Spring Security where Go and Java are; GraphiQL in Chromium
	tests/interop/run

bench: ## Measure a release build on both engines, beside openssl speed
	benches/run $(ARGS)

bench-peers: ## The same load on other servers and on Tessera, in one table (PEERS_HARNESS=path)
	benches/peers --harness $(PEERS_HARNESS) -- $(ARGS)

lint: ## Formatting, clippy, documentation and shell scripts
	scripts/lint

fmt: ## Format the code
	cargo fmt

docs: ## Build the API documentation
	scripts/cargo doc --locked --no-deps --document-private-items

audit: ## Licences and origins of dependencies, known vulnerabilities
	scripts/audit

ci: ## Everything the pipeline runs
	.ci/run

clean: ## Remove what was built, and the quickstart's data
	cargo clean
	rm -rf data
