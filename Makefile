# Two commands for a newcomer: `make demo`, `make test`.

.PHONY: demo test soak library install command install-command python install-python dist

demo:
	@echo 'Builds the command mtasts, which takes about a minute the first time. It then runs a mail world on loopback: DNS, policy'
	@echo 'hosts, mail servers, and an attacker. A message is sent for each scenario, by a sender without MTA-STS and by one with it,'
	@echo 'and a table shows which of them the attacker got to read.'
	@$(CARGO) run --profile demo -p mtasts --bin mtasts -- demo

# Installs what the tests need and runs everything, the cheap steps first.
test:
	@tests/run

# What takes too long for `make test`.
soak:
	@MTASTS_SOAK=1 tests/run

# libmtasts, the library for C: `make library`, then `make install PREFIX=/usr DESTDIR=/tmp/root`, which builds nothing.
# For another machine: `make library TARGET=aarch64-unknown-linux-gnu`, and the same TARGET, with its STRIP, for `make install`.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
CARGO ?= cargo
CARGO_TARGET_DIR ?= target
STRIP ?= strip
TARGET ?= $(or $(shell echo '$(CARGOFLAGS)' | sed -n 's/.*--target[ =] *\([^ ]*\).*/\1/p'),$(CARGO_BUILD_TARGET))
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
BUILT = $(CARGO_TARGET_DIR)/$(if $(TARGET),$(TARGET)/)release
PACKAGING = mta-sts-ffi/packaging
FILL = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|'

library:
	$(CARGO) build --release --package mta-sts-ffi --lib $(if $(findstring --target,$(CARGOFLAGS)),,$(if $(TARGET),--target $(TARGET))) $(CARGOFLAGS)

install:
	@[ -e $(BUILT)/libmtasts.so ] && [ -e $(BUILT)/libmtasts.a ] || { echo 'libmtasts is not in $(BUILT): run "make library" first, as yourself' >&2; exit 1; }
	install -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(LIBDIR)/cmake/mtasts $(DESTDIR)$(MANDIR)/man3
	install -m 644 include/mtasts.h $(DESTDIR)$(INCLUDEDIR)/mtasts.h
	install -m 755 $(BUILT)/libmtasts.so $(DESTDIR)$(LIBDIR)/libmtasts.so.$(VERSION)
	$(STRIP) --strip-unneeded $(DESTDIR)$(LIBDIR)/libmtasts.so.$(VERSION)
	ln -sf libmtasts.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libmtasts.so.0
	ln -sf libmtasts.so.0 $(DESTDIR)$(LIBDIR)/libmtasts.so
	install -m 644 $(BUILT)/libmtasts.a $(DESTDIR)$(LIBDIR)/libmtasts.a
	$(FILL) $(PACKAGING)/mtasts.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/mtasts.pc
	$(FILL) $(PACKAGING)/mtasts-config.cmake.in >$(DESTDIR)$(LIBDIR)/cmake/mtasts/mtasts-config.cmake
	$(FILL) $(PACKAGING)/mtasts-config-version.cmake.in >$(DESTDIR)$(LIBDIR)/cmake/mtasts/mtasts-config-version.cmake
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/mtasts.pc $(DESTDIR)$(LIBDIR)/cmake/mtasts/*.cmake
	install -m 644 man/*.3 $(DESTDIR)$(MANDIR)/man3

# The command mtasts, with its manual pages and completions: `make command`, then `make install-command PREFIX=/usr`. PROGRAM
# installs another build of it.
PROFILE ?= release
PROGRAM ?= $(CARGO_TARGET_DIR)/$(if $(TARGET),$(TARGET)/)$(PROFILE)/mtasts
COMPLETIONS = $(DESTDIR)$(PREFIX)/share

command:
	$(CARGO) build --profile $(PROFILE) --package mtasts --bin mtasts $(if $(findstring --target,$(CARGOFLAGS)),,$(if $(TARGET),--target $(TARGET))) $(CARGOFLAGS)

install-command:
	@[ -e $(PROGRAM) ] || { echo '$(PROGRAM) is not there: run "make command" first, as yourself' >&2; exit 1; }
	install -d $(DESTDIR)$(PREFIX)/bin $(foreach section,1 5 7 8,$(DESTDIR)$(MANDIR)/man$(section))
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/mtasts
	$(foreach section,1 5 7 8,install -m 644 mtasts/packaging/man/*.$(section) $(DESTDIR)$(MANDIR)/man$(section) &&) true
	install -d $(COMPLETIONS)/bash-completion/completions $(COMPLETIONS)/zsh/vendor-completions $(COMPLETIONS)/fish/vendor_completions.d
	$(PROGRAM) completions bash >$(COMPLETIONS)/bash-completion/completions/mtasts
	$(PROGRAM) completions zsh >$(COMPLETIONS)/zsh/vendor-completions/_mtasts
	$(PROGRAM) completions fish >$(COMPLETIONS)/fish/vendor_completions.d/mtasts.fish

# The Python package without pip, as distributions want it: `make python`, then `make install-python PREFIX=/usr PYTHONDIR=FOLDER`.
# It runs with every CPython since 3.10. MODULE installs another build of its native module.
MODULE ?= $(BUILT)/lib_core.so
PYTHONDIR ?= $(PREFIX)/lib/python3/dist-packages
PACKAGE = $(DESTDIR)$(PYTHONDIR)/mta_sts
DIST_INFO = $(DESTDIR)$(PYTHONDIR)/mta_sts-$(VERSION).dist-info

python:
	$(CARGO) build --release --package mta-sts-py --features extension-module $(if $(findstring --target,$(CARGOFLAGS)),,$(if $(TARGET),--target $(TARGET))) $(CARGOFLAGS)

install-python:
	@[ -e $(MODULE) ] || { echo '$(MODULE) is not there: run "make python" first, as yourself' >&2; exit 1; }
	install -d $(PACKAGE) $(DIST_INFO)
	install -m 644 mta-sts-py/python/mta_sts/*.py mta-sts-py/python/mta_sts/*.pyi mta-sts-py/python/mta_sts/py.typed $(PACKAGE)
	install -m 644 $(MODULE) $(PACKAGE)/_core.abi3.so
	$(STRIP) --strip-unneeded $(PACKAGE)/_core.abi3.so
	mta-sts-py/metadata $(VERSION) >$(DIST_INFO)/METADATA
	chmod 644 $(DIST_INFO)/METADATA

# The tarball of a release, with all crates, which builds without a network: DIST is the folder for it.
DIST ?= $(CARGO_TARGET_DIR)/dist

dist:
	@packaging/dist $(DIST)
