# Two commands are enough: `make demo` and `make test`. Each installs what is missing (setup/README.md), builds, and says what it does.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

DEPS := $(shell setup/deps_folder.sh)
CACHE := $(shell setup/deps_folder.sh cache)
export CCACHE_DIR ?= $(CACHE)/ccache
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
SOURCES = $(shell git ls-files 'src/*.cpp' 'src/*.h' 'tests/*.cpp' 'tests/*.h' 'bench/*.cpp' 'bench/*.h')

.PHONY: help setup configure build test demo bench format lint clean install

help:  ## this list
	@echo 'Ballot. Times are for two cores; the very first of these commands also downloads about 1 GB.'
	@echo
	@awk -F ':.*## | @ ' '/^[a-z]+:.*## / {printf "  make %-8s %-58s %s\n", $$1, $$2, $$3}' $(MAKEFILE_LIST)
	@echo
	@echo 'What is fetched goes to $(DEPS); BALLOT_DEPS=FOLDER names another place.'

demo: build  ## a small study, from ranked completions to a report @ 15 min after the build
	@echo 'demo: studies/demo.yaml into build/demo (about 15 minutes; interrupt and repeat as you like)'
	@build/bin/ballot run studies/demo.yaml --out '$(CURDIR)/build/demo'

test: build  ## all tests: no network, no Python @ minutes after the build
	@echo 'test: running all tests'
	@ctest --test-dir build --parallel $(JOBS) --output-on-failure --no-tests=error

build: configure  ## what is needed to build, then build/bin/ballot @ 30 min at first, then seconds
	@echo 'build: compiling with $(JOBS) jobs (at first some 20 minutes, of which 2 for the Rust bridge; ninja counts along)'
	@ninja -C build -j $(JOBS)

bench: build  ## speed of the parts, beside their peers @ minutes after the build
	@shopt -s nullglob; \
	for program in build/bin/*_bench; do echo "bench: $$program"; "$$program"; done

format:  ## write the sources in the house's format @ seconds
	@setup/setup.sh lint
	@clang-format-19 -i $(SOURCES)

lint: configure  ## check the format, then clang-tidy @ 15 min
	@setup/setup.sh lint
	@echo 'lint: clang-format'
	@clang-format-19 --dry-run --Werror $(SOURCES)
	@setup/tidy.sh build

install: build  ## PREFIX=FOLDER: Ballot in a folder that can be moved @ a minute
	@cmake --install build --prefix '$(PREFIX)' | grep -v -e '-- Up-to-date' -e '-- Set non-toolchain'
	@echo 'Installed: $(PREFIX)/bin/ballot'

clean:  ## remove build/; what was fetched stays @ seconds
	@rm -rf build

setup:  ## only install and fetch what is missing @ 5 min at first, then a second
	@setup/setup.sh

configure: setup
	@if [[ ! -f build/build.ninja || ! -f build/.configured || CMakePresets.json -nt build/.configured || \
	       $$(cat build/.configured) != '$(DEPS)' ]]; then \
	  echo 'build: configuring'; \
	  mkdir -p build; \
	  cmake --preset release -DBALLOT_DEPS='$(DEPS)' >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }; \
	  echo '$(DEPS)' >build/.configured; \
	fi
