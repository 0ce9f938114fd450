# gn: a toolchain for deep learning on medical images.  README.md says what to type; this file says how it is built.
#
#   make            programs in build/bin, plug-ins in build/lib/gn
#   make demo       dependencies, build, train on generated subjects, score them, draw them
#   make check      dependencies, build, every test (T=NAME: those of one tool or module)
#   make lint sanitize fuzz bench golden man install uninstall clean
#
# Set CC=, CFLAGS=, PREFIX=, DESTDIR= on the command line or in an untracked config.mk.
-include config.mk

CC       ?= cc
CXX      ?= g++
OPT      ?= -O2 -g
WARN     ?= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
PREFIX   ?= /usr/local
BUILD    ?= build
PYTHON   ?= python3
VERSION  := 0.1.0

CPPFLAGS += -Ilibcore -D_GNU_SOURCE -DGN_VERSION='"$(VERSION)"'
ALLCFLAGS = -std=c11 -ffp-contract=off -fno-math-errno -fPIC -pthread $(WARN) $(OPT) $(CFLAGS)
LDLIBS_ALL = -Wl,--as-needed -ldeflate -lz -lyaml -ljansson -lsleef -ldl -lm

# --- what there is -------------------------------------------------------------------------------------------------
TOOLS    := $(patsubst tools/%.c,%,$(wildcard tools/gn-*.c))
PLUGSRC  := $(wildcard libcore/io/plugin_*.c)
PLUGINS  := $(patsubst libcore/io/plugin_%.c,%,$(PLUGSRC)) $(if $(wildcard /usr/include/dcmtk/dcmdata/dctk.h),dicom)
ISASRC   := $(wildcard libcore/backend/cpu/isa_*.c libcore/image/isa_*.c)
LIBSRC   := $(filter-out $(PLUGSRC) $(ISASRC),$(wildcard libcore/*/*.c libcore/backend/*/*.c))
LIBOBJ   := $(LIBSRC:%.c=$(BUILD)/%.o) $(foreach i,sse2 avx2 avx512,$(ISASRC:%.c=$(BUILD)/%.$(i).o))
UNITS    := $(filter-out $(if $(filter dicom,$(PLUGINS)),,dicom),$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c)))
LIB      := $(BUILD)/lib/libgn.a

all: $(TOOLS:%=$(BUILD)/bin/%) $(PLUGINS:%=$(BUILD)/lib/gn/%.so)

# --- dependencies --------------------------------------------------------------------------------------------------
PACKAGES := gcc make pkgconf libdeflate-dev zlib1g-dev libyaml-dev libtiff-dev libturbojpeg0-dev libpng-dev \
            libsleef-dev libjansson-dev libcairo2-dev fonts-dejavu-core
# For DICOM, and only for it: g++ libdcmtk-dev libopenjp2-7-dev, built in if they are there. make golden needs dcmtk too.
TESTPACKAGES := jq file nifti-bin mandoc groff clang libclang-rt-14-dev cppcheck shellcheck bash-completion python3
.PHONY: all deps testdeps
deps:
	@tests/deps $(PACKAGES)
testdeps:
	@tests/deps $(PACKAGES) $(TESTPACKAGES)

# --- the library ---------------------------------------------------------------------------------------------------
$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALLCFLAGS) -MMD -MP -c $< -o $@

# One source, one object an instruction set; which one runs is chosen at run time.
ISA_sse2   := -msse2 -DGN_ISA=sse2
ISA_avx2   := -mavx2 -mfma -mf16c -DGN_ISA=avx2
ISA_avx512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -DGN_ISA=avx512
define isa_rule
$(BUILD)/%.$(1).o: %.c
	@mkdir -p $$(@D)
	$$(CC) $$(CPPFLAGS) $$(ALLCFLAGS) $$(ISA_$(1)) -MMD -MP -c $$< -o $$@
endef
$(foreach i,sse2 avx2 avx512,$(eval $(call isa_rule,$(i))))

$(LIB): $(LIBOBJ)
	@mkdir -p $(@D)
	rm -f $@ && $(AR) rcs $@ $(LIBOBJ)

# Loops that the compiler is to turn into vectors by itself.
$(BUILD)/libcore/image/isa_%.o: OPT += -O3

# --- programs and plug-ins -----------------------------------------------------------------------------------------
$(BUILD)/bin/%: $(BUILD)/tools/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDFLAGS) $< $(LIB) $(LIBS_$*) $(LDLIBS_ALL) -o $@
LIBS_gn-view   := -lcairo

PLUG_png  := -lpng16
PLUG_tiff := -ltiff
PLUG_jpeg := -lturbojpeg
$(BUILD)/lib/gn/%.so: libcore/io/plugin_%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALLCFLAGS) -fvisibility=hidden -MMD -MP -shared $(LDFLAGS) $< $(PLUG_$*) -lm -o $@

# The only C++ there is: DCMTK is a C++ library.
PLUG_dicom := -Wl,--as-needed -ldcmjpeg -ldcmjpls -ldcmimgle -ldcmdata -loflog -lofstd -lopenjp2 -lz
CXX_dicom   = $(CXX) $(CPPFLAGS) $$(pkg-config --cflags libopenjp2) -std=c++17 -fPIC -pthread -Wall -Wextra -Wshadow \
    -ffp-contract=off $(OPT) $(CXXFLAGS) -fvisibility=hidden
$(BUILD)/%.cc.o: %.cc
	@mkdir -p $(@D)
	$(CXX_dicom) -MMD -MP -c $< -o $@
DICOM_OBJ  := $(patsubst %.cc,$(BUILD)/%.cc.o,$(wildcard libcore/io/dicom_*.cc))
$(BUILD)/lib/gn/dicom.so: $(DICOM_OBJ) $(BUILD)/libcore/io/plugin_dicom.cc.o
	@mkdir -p $(@D)
	$(CXX_dicom) -shared $(LDFLAGS) $^ $(PLUG_dicom) -o $@

# --- tests ---------------------------------------------------------------------------------------------------------
$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDFLAGS) $< $(LIB) $(LDLIBS_ALL) -o $@

# The DICOM reader as it is fuzzed: without its plug-in and its child process.
$(BUILD)/unit/dicom: $(BUILD)/tests/unit/dicom.o $(DICOM_OBJ) $(BUILD)/tests/fuzz/dicom_direct.cc.o $(LIB)
	@mkdir -p $(@D)
	$(CXX_dicom) $(LDFLAGS) $^ $(PLUG_dicom) $(LDLIBS_ALL) -o $@

.PHONY: check tests lint sanitize fuzz bench golden demo
tests: all $(UNITS:%=$(BUILD)/unit/%)
check: testdeps
	@echo "building" && $(MAKE) --no-print-directory -s -j$$(nproc) tests
	@tests/run $(BUILD) $(T)

lint: testdeps
	@tests/lint

# All of check under AddressSanitizer and UndefinedBehaviorSanitizer, in a build of its own.
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
sanitize: testdeps
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-sanitize OPT='-O1 -g $(SAN)' tests
	@UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 GN_SANITIZE=1 tests/run $(BUILD)-sanitize $(T)

# SECONDS on each parser, starting from its corpus; make check replays the corpora.
SECONDS_EACH ?= 30
fuzz: testdeps
	@tests/fuzz/run $(BUILD)-fuzz $(SECONDS_EACH)

# Golden data: made by the public reference libraries in a virtual environment of pinned versions; needs PyPI.
.venv/ok: tests/gen/requirements.txt
	$(PYTHON) -m venv .venv && .venv/bin/pip install -q -r tests/gen/requirements.txt && touch $@
golden: .venv/ok
	@for g in tests/gen/*.py; do echo "$$g"; .venv/bin/python "$$g" || exit 1; done

# What is measured goes to build/bench.tsv; peers run when .venv has them. B=GROUP: one group.
bench: deps
	@$(MAKE) --no-print-directory all $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
	@tests/bench/run $(BUILD) $(B)
$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) $(LDFLAGS) $< $(LIB) $(LDLIBS_ALL) -o $@

demo: deps
	@echo "building" && $(MAKE) --no-print-directory -s -j$$(nproc) all
	@PATH="$(abspath $(BUILD))/bin:$$PATH" pipelines/demo $(BUILD)/demo

# --- man pages, installation ---------------------------------------------------------------------------------------
.PHONY: man install uninstall
man: $(TOOLS:%=$(BUILD)/bin/%)
	@for t in $(TOOLS); do $(BUILD)/bin/$$t --help=man >man/$$t.1 || exit 1; done

BINDIR  = $(DESTDIR)$(PREFIX)/bin
PLUGDIR = $(DESTDIR)$(PREFIX)/lib/gn
MANDIR  = $(DESTDIR)$(PREFIX)/share/man
COMPDIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
DATADIR = $(DESTDIR)$(PREFIX)/share/gn
install: all
	install -d $(BINDIR) $(PLUGDIR) $(MANDIR)/man1 $(MANDIR)/man5 $(MANDIR)/man7 $(COMPDIR) $(DATADIR)/pipelines $(DATADIR)/examples
	install $(TOOLS:%=$(BUILD)/bin/%) $(BINDIR)
	install -m 644 $(PLUGINS:%=$(BUILD)/lib/gn/%.so) $(PLUGDIR)
	install -m 644 man/*.1 $(MANDIR)/man1
	install -m 644 man/*.5 $(MANDIR)/man5
	install -m 644 man/*.7 $(MANDIR)/man7
	for t in $(TOOLS); do $(BUILD)/bin/$$t --help=completion >$(COMPDIR)/$$t || exit 1; done
	install $(wildcard pipelines/*) $(DATADIR)/pipelines
	install -m 644 $(wildcard examples/*) $(DATADIR)/examples
uninstall:
	rm -f $(TOOLS:%=$(BINDIR)/%) $(TOOLS:%=$(MANDIR)/man1/%.1) $(TOOLS:%=$(COMPDIR)/%)
	rm -f $(PLUGINS:%=$(PLUGDIR)/%.so) $(MANDIR)/man5/gn-stream.5 $(MANDIR)/man7/gn.7
	rm -rf $(DATADIR)
	-rmdir $(PLUGDIR) 2>/dev/null

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD)
.PHONY: clean
.DELETE_ON_ERROR:
.SECONDARY:
