# The front door; Meson and Ninja do the work. `make help` lists what there is.
PORT ?= 8000
WORKERS ?= 1
PREFIX ?= /usr/local
prefix = $(abspath $(patsubst ~/%,$(HOME)/%,$(PREFIX)))
BUILD = build/release

.PHONY: build help setup compiled run test soak fuzz hunt mutants fail-each bench claims prefix-given install check clean

build: compiled
	@echo 'built: $(BUILD)/libweft.a and $(BUILD)/examples/; make help lists what else there is'

help:
	@echo 'make             build libweft.a and the examples (build/release)'
	@echo 'make run         build and start the showcase (PORT=$(PORT), WORKERS=$(WORKERS); TLS=1: https, with a certificate made on the spot)'
	@echo 'make test        everything that can be tested; ends with "N passed, N failed, N skipped"'
	@echo 'make soak        the same with larger bounds: minutes of fuzzing, thousands of seeds'
	@echo 'make fuzz        the fuzz targets alone (FUZZ_SECONDS= each)'
	@echo 'make hunt        looks for an order of events that breaks weft, in the simulator (tools/sim-hunt --help)'
	@echo 'make mutants     breaks weft line by line and sees whether its tests notice'
	@echo 'make fail-each   fails each allocation and system call of the runtime in turn (hours; tools/fail-each --help)'
	@echo 'make bench       CPU per request, JSON and WebSockets, beside bare programs and peers'
	@echo 'make claims      calls in turn and at once, over HTTP on this machine, measured'
	@echo 'make check       clang-tidy'
	@echo 'make install     into PREFIX=$(PREFIX): libweft.a, headers, weft.pc'
	@echo 'make clean       remove build/'
	@echo
	@echo 'tools/test STAGE runs one stage of make test; tools/test --help lists them.'

setup:
	@tools/setup build

compiled: setup
	@tools/build $(BUILD)

run: compiled
	@WEFT_WORKERS=$(WORKERS) tools/run-showcase $(PORT) $(if $(filter-out 0,$(TLS)),--tls)

test:
	@tools/test

soak:
	@WEFT_SOAK=1 tools/test

fuzz:
	@tools/test setup fuzz

hunt: setup
	@tools/sim-hunt

mutants:
	@tools/setup test
	@tools/mutants

bench: compiled
	@tools/bench/run
	@tools/bench/websocket
	@[ ! -x $(BUILD)/bench/weft_db ] || tools/bench/sqlite
	@[ ! -x $(BUILD)/bench/weft_pg ] || tools/bench/postgres
	@[ ! -x $(BUILD)/bench/weft_pg ] || tools/bench/mariadb
	@[ ! -x $(BUILD)/bench/weft_redis ] || tools/bench/redis
	@tools/bench/tls
	@tools/bench/workers

claims: compiled
	@$(BUILD)/examples/claims

prefix-given:
	@[ -n '$(prefix)' ] || { echo "make install: PREFIX is empty; expected a folder, as in: make install PREFIX=\$$HOME/weft" >&2; exit 2; }

# libdir=lib: pkg-config finds weft.pc in PREFIX/lib/pkgconfig on every distribution.
install: prefix-given compiled
	@meson setup --reconfigure $(BUILD) -Dprefix='$(prefix)' -Dlibdir=lib > build/configure.log 2>&1 || \
		{ cat build/configure.log; exit 1; }
	@meson install -C $(BUILD) --no-rebuild --quiet
	@echo "installed in $(prefix); compile with: cc app.c \$$(pkg-config --cflags --libs weft)"

check:
	@tools/setup check
	@tools/check-tidy

clean:
	rm -rf build

.DEFAULT:
	@echo "make: there is no target '$@'; make help lists them" >&2; exit 2
