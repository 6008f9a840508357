# facteur - one Makefile, no configure.
#	make, make demo, make check, make install; README says more.

PREFIX	= /usr/local
SBIN	= $(PREFIX)/sbin
BIN	= $(PREFIX)/bin
MANDIR	= $(PREFIX)/share/man
SHARE	= $(PREFIX)/share/facteur
VERSION	= 0.1

CC	= cc
WARN	= -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	  -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings \
	  -Wvla -Wformat=2 -Wundef -Wconversion -Wsign-conversion \
	  -Wimplicit-fallthrough
HARDEN	= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
CFLAGS	= -O2 -g
override CPPFLAGS += -std=c17 -D_DEFAULT_SOURCE -D_POSIX_C_SOURCE=200809L \
	  -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -Ilib -DVERSION='"$(VERSION)"' \
	  -DPROGRAMS='"$(SBIN)"'
LDFLAGS	= -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LIBS	= -lresolv -lcrypt
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all

# make V=1 shows the commands.
Q	= $(if $(V),,@)

# Everything that is built lies under $(B); the programs of the plain build
# beside their sources.
B	= build
OUT	= $(if $(filter build,$(B)),,$(B)/)

# Helpers lie below those that run them.
PROGS	:= $(patsubst %/main.c,%,$(wildcard $(addsuffix /main.c,smtpd sendmail \
	  queuerun deliver mailq popd imapd tlsrelay lib/checkpass \
	  lib/pamcheck queuerun/mtasts)))
STATICPROGS = smtpd deliver popd imapd
BINS	= $(foreach p,$(PROGS),$(OUT)$(p)/$(notdir $(p)))
SRCS	= $(wildcard lib/*.c $(foreach p,$(PROGS),$(p)/*.c))
HDRS	= $(wildcard lib/*.h $(foreach p,$(PROGS),$(p)/*.h))
UNIT	= $(patsubst tests/%.c,$(B)/%,$(wildcard tests/unit/*.c))
FUZZ	= $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
TESTC	= $(wildcard tests/*.c tests/unit/*.c tests/fuzz/*.c tests/bench/*.c \
	  tests/cut/*.c)
PAGES	= $(wildcard man/*.[1-8])
SCRIPTS	= .ci/run $(addprefix etc/,install enable disable selfsigned tickets) \
	  $(addprefix tests/,accounts demo nobody peers run weights cut/run \
	  $(addprefix bench/,imap pop relay run tls))

# Debian's names for what the commands below need.  The first list may be
# installed; the second holds other mail systems and super-servers, which are
# unpacked under build/peers and never installed.
BUILDPKG = gcc libc6-dev make musl-tools zlib1g-dev libunistring-dev \
	  libssl-dev libcurl4-openssl-dev libpam0g-dev
DEMOPKG	= python3 util-linux
CHECKPKG = bats git python3 libidn2-0 swaks curl msmtp strace socat \
	  procmail liblockfile-bin mutt neomutt alpine tmux s-nail git-email \
	  libmailtools-perl fetchmail getmail6 mpop isync offlineimap3 \
	  chromium chromium-driver pflogsumm mandoc iproute2 xfsprogs e2fsprogs \
	  openssl gnutls-bin gsasl
PEERPKG	= openbsd-inetd dnsmasq-base bsd-mailx
MOREPEER = inetutils-inetd xinetd ucspi-tcp systemd mailutils postfix \
	  php8.2-cli fail2ban dovecot-core dovecot-pop3d dovecot-imapd popa3d \
	  roundcube-core roundcube-sqlite3 libjs-jquery unbound knot
LINTPKG	= clang libclang-rt-dev clang-format cppcheck shellcheck mandoc

all: $(BINS)
	@tests/weights

# What one program alone is linked with.
# OpenSSL is linked statically, for a faster start; make OPENSSL='-lssl -lcrypto'
# takes the shared one.
OPENSSL	= -Wl,-Bstatic -lssl -lcrypto -Wl,-Bdynamic
STATICLIBS_imapd = -lunistring -lz
LIBS_tlsrelay = $(OPENSSL)
LIBS_checkpass = -lcrypt
LIBS_pamcheck = -lpam
LIBS_mtasts = -lcurl

define program
$(OUT)$(1)/$(notdir $(1)): $(patsubst %.c,$(B)/%.o,$(wildcard $(1)/*.c)) $(B)/libfacteur.a
	@mkdir -p $$(@D)
	@echo ld $$@
	$$Q$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS) $$(LIBS_$(notdir $(1)))
endef
$(foreach p,$(filter-out $(STATICPROGS),$(PROGS)),$(eval $(call program,$(p))))

# What starts for each connection or mailbox: static it starts in half the time, with
# musl in a quarter.  What it lacks then it asks of queuerun, lib/ask.c.
# (musl-gcc compiles for musl, but does not link static PIE by itself.)
MUSL	:= $(wildcard /usr/lib/$(shell uname -m)-linux-musl)
STATIC	= -static-pie -Wl,-z,relro,-z,now
MUSLCC	= musl-gcc $(addprefix -idirafter /usr/include/,. $(shell uname -m)-linux-gnu)
CRT1	= $(if $(MUSL),-nostdlib $(MUSL)/rcrt1.o $(MUSL)/crti.o)
CRTN	= $(if $(MUSL),$(MUSL)/libc.a -lgcc $(MUSL)/crtn.o)
FASTMEM = $(if $(findstring x86_64,$(MUSL)),,lib/fastmem.c)
SHAREDSRC = $(addprefix lib/,dns.c idn.c userask.c) $(FASTMEM)
STATICSRC = $(addprefix lib/,userfar.c fastmem.c)
LIBSRC	= $(wildcard lib/*.c)

$(B)/static/%.o: %.c
	@mkdir -p $(@D)
	@echo cc $<
	$Q$(if $(MUSL),$(MUSLCC),$(CC)) $(CPPFLAGS) $(CFLAGS) $(HARDEN) \
	    $(WARN) -MMD -MP -c -o $@ $<

# Their loops shall not become calls of themselves, whatever CFLAGS somebody gives, and
# libc calls them before there is a guard on the stack.
$(B)/static/lib/fastmem.o: override HARDEN += -ffreestanding -fno-lto \
	-fno-tree-loop-distribute-patterns -fno-stack-protector

$(B)/libstatic.a: $(patsubst %.c,$(B)/static/%.o,$(filter-out $(SHAREDSRC),$(LIBSRC)))
	@rm -f $@
	$Qar rcs $@ $^

define static
$(OUT)$(1)/$(1): $(patsubst %.c,$(B)/static/%.o,$(wildcard $(1)/*.c)) $(B)/libstatic.a
	@mkdir -p $$(@D)
	@echo ld $$@
	$$Q$$(CC) $$(CFLAGS) $$(STATIC) -o $$@ $$(CRT1) $$^ \
	    $$(STATICLIBS_$(1)) $$(CRTN)
endef
$(foreach p,$(STATICPROGS),$(eval $(call static,$(p))))

$(B)/libfacteur.a: $(patsubst %.c,$(B)/%.o,$(filter-out $(STATICSRC),$(LIBSRC)))
	@rm -f $@
	$Qar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo cc $<
	$Q$(CC) $(CPPFLAGS) $(CFLAGS) $(HARDEN) $(WARN) -MMD -MP -c -o $@ $<

# make install PREFIX=... after make compiles anew what knows the place.
$(B)/lib/conf.o $(B)/static/lib/conf.o: $(B)/place
$(B)/place: FORCE
	@mkdir -p $(@D)
	@echo '$(SBIN)' | cmp -s - $@ || echo '$(SBIN)' > $@
FORCE:

-include $(SRCS:%.c=$(B)/%.d) $(SRCS:%.c=$(B)/static/%.d)

# --- tests ---

# A test or fuzz target names the sources of programs that it needs in a line
# "With: smtpd/data.c queuerun/reply.c".
with = $(patsubst %.c,$(B)/%.o,$(shell sed -n 's/.*With: //p' $(1)))

.SECONDEXPANSION:
$(B)/unit/%: tests/unit/%.c $(B)/libfacteur.a $$(call with,tests/unit/$$*.c)
	@mkdir -p $(@D)
	@echo ld $@
	$Q$(CC) $(CPPFLAGS) -I. $(CFLAGS) $(HARDEN) $(WARN) $(LDFLAGS) -o $@ \
	    $(filter %.c %.o,$^) $(B)/libfacteur.a $(LIBS) -lunistring

# A fuzz target that runs over the files of its corpus.
$(B)/replay/%: tests/fuzz/%.c tests/replay.c $(B)/libfacteur.a \
    $$(call with,tests/fuzz/$$*.c)
	@mkdir -p $(@D)
	@echo ld $@
	$Q$(CC) $(CPPFLAGS) -I. $(CFLAGS) $(HARDEN) $(LDFLAGS) -o $@ \
	    $(filter %.c %.o,$^) $(B)/libfacteur.a $(LIBS) -lunistring

# The same with libFuzzer; run it as: build/fuzz/run/NAME tests/corpus/NAME
$(B)/run/%: tests/fuzz/%.c $(B)/libfacteur.a $$(call with,tests/fuzz/$$*.c)
	@mkdir -p $(@D)
	@echo ld $@
	$Q$(CC) $(CPPFLAGS) -I. $(CFLAGS) -fsanitize=fuzzer -o $@ \
	    $(filter %.c %.o,$^) $(B)/libfacteur.a $(LIBS) -lunistring

tests: $(BINS) $(UNIT) $(FUZZ:%=$(B)/replay/%)
fuzzers: $(FUZZ:%=$(B)/run/%)

deps:
	@tests/peers install $(BUILDPKG) $(DEMOPKG)
	@tests/peers unpack $(PEERPKG)
testdeps: deps
	@tests/peers install $(CHECKPKG) || echo going on without
	@tests/peers unpack $(MOREPEER)
lintdeps:
	@tests/peers install $(LINTPKG)

demo: deps
	@$(MAKE) --no-print-directory all
	@tests/demo

check: testdeps
	@$(MAKE) --no-print-directory all tests
	@tests/run $(B) $(SUITES)

asan: testdeps asantests
	@tests/run build/asan $(SUITES)
asantests:
	@$(MAKE) --no-print-directory B=build/asan HARDEN=-fPIE \
	    MUSL= STATIC='-pie tests/asan.c' LIBS='tests/asan.c -lresolv -lcrypt' \
	    CFLAGS='-O1 -g $(SANITIZE)' all tests

# The same objects, but they obey whoever has taken them over; tests/walls.bats.
BACKDOOR = tests/backdoor.c -Wl,--wrap=read,--wrap=syscall
TAKEN	= smtpd popd imapd tlsrelay queuerun sendmail lib/checkpass
backdoor:
	@$(MAKE) --no-print-directory OUT=build/backdoor/ \
	    STATIC='$(STATIC) $(BACKDOOR)' LIBS='$(LIBS) $(BACKDOOR)' \
	    $(foreach p,$(TAKEN),build/backdoor/$(p)/$(notdir $(p)))

# Each target for so long; with FUZZ_FOR=-runs=0 over its corpus alone.
SECONDS	= 60
FUZZ_FOR = -max_total_time=$(SECONDS)
fuzz:
	@$(MAKE) --no-print-directory B=build/fuzz CC=clang HARDEN=-fPIE \
	    CFLAGS='-O1 -g $(SANITIZE) -fsanitize=fuzzer-no-link' fuzzers
	@for f in $(FUZZ); do mkdir -p build/fuzz/new/$$f; \
	    build/fuzz/run/$$f $(FUZZ_FOR) -timeout=5 \
	    -rss_limit_mb=512 -verbosity=0 -artifact_prefix=build/fuzz/ \
	    build/fuzz/new/$$f tests/corpus/$$f || exit 1; done

lint: lintdeps
	clang-format --dry-run -Werror $(SRCS) $(HDRS) $(TESTC)
	cppcheck -q --std=c11 --error-exitcode=1 --inline-suppr \
	    --enable=warning,portability --suppress=missingInclude \
	    -Ilib $(SRCS)
	shellcheck -S warning -e SC2119,SC2120 $(SCRIPTS) tests/*.bash tests/*.bats
	mandoc -T lint -W warning $(PAGES)

bench: testdeps
	@$(MAKE) --no-print-directory all
	@tests/bench/run

# --- in service ---

install: $(BINS)
	@DESTDIR='$(DESTDIR)' SBIN='$(SBIN)' BIN='$(BIN)' SHARE='$(SHARE)' \
	    MANDIR='$(MANDIR)' PREFIX='$(PREFIX)' etc/install $(PAGES)

enable disable:
	@SBIN='$(SBIN)' SHARE='$(SHARE)' etc/$@

clean:
	rm -rf build $(BINS)

.PHONY: FORCE all tests fuzzers deps testdeps lintdeps demo check asan asantests backdoor fuzz lint \
	bench install enable disable clean
