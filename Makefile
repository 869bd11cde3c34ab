# Every target does its own set-up in .venv; "make" alone lists them.
#   make prove ARGS="--kernel linux-7.2 --vendor intel"      make test ARGS="tests/spec -k npt"

PYTHON ?= python3
ARGS   ?=
# Test processes; each may hold a parsed kernel.
TESTERS ?= $(shell n=$$(nproc 2>/dev/null || echo 1); [ $$n -lt 4 ] && echo $$n || echo 4)

BIN      := .venv/bin
ROOMS    := smt spec lift model compare questions proofs live cli
NS       := build/ns/mmuproof
CHECKED  := $(ROOMS) tests tools

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help prove test test-long kernels live live-kernels processor lint format bench mutants digests stated new-kernel docs lock clean venv venv-test venv-lint links

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

prove: venv ## prove every theorem of the reference model; known findings are allowed (ARGS: see mmuproof prove --help)
	$(BIN)/mmuproof prove --allow-known $(ARGS)

test: venv-test ## run the tests; those that need a kernel or a compiler are skipped where there is none
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: venv-test ## run what takes long: every defect in the real C against every theorem, runs on whole trees (half an hour)
	$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal -m long $(ARGS)

kernels: ## fetch the real kernel trees that tests and benchmarks use (Debian packages)
	tools/fetch-kernels.sh $(ARGS)

live: venv ## try the findings on running kernels, in emulators (ARGS: --kernel SERIES, --try NAME, -v)
	$(BIN)/python tools/live.py $(ARGS)

live-kernels: ## fetch what make live needs: kernels as Debian built them, and Bochs
	tools/fetch-live.sh $(ARGS)

processor: venv ## hold the emulated processors and KVM's walks against the manuals (ARGS: --machine, --guests N, --without-kvm)
	$(BIN)/python -m tools.processor $(ARGS)

lint: venv-lint links ## check style and types
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy --strict $(NS) tests tools

format: venv-lint ## format the sources
	$(BIN)/ruff format $(CHECKED)
	$(BIN)/ruff check --fix $(CHECKED)

bench: venv ## measure mmuproof prove, ask and diff on the reference model and the cached kernels (ARGS: --runs N, --only TEXT)
	$(BIN)/python tools/bench.py $(ARGS)

mutants: venv ## put small random mistakes into a kernel, and tell which of them nothing notices (ARGS: --kernel FOLDER, --count N, --seed N, --only REGEX)
	@$(BIN)/python -m tools.mutants $(ARGS)

digests: venv ## print a digest of every claim, to show that a redesign leaves them as they were (ARGS: --kernel SOURCE, --against FILE)
	$(BIN)/python tools/digests.py $(ARGS)

stated: venv-test ## write anew which parts of which theorems are stated of the cached kernels (make kernels)
	$(BIN)/python tools/stated.py
	$(BIN)/python -m tools.looks

new-kernel: venv ## tell what a new kernel asks of us: what is lost, refuted, undecided (ARGS: --kernel SOURCE, --like OLDER)
	@$(BIN)/python tools/new_kernel.py $(ARGS)

docs: venv-test ## write anew what the documentation quotes: the list of theorems, the coverage, pictures, verdicts, transcripts (make kernels)
	@$(BIN)/python tools/quoted_kernels.py
	$(BIN)/python tools/theorems.py
	$(BIN)/python tools/areas.py
	$(BIN)/python tools/coverage.py
	$(BIN)/python tools/pictures.py
	$(BIN)/python tools/claims.py
	$(BIN)/python tools/transcripts.py

lock: ## choose the locked versions anew
	PYTHON="$(PYTHON)" tools/lock.sh

clean: ## remove what the other targets made (not the kernels' cache)
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(CHECKED) -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@$(PYTHON) tools/setup_venv.py

venv-test:
	@$(PYTHON) tools/setup_venv.py test

venv-lint:
	@$(PYTHON) tools/setup_venv.py lint test

# A type checker finds the namespace package through links: the rooms stand at the top level.
links:
	@mkdir -p $(NS)
	@for room in $(ROOMS); do ln -sfn ../../../$$room $(NS)/$$room; done
