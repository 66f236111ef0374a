# One Makefile, not recursive.  Sources are found by wildcard: a new file, module, migration, test or
# fuzz target edits nothing here.
#
#   make                       build/grevy, the release binary
#   make VARIANT=asan          build/asan/grevy and build/asan/grevy_test (ASan and UBSan)
#   make VARIANT=tsan          the same under ThreadSanitizer
#   make VARIANT=fuzz          build/fuzz/NAME_fuzz for every src/**/NAME_fuzz.c (clang, libFuzzer)
#   make replay                build/asan/NAME_fuzz_replay: the same targets over their corpora
#   make sim                   build/sim: the simulation of ./dev sim
#   make bench                 build/bench: the load generator and the yardsticks of ./dev bench
#   make format                rewrite sources as clang-format wants them
#   make OUT=DIR ...           build elsewhere than build/
#   make ONLY="src/kernel/base src/kernel/json" VARIANT=asan build/asan/grevy_test
#                              a test binary of these folders alone, for work on one part

OUT     ?= build
VARIANT ?= release
ONLY    ?=

# ---- Sources ----

found    = $(sort $(shell find $(or $(wildcard $(1)),/dev/null) -type f $(2)))
C_FILES := $(call found,$(or $(ONLY),src),-name '*.c')
TESTS   := $(filter %_test.c %_fixture.c %/fixture.c,$(C_FILES))
FUZZES  := $(filter %_fuzz.c,$(C_FILES))
PRODUCT := $(filter-out $(TESTS) $(FUZZES),$(C_FILES)) $(call found,$(or $(ONLY),src),-name '*.cc')
MAIN    := src/main.c
KIT     := $(filter-out %/replay.c,$(wildcard test/kit/*.c))
FUZZ    := $(notdir $(FUZZES:.c=))

# The module list, the migrations and the embedded files are generated C.  generate.py rewrites only
# what changed, so this costs a moment and never a needless rebuild.
GEN := $(OUT)/gen
ifeq ($(filter format clean,$(MAKECMDGOALS)),)
GENERATED := $(shell python3 tools/generate.py $(GEN))
ifneq ($(.SHELLSTATUS),0)
$(error tools/generate.py failed: see above)
endif
GENERATED := $(if $(ONLY),$(filter-out %/modules.c,$(GENERATED)),$(GENERATED))
endif

# ---- Flags ----

WARN   := -Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wwrite-strings \
          -Wundef -Wformat=2 -Wimplicit-fallthrough -Wtrampolines -Wbidi-chars=any \
          -Werror=format-security
WARN_C := $(WARN) -Wstrict-prototypes -Wmissing-prototypes -Werror=implicit \
          -Werror=incompatible-pointer-types -Werror=int-conversion
# C++ stands only behind a C face, and its library headers are not ours to warn about.
WARN_CXX := -Wall -Wextra -Werror -Wshadow -Wvla -Wundef -Wformat=2

PG_INCLUDE := $(or $(shell pg_config --includedir 2>/dev/null),/usr/include/postgresql)
LUA_INCLUDE := /usr/include/lua5.4
COMMON     := -Isrc -isystem $(PG_INCLUDE) -isystem $(LUA_INCLUDE) -fno-omit-frame-pointer \
              -fno-common -pthread -MMD -MP
LIBS       := -lmicrohttpd -lsqlite3 -lpq -lsodium -lcurl -lz -lsimdjson -lhiredis -lre2 -llua5.4 \
              -lpcre2-8 -lidn2 -labsl_time -labsl_time_zone -lm

# Hardening is for the release alone: it would hide from the sanitizers what they look for.  The
# list is the OpenSSF's, see docs/adr/0012-sandbox-and-hardening.md; tools/hardening.py looks at the
# outcome.  NEWER: what gcc 12 does not know; a gcc that does is given it.
BRANCHES := $(if $(filter x86_64,$(shell uname -m)),-fcf-protection=full,\
            -mbranch-protection=standard)
NEWER    := $(foreach f,-fstrict-flex-arrays=3 -fzero-init-padding-bits=all,\
            $(shell gcc $(f) -fsyntax-only -xc /dev/null 2>/dev/null && echo '$(f)'))
HARDEN   := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
            -fstack-clash-protection -ftrivial-auto-var-init=zero -fno-delete-null-pointer-checks \
            -fno-strict-overflow -fno-strict-aliasing -fexceptions -fPIE $(BRANCHES) $(NEWER)

# NDEBUG is never defined: assertions stay on in what customers run.
CC_release     := gcc
CXX_release    := g++
FLAGS_release  := -O2 -g $(HARDEN)
LDFLAGS_release := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed \
                   -Wl,--no-copy-dt-needed-entries

CC_asan        := gcc
CXX_asan       := g++
FLAGS_asan     := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS_asan   := -fsanitize=address,undefined

CC_tsan        := gcc
CXX_tsan       := g++
FLAGS_tsan     := -O1 -g -fsanitize=thread
LDFLAGS_tsan   := -fsanitize=thread

# Warnings are gcc's and clang-tidy's business; here clang only makes fuzzers.
CC_fuzz        := clang
CXX_fuzz       := clang++
FLAGS_fuzz     := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -w
LDFLAGS_fuzz   := -fsanitize=fuzzer,address,undefined

VARIANTS := release asan tsan fuzz
ifeq ($(filter $(VARIANT),$(VARIANTS)),)
$(error VARIANT=$(VARIANT) is none of: $(VARIANTS))
endif

# ---- What to build ----

ALL_release := $(OUT)/grevy
ALL_asan    := $(OUT)/asan/grevy $(OUT)/asan/grevy_test
ALL_tsan    := $(OUT)/tsan/grevy $(OUT)/tsan/grevy_test
ALL_fuzz    := $(FUZZ:%=$(OUT)/fuzz/%)

all: $(ALL_$(VARIANT))
replay: $(FUZZ:%=$(OUT)/asan/%_replay)

# objects VARIANT,SOURCES: where their objects lie.
objects = $(patsubst $(GEN)/%,$(OUT)/$(1)/gen/%.o,$(patsubst src/%,$(OUT)/$(1)/src/%.o,\
          $(patsubst test/%,$(OUT)/$(1)/test/%.o,$(2))))

# V=1 shows whole commands.
say  = $(if $(V),,@echo "$(1)";)
link = $(call say,link $@)$(CXX_$(1)) $(LDFLAGS_$(1)) -pthread -o $@ $(filter %.o,$^) $(LIBS)

define variant_rules
OBJECTS_$(1) := $$(call objects,$(1),$$(filter-out $$(MAIN),$$(PRODUCT)) $$(GENERATED))

# Other flags make other objects.
$(OUT)/$(1)/flags: FORCE
	@mkdir -p $$(@D)
	@echo '$$(CC_$(1)) $$(FLAGS_$(1))' | cmp -s - $$@ || echo '$$(CC_$(1)) $$(FLAGS_$(1))' >$$@

$(OUT)/$(1)/src/%.c.o: src/%.c $(OUT)/$(1)/flags
	@mkdir -p $$(@D)
	$$(call say,$(1) $$<)$$(CC_$(1)) -std=gnu11 $$(WARN_C) $$(COMMON) $$(FLAGS_$(1)) -c $$< -o $$@
$(OUT)/$(1)/src/%.cc.o: src/%.cc $(OUT)/$(1)/flags
	@mkdir -p $$(@D)
	$$(call say,$(1) $$<)$$(CXX_$(1)) -std=c++17 $$(WARN_CXX) $$(COMMON) $$(FLAGS_$(1)) -c $$< -o $$@
$(OUT)/$(1)/gen/%.c.o: $(GEN)/%.c $(OUT)/$(1)/flags
	@mkdir -p $$(@D)
	$$(call say,$(1) $$<)$$(CC_$(1)) -std=gnu11 $$(WARN_C) $$(COMMON) $$(FLAGS_$(1)) -c $$< -o $$@
$(OUT)/$(1)/test/%.c.o: test/%.c $(OUT)/$(1)/flags
	@mkdir -p $$(@D)
	$$(call say,$(1) $$<)$$(CC_$(1)) -std=gnu11 -I. $$(WARN_C) $$(COMMON) $$(FLAGS_$(1)) -c $$< -o $$@

# Tests alone may include test/kit/.
$$(call objects,$(1),$$(TESTS) $$(FUZZES)): COMMON += -I.

$(OUT)/$(1)/grevy_test: $$(OBJECTS_$(1)) $$(call objects,$(1),$$(TESTS) $$(KIT))
	$$(call link,$(1))
endef
$(foreach v,$(VARIANTS),$(eval $(call variant_rules,$(v))))

$(OUT)/grevy: $(call objects,release,$(MAIN)) $(OBJECTS_release)
	$(call link,release)
$(OUT)/asan/grevy: $(call objects,asan,$(MAIN)) $(OBJECTS_asan)
	$(call link,asan)
$(OUT)/tsan/grevy: $(call objects,tsan,$(MAIN)) $(OBJECTS_tsan)
	$(call link,tsan)

# fuzz_rules SOURCE,NAME
define fuzz_rules
$(OUT)/fuzz/$(2): $$(call objects,fuzz,$(1)) $$(OBJECTS_fuzz)
	$$(call link,fuzz)
$(OUT)/asan/$(2)_replay: $$(call objects,asan,$(1) test/kit/replay.c) $$(OBJECTS_asan)
	$$(call link,asan)
endef
$(foreach f,$(FUZZES),$(eval $(call fuzz_rules,$(f),$(notdir $(f:.c=)))))

# ---- Simulation: the product without its main, the kit's mini and disk; optimised, asserting ----

SIM := $(wildcard test/sim/*.c) test/kit/mini.c test/kit/disk.c test/kit/disk_vfs.c
sim: $(OUT)/sim
$(OUT)/sim: $(call objects,release,$(SIM)) $(OBJECTS_release)
	$(call link,release)
$(OUT)/asan/sim: $(call objects,asan,$(SIM)) $(OBJECTS_asan)
	$(call link,asan)

# ---- Bench: programs that stand alone, built like the release ----

BENCH := $(OUT)/bench
bench: $(BENCH)/load $(BENCH)/open_loop $(BENCH)/bare_loop $(BENCH)/textbook_pg $(BENCH)/slow_sync.so

$(BENCH)/load: $(wildcard bench/load*.c)
$(BENCH)/open_loop: bench/open_loop.c bench/load_http.c bench/load_options.c
$(BENCH)/bare_loop: $(wildcard bench/yardstick/bare_*.c)
$(BENCH)/textbook_pg: bench/yardstick/textbook_pg.c
$(BENCH)/slow_sync.so: bench/slow_sync.c
$(BENCH)/load $(BENCH)/open_loop $(BENCH)/bare_loop $(BENCH)/textbook_pg $(BENCH)/slow_sync.so: \
        $(wildcard bench/*.h bench/yardstick/*.h)
	@mkdir -p $(@D)
	$(call say,bench $@)gcc -std=gnu11 $(WARN_C) -isystem $(PG_INCLUDE) -O2 -g -pthread \
	    $(BENCH_FLAGS) -o $@ $(filter %.c,$^) $(BENCH_LIBS)

$(BENCH)/open_loop: BENCH_LIBS := -lm
$(BENCH)/bare_loop: BENCH_LIBS := -lsqlite3
$(BENCH)/textbook_pg: BENCH_LIBS := -lpq
$(BENCH)/slow_sync.so: BENCH_FLAGS := -fPIC -shared
$(BENCH)/slow_sync.so: BENCH_LIBS := -ldl

# The kernel as the server has it, without HTTP and modules.
bench: $(BENCH)/consumers $(BENCH)/count $(BENCH)/rule $(BENCH)/schema $(BENCH)/script $(BENCH)/table
$(OUT)/release/bench/%.c.o: bench/%.c $(OUT)/release/flags
	@mkdir -p $(@D)
	$(call say,bench $<)gcc -std=gnu11 $(WARN_C) $(COMMON) $(FLAGS_release) -c $< -o $@
$(BENCH)/consumers $(BENCH)/count $(BENCH)/rule $(BENCH)/schema \
$(BENCH)/script $(BENCH)/table: $(BENCH)/%: $(OUT)/release/bench/%.c.o $(OBJECTS_release)
	@mkdir -p $(@D)
	$(call link,release)

# ---- Keeping house ----

FORMATTED = $(call found,src test bench,-name '*.[ch]' -o -name '*.cc')
format:
	clang-format -i $(FORMATTED)
clean:
	rm -rf $(OUT)

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all replay sim bench format clean FORCE
