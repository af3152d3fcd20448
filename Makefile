# Every target is a command of tools/dev.py, which works without make too.
#   make test ARGS="-k name"   make test PYTHON=python3.13   RUN_FOR=20 PORT=8001 make run
PYTHON ?= python3
export PYTHON

.PHONY: setup run test check bench soak lock
setup run test check bench soak lock:
	@$(PYTHON) tools/dev.py $@
