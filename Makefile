# SPDX-License-Identifier: Apache-2.0
# What a developer types. The build itself is meson's; this installs what it needs first.
#
#   make          build the programs into build/bin
#   make demo     build, start a small cluster on loopback, run two frameworks on it, stop it
#   make test     build, run every check and test
#   make help     everything else

BUILD ?= build
VENV := build/venv

.PHONY: build
build: $(BUILD)/build.ninja ## build the programs into build/bin
	@ninja -C $(BUILD)

.PHONY: packages
packages:
	@tools/install-packages tools/packages

.PHONY: test-packages
test-packages:
	@tools/install-packages tools/packages tools/packages.test

$(BUILD)/build.ninja: | packages
	@meson setup $(BUILD) $(MESON_OPTIONS)

$(VENV)/done: tests/requirements.txt | test-packages
	@tools/make-venv $(VENV) tests/requirements.txt

.PHONY: demo
demo: build ## start a master and two agents on loopback, run two frameworks, stop everything
	@tools/demo.sh $(BUILD)/bin

.PHONY: test
test: test-packages build $(VENV)/done ## all checks, unit, simulation, system and compatibility tests
	@$(VENV)/bin/python tools/run-tests $(BUILD)

.PHONY: check
check: | test-packages ## formatting, layers, sizes, spelling, …: under a minute
	@tools/check

.PHONY: tidy
tidy: test-packages build ## clang-tidy over everything (slow)
	@tools/tidy $(BUILD)

.PHONY: format
format: | test-packages ## lay out all C files as .clang-format says
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

.PHONY: asan
asan: ## the whole suite with AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory BUILD=build/asan MESON_OPTIONS='-Db_sanitize=address,undefined -Db_lundef=false' test

.PHONY: tsan
tsan: $(VENV)/done ## the driver's tests with ThreadSanitizer
	@$(MAKE) --no-print-directory BUILD=build/tsan MESON_OPTIONS='-Db_sanitize=thread -Db_lundef=false' build
	@meson test -C build/tsan --suite driver --suite event --print-errorlogs
	@BUILD_DIR=build/tsan $(VENV)/bin/python -m pytest -q -p no:cacheprovider tests/library -k robust

.PHONY: clang
clang: | test-packages ## the whole suite, built by clang
	@CC=clang $(MAKE) --no-print-directory BUILD=build/clang test

.PHONY: release
release: ## an optimized build in build/release, warnings as errors
	@$(MAKE) --no-print-directory BUILD=build/release MESON_OPTIONS='--buildtype=release' build

.PHONY: bench
bench: release ## the figures of bench/
	@meson test -C build/release --benchmark --verbose --num-processes 1

.PHONY: fuzz
fuzz: | test-packages ## FUZZ_SECONDS (60) of libFuzzer for each fuzz target; what breaks something is kept in tests/fuzz
	@CC=clang $(MAKE) --no-print-directory BUILD=build/fuzz \
	  MESON_OPTIONS='-Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false' build
	@tools/fuzz build/fuzz $${FUZZ_SECONDS:-60}

.PHONY: install
install: build ## install under the prefix (DESTDIR is honoured)
	@meson install -C $(BUILD) --no-rebuild

.PHONY: clean
clean: ## remove everything that was built
	@rm -rf build

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1: \2/p' $(MAKEFILE_LIST) | awk -F': ' '{printf "  make %-9s %s\n", $$1, $$2}'
