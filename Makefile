# `make demo` and `make test` do everything from a bare Debian 13 or 12 on; each of the others says what it does.

.PHONY: demo test test-all bench lint format fixtures setup build

demo:      ## Sets up, builds, runs the real MNIST job through an embedded server, prints the table
	scripts/demo

test:      ## Sets up, builds, passes every test, ten seconds of fresh fuzzing a target; at most 35 minutes
	scripts/test

test-all:  ## `make test` with sanitizers, a minute of fuzzing a target, the long forms, image and manifests
	scripts/test --all

bench:     ## Measures weights, calibration and large files, conversion and evaluation beside the peers
	scripts/bench

lint:      ## clang-format, clang-tidy, buf, and the headers' rules
	scripts/lint

format:    ## Formats every C++ file in place
	git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

fixtures:  ## Makes the test models and data again, with TensorFlow, in build/fixtures
	scripts/fixtures

setup:     ## Installs what the build and the tests need
	scripts/setup

build: setup
	cmake --preset release && cmake --build --preset release
