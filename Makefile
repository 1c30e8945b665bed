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
SOURCES = $(shell git ls-files 'src/*.cpp' 'src/*.h' 'tests/*.cpp' 'tests/*.h' 'bench/*.cpp' 'bench/*.h' 'bridge/*.h')

.PHONY: help setup configure build test demo bench format lint clean install

help:  ## this list
	@echo 'Times are for two cores; the first build includes about 1 GB of downloads.'
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  The fetched parts lie in $(DEPS)'
	@echo '  Elsewhere: BALLOT_DEPS=FOLDER make ...'

setup:  ## install and fetch what is missing               3 min the first time, then a second
	@setup/setup.sh

configure: setup
	@if [[ ! -f build/build.ninja || ! -f build/.configured || CMakePresets.json -nt build/.configured || \
	       $$(cat build/.configured) != '$(DEPS)' ]]; then \
	  echo 'build: configuring'; \
	  mkdir -p build; \
	  cmake --preset release -DBALLOT_DEPS='$(DEPS)' >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }; \
	  echo '$(DEPS)' >build/.configured; \
	fi

build: configure  ## everything needed, then build/bin/ballot      20 min the first time, then seconds
	@echo 'build: compiling with $(JOBS) jobs (the first time: some 20 minutes of two cores; ninja counts along)'
	@ninja -C build -j $(JOBS)

test: build  ## all tests: no network, no Python              2 min after the build
	@ctest --test-dir build --parallel $(JOBS) --output-on-failure --no-tests=error

demo: build  ## a small study from data to report             15 min after the build
	@build/bin/ballot run studies/demo.yaml --out build/demo
	@echo
	@echo 'The report: $(CURDIR)/build/demo/report/index.html'

bench: build  ## speed of the parts                            5 min after the build
	@shopt -s nullglob; \
	for program in build/bin/*_bench; do echo "bench: $$program"; "$$program"; done

format:  ## write all sources in the house's format       seconds
	@setup/setup.sh lint
	@clang-format-19 -i $(SOURCES)

lint: configure  ## check the format, then clang-tidy             10 min
	@setup/setup.sh lint
	@clang-format-19 --dry-run --Werror $(SOURCES)
	@setup/tidy.sh build

clean:  ## remove build/; what was fetched stays           seconds
	@rm -rf build

install: build  ## PREFIX=FOLDER: a folder that can be moved       a minute
	@cmake --install build --prefix '$(PREFIX)'
	@echo 'Installed: $(PREFIX)/bin/ballot'
