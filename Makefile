# s3-ingestor: make [all|check|demo|bench|lint|fuzz|install|clean]
#
#   V=1                          show the commands
#   STRICT=1                     warnings are errors (the checks set it)
#   SANITIZE=address,undefined   a build of its own in build/san-...
#   DESTDIR=, PREFIX=            where `make install` puts things

VERSION := $(shell sed -n 's/.*S3I_VERSION "\(.*\)".*/\1/p' src/base/version.h)
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
CC ?= cc
PKG_CONFIG ?= pkg-config
INSTALL ?= install

comma := ,
ifdef SANITIZE
BUILD := build/san-$(subst $(comma),-,$(SANITIZE))
else
BUILD ?= build
endif

PLATFORM := posix
HASH := src/base/hash_openssl.c
ifneq (,$(findstring MINGW,$(shell uname -s)))
PLATFORM := win32
HASH := src/base/hash_cng.c
endif

LIBRARIES := libcurl libcrypto jansson sqlite3 expat duktape libmicrohttpd
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra
ifdef STRICT
WARNINGS += -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
	-Wvla -Werror
endif
ifdef SANITIZE
HARDENING := -fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
	-fno-sanitize-recover=undefined
LINK_HARDENING := -fsanitize=$(SANITIZE)
else
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LINK_HARDENING := -pie -Wl,-z,relro -Wl,-z,now
endif

ALL_CFLAGS = -std=c11 -Isrc $(WARNINGS) $(HARDENING) -MMD -MP \
	-D_FILE_OFFSET_BITS=64 \
	$(shell $(PKG_CONFIG) --cflags $(LIBRARIES)) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(LINK_HARDENING) -Wl,--as-needed $(LDFLAGS)
LIBS = $(shell $(PKG_CONFIG) --libs $(LIBRARIES)) -pthread

SOURCES := $(filter-out src/base/hash_openssl.c src/base/hash_cng.c, \
	$(wildcard src/main.c src/cli/*.c src/agent/*.c src/ingest/*.c \
	src/s3/*.c src/base/*.c src/platform/$(PLATFORM)/*.c)) $(HASH)
OBJECTS := $(patsubst src/%.c,$(BUILD)/obj/%.o,$(SOURCES))
PARTS := $(filter-out $(BUILD)/obj/main.o,$(OBJECTS))
PROGRAM := $(BUILD)/s3-ingestor

UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%, \
	$(wildcard tests/unit/test_*.c))
STEPS_TEST := $(BUILD)/tests/test_pattern_steps
STEPS_PARTS := $(patsubst src/%.c,$(BUILD)/steps/%.o, \
	$(wildcard src/ingest/pattern*.c)) $(BUILD)/obj/base/buffer.o \
	$(BUILD)/obj/base/error.o $(BUILD)/obj/platform/$(PLATFORM)/system.o
TEST_TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tests/%, \
	$(wildcard tests/tools/*.c))
STOPWATCH := $(BUILD)/tests/stopwatch
PAGES := $(wildcard man/*.[1-8])
FAKE_S3 := $(BUILD)/tests/fake-s3
RELAY := $(BUILD)/tests/relay
SINK := $(BUILD)/tests/sink
DISK_FAULT := $(BUILD)/tests/disk_fault.so
REAL_PYTHON := $(BUILD)/tests/bin/python3
FUZZ_CC ?= clang
FUZZ_BUILD ?= build/fuzz
FUZZERS := $(patsubst tests/fuzz/%.c,$(FUZZ_BUILD)/%, \
	$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_PARTS := $(patsubst src/%.c,$(FUZZ_BUILD)/obj/%.o, \
	$(filter-out src/main.c,$(SOURCES)))
FUZZ_SECONDS ?= 20

ifdef V
Q :=
say = @:
else ifneq (,$(findstring s,$(firstword -$(MAKEFLAGS))))
Q := @
say = @:
else
Q := @
say = @printf '  %-5s %s\n'
endif

.PHONY: all check demo bench lint fuzz fuzzers install uninstall clean tests
.SECONDARY:

all: $(PROGRAM)

tests: $(PROGRAM) $(UNIT_TESTS) $(TEST_TOOLS) $(FAKE_S3) $(RELAY) $(SINK) \
	$(DISK_FAULT) $(REAL_PYTHON)

$(PROGRAM): $(OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/obj/platform/posix/%.o: EXTRA := -D_GNU_SOURCE

$(BUILD)/obj/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(ALL_CFLAGS) $(EXTRA) -c -o $@ $<

# Tests may use the system; they are linked with everything but main.
$(BUILD)/tests/%.o: tests/unit/%.c Makefile
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(ALL_CFLAGS) -D_GNU_SOURCE -Itests/unit -c -o $@ $<

$(BUILD)/tests/%.o: tests/tools/%.c Makefile
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(ALL_CFLAGS) -D_GNU_SOURCE -c -o $@ $<

$(filter-out $(STEPS_TEST),$(UNIT_TESTS)) \
$(filter-out $(STOPWATCH),$(TEST_TOOLS)): %: %.o $(PARTS)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# With no library: what it starts counts its peak of memory from its own.
$(STOPWATCH): %: %.o
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $<

# It counts the calls of what it is about.
$(BUILD)/steps/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(ALL_CFLAGS) -finstrument-functions -c -o $@ $<

$(STEPS_TEST): %: %.o $(STEPS_PARTS)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# The fake S3 shares no code with the program: it judges it.
$(FAKE_S3): $(wildcard tests/servers/fake_s3*.c tests/servers/fake_s3*.h)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(WARNINGS) \
		$(HARDENING) $(CFLAGS) $(ALL_LDFLAGS) -o $@ \
		$(filter %.c,$^) \
		$(shell $(PKG_CONFIG) --cflags --libs libmicrohttpd libcrypto) \
		-pthread

$(RELAY): tests/servers/relay.c
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) $(HARDENING) $(CFLAGS) \
		$(ALL_LDFLAGS) -o $@ $<

$(SINK): tests/servers/sink.c
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) $(HARDENING) $(CFLAGS) \
		$(ALL_LDFLAGS) -o $@ $< \
		$(shell $(PKG_CONFIG) --cflags --libs libmicrohttpd)

# It stands in for the C library's functions, which a sanitizer does too.
$(DISK_FAULT): tests/torture/disk_fault.c
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) -std=c11 $(WARNINGS) -O2 -g -fPIC -shared -o $@ $< -ldl -pthread

# Where python3 is a script that looks for the real one it takes ten times as
# long to start, and the tests start some thousand.
$(REAL_PYTHON):
	@mkdir -p $(@D)
	$(Q)ln -sf "$$(python3 -c 'import sys; print(sys.executable)')" $@

check:
	$(Q)SANITIZE=$(SANITIZE) scripts/check

demo:
	$(Q)scripts/demo

bench:
	$(Q)scripts/bench

lint:
	$(Q)scripts/lint

# Fuzzers are built by clang, or by afl-clang-fast, which has the same driver.
FUZZ_CFLAGS := -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc -g -O1 \
	$(WARNINGS) -MMD -MP -fsanitize=address,undefined -fno-sanitize-recover=undefined

$(FUZZ_BUILD)/obj/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link \
		$(shell $(PKG_CONFIG) --cflags $(LIBRARIES)) -c -o $@ $<

# DOOR: what of the platform the fuzzer itself stands for.
$(FUZZ_BUILD)/fuzz_customizer $(FUZZ_BUILD)/fuzz_listener: DOOR := child
$(FUZZ_BUILD)/fuzz_script: DOOR := fence
$(FUZZ_BUILD)/fuzz_customizer: FUZZ_LDFLAGS := \
	-Wl,--wrap=thread_start,--wrap=thread_join

$(FUZZ_BUILD)/%: tests/fuzz/%.c $(FUZZ_PARTS)
	$(say) FUZZ $@
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer $(FUZZ_LDFLAGS) -o $@ \
		$(filter-out %/posix/$(DOOR).o,$(filter %.c %.o,$^)) \
		$(shell $(PKG_CONFIG) --cflags --libs $(LIBRARIES)) -pthread

fuzzers: $(FUZZERS)

fuzz:
	$(Q)for fuzzer in $(notdir $(FUZZERS)); do \
		FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_RUNS=0 \
			scripts/fuzz $$fuzzer || exit 1; \
	done

# Where a manual page goes by the end of its name.
page_target = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))

install: all
	$(INSTALL) -d $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 755 $(PROGRAM) $(DESTDIR)$(BINDIR)/s3-ingestor
	$(foreach page,$(PAGES), \
		$(INSTALL) -d $(dir $(call page_target,$(page))) && \
		$(INSTALL) -m 644 $(page) $(call page_target,$(page)) &&) :
	$(INSTALL) -d $(DESTDIR)$(COMPLETIONDIR)
	$(INSTALL) -m 644 scripts/completion.bash \
		$(DESTDIR)$(COMPLETIONDIR)/s3-ingestor

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/s3-ingestor \
		$(DESTDIR)$(COMPLETIONDIR)/s3-ingestor
	rm -f $(foreach page,$(PAGES),$(call page_target,$(page)))

clean:
	rm -rf build

-include $(OBJECTS:.o=.d) $(UNIT_TESTS:=.d) $(TEST_TOOLS:=.d) \
	$(FUZZ_PARTS:.o=.d) $(FUZZERS:=.d)
