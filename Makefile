# SPDX-License-Identifier: MIT OR Apache-2.0
# Thin on purpose: each line calls cargo, python or scripts/.
.DEFAULT_GOAL := help
.PHONY: help test check assurance bench firmware install python wheel fuzz docs clean

help: ## Print the targets
	@sed -n 's/^\([a-z]*\): .*## /\1\t/p' Makefile | expand -t 12

test: ## Set up what is needed, then run every test: three backends, Python, two firmware targets, the reference
	scripts/setup
	scripts/test

check: ## Formatting, lints, documentation, dependencies
	scripts/check

assurance: ## All that shows what is promised, in about SECONDS=3600 and what building takes, and a report in target/assurance
	scripts/setup
	scripts/assurance $(or $(SECONDS),3600) $(PARTS)

bench: ## Benchmarks, and the same work done by others
	cargo bench
	cargo run --release --locked --manifest-path benches/transit/Cargo.toml
	python3 benches/peers/run.py

firmware: ## Archives for firmware in target/firmware/sealwax: three processors
	scripts/firmware build

install: ## The C library: DESTDIR=, PREFIX=/usr/local
	scripts/install-c "$(DESTDIR)" "$(or $(PREFIX),/usr/local)"

python: ## Build the Python module into .venv, and test it
	scripts/setup
	scripts/python

wheel: ## The wheel and the source distribution of the Python module, in dist/, checked
	scripts/setup
	scripts/wheel

fuzz: ## Fuzz each target for SECONDS=60; needs a nightly toolchain
	scripts/fuzz $(or $(SECONDS),60)

docs: ## Documentation of the Rust API
	cargo doc --no-deps

clean: ## Remove everything that was built
	cargo clean
	rm -rf .venv dist benches/transit/target fuzz/target fuzz/corpus fuzz/artifacts tests/constant_time/target tests/interleavings/target
