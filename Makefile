# Two commands do all the set-up: `make demo` runs the main job, `make test` passes the tests.
VENV   := .venv
PYTHON := $(VENV)/bin/python
STAMP  := $(VENV)/.made-from-lock
RUN    ?= examples/ch03_invalid_spi_recovery

.PHONY: help setup extras demo test lint format p4 formal rtl-test rtl-examples rtl-lint synth bench bench-rtl shell lock clean

help:            ## what there is to make
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

setup: $(STAMP)  ## make the environment .venv/ from requirements.lock

$(STAMP): requirements.lock pyproject.toml tools/make_venv.sh
	sh tools/make_venv.sh $(VENV)
	@touch $@

demo: setup      ## the guide's chapter 3, for real (RUN=examples/… for another scenario)
	$(VENV)/bin/ipsecplane run $(RUN)

test: setup      ## every test that this machine can run; what it cannot is named as skipped
	sh tools/debian_packages.sh test
	$(PYTHON) -m pytest -n auto --dist loadgroup

extras:          ## environments apart, for p4runtime-shell and Genie (their tests skip without)
	sh tools/make_extra_venv.sh p4rt-shell genie

lint: setup      ## ruff and mypy (strict)
	$(VENV)/bin/ruff check host sim tests bench p4 rtl tools
	$(VENV)/bin/ruff format --check host sim tests bench p4 rtl tools
	$(VENV)/bin/mypy host sim

format: setup    ## apply ruff's formatting
	$(VENV)/bin/ruff format host sim tests bench p4 rtl tools
	$(VENV)/bin/ruff check --fix host sim tests bench p4 rtl tools

p4: setup        ## compile the P4 programs (needs p4c-bm2-ss on PATH)
	$(PYTHON) p4/compile.py

formal: setup    ## prove the RTL, and find the bugs planted in it (minutes)
	$(PYTHON) rtl/formal/prove.py

rtl-test: setup  ## the RTL's benches (cocotb on Verilator) alone
	sh tools/debian_packages.sh test
	$(PYTHON) -m pytest -n auto --dist loadgroup -m "slow or not slow" tests/rtl

rtl-examples: setup ## every example with --accelerator rtl: the files are the software model's (minutes)
	$(PYTHON) -m pytest -n auto -m "slow or not slow" tests/scenario/test_rtl.py

rtl-lint: setup  ## every RTL module: Verilator with all warnings, and read by yosys
	$(PYTHON) rtl/lint.py

synth: setup     ## area and clock of the RTL: takes an hour or more, fills the table in rtl/README.md
	nice $(PYTHON) rtl/synth/synthesize.py

bench-rtl: setup ## speed of the RTL in cycles, beside what the bus allows (minutes)
	$(PYTHON) -m tests.rtl.figures

bench: setup     ## all benchmarks, ratios of one run
	@for b in bench/*.py; do echo "== $$b"; $(PYTHON) $$b || exit 1; done

shell:           ## p4runtime-shell on a running switch (TARGET=127.0.0.1:9559 DEVICE=1)
	sh tools/p4runtime_shell.sh $(or $(TARGET),127.0.0.1:9559) $(or $(DEVICE),1)

lock: setup      ## resolve requirements.lock anew from pyproject.toml
	$(PYTHON) -m pip install --quiet pip-tools
	$(PYTHON) -m piptools compile --quiet --extra dev --strip-extras --generate-hashes --allow-unsafe \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header -o requirements.lock pyproject.toml

clean:           ## remove the environments and runs
	rm -rf .venv .venv-* runs build
