# Two commands for a newcomer: `make demo`, `make test`.

.PHONY: demo test soak

demo:
	@cargo run --quiet --release -p mta-sts-resolver --bin mtasts -- demo

# Installs what the tests need and runs everything, the cheap steps first.
test:
	@tests/run

# What takes too long for `make test`.
soak:
	@MTASTS_SOAK=1 tests/run
