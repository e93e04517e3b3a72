# make demo: the page on this machine.   make test: everything that must pass.
# Other Python: make demo PYTHON=python3.12   Options: make demo ARGS="--share"   PYTEST="-k text"
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PYTEST ?=

.PHONY: demo test lint format chromium wordnet espeak clean

demo: $(VENV)/.installed
	$(BIN)/python app.py $(ARGS)

test: lint chromium wordnet espeak
	$(BIN)/python -m pytest -q $(PYTEST)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The stamps make a second run quick; a changed requirements file makes them old.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("vqa needs Python 3.11 or later; name one with PYTHON=python3.x")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: $(wildcard requirements*.txt) | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	@touch $@ $(VENV)/.installed

# The browser tests skip where there is no Chromium.
chromium:
	@if { command -v chromium || command -v chromium-browser || command -v google-chrome; } \
		>/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends \
			chromium fonts-noto-cjk >/dev/null; } \
			|| echo "Chromium could not be installed; the browser tests will be skipped."; \
	else echo "There is no Chromium; the browser tests will be skipped."; fi

# The tests of WUPS skip where WordNet's files are not.
wordnet:
	@if [ -e /usr/share/wordnet/index.noun ] || [ -e /usr/local/share/wordnet/index.noun ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends \
			wordnet-base >/dev/null; } \
			|| echo "WordNet could not be installed; the tests of WUPS will be skipped."; \
	else echo "There are no files of WordNet; the tests of WUPS will be skipped."; fi

# The tests that read questions aloud skip where no speech synthesiser is.
espeak:
	@if command -v espeak-ng >/dev/null && command -v flite >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends \
			espeak-ng flite >/dev/null; } \
			|| echo "espeak-ng could not be installed; tests of its voices will be skipped."; \
	else echo "There is no espeak-ng; tests of its voices will be skipped."; fi

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
