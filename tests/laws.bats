# laws - what HACKING says about the code and a search can hold.

load lib

sources()
{
	cd "$REPO" || return 1
	shopt -s nullglob
	prg=({smtpd,tlsrelay,sendmail,queuerun,queuerun/mtasts,deliver,mailq,popd,imapd,lib/checkpass,lib/pamcheck}/*.[ch])
	src=(lib/*.[ch] "${prg[@]}")
}

setup() { sources; }

setup_file()
{
	sources
	code_of "${src[@]}" > "$BATS_FILE_TMPDIR/code"
}

# What files include in quotes, lines of FILE HEADER.
includes()
{
	awk -F'"' '/^#include "/ { print FILENAME, $2 }' "$@"
}

# The sources without comments and strings' insides: FILE:LINE:TEXT.
code() { cat "$BATS_FILE_TMPDIR/code"; }

code_of()
{
	awk '
	{
		line = $0
		gsub(/\\./, "_", line)
		gsub(/"[^"]*"/, "\"\"", line)
		if (inside) {
			if (!sub(/^.*\*\//, "", line)) next
			inside = 0
		}
		gsub(/\/\*[^*]*(\*[^\/][^*]*)*\*\//, "", line)
		if (sub(/\/\*.*/, "", line)) inside = 1
		print FILENAME ":" FNR ":" line
	}' "$@"
}

# Fail with what stands where it should not: lines of code that match $1 in
# files other than $2...
only_in()
{
	local what=$1 found
	shift
	found=$(code | grep -E "^[^:]*:[0-9]*:.*$what" |
	    grep -vE "^($(IFS='|'; echo "${*:-none}")):" || true)
	echo "$found"
	[ -z "$found" ]
}

# A call of one of these functions (a member of that name is another).
calls()
{
	echo "(^|[^A-Za-z0-9_>])($1)[[:space:]]*\("
}

@test "no function that forgets where its buffer ends" {
	only_in "$(calls 'strcpy|strcat|v?sprintf|gets|strtok|atoi|atol|alloca|v?scanf|strncpy')"
}

@test "no jump and no shell" {
	only_in "$(calls 'setjmp|longjmp|sigsetjmp|siglongjmp|system|popen')"
}

@test "memory comes from mem.c" {
	only_in "$(calls 'malloc|realloc|calloc|reallocarray')" 'lib/mem\.c'
}

@test "read and write belong to io, the spool and the mailbox drivers" {
	only_in "$(calls 'p?read|p?write|readv|writev|recv|send')" \
	    'lib/io\.c' 'lib/log\.c' 'lib/spool[a-z]*\.c' 'lib/mbox[a-z]*\.c' \
	    'lib/maildir\.c' 'lib/syslog\.c'
}

@test "exit is called by main and by log" {
	only_in "$(calls 'exit')" '[a-z/]*/main\.c' 'lib/log\.c'
}

@test "processes are made in few places" {
	only_in "$(calls 'fork|vfork')" 'queuerun/[a-z]*\.c' \
	    'deliver/[a-z]*\.c' 'sendmail/[a-z]*\.c' \
	    'lib/gate\.c' 'lib/ask\.c'
	[ "$(code | grep -E "$(calls fork)" | cut -d: -f1 | sort -u | wc -l)" -le 7 ]
}

@test "one file for each foreign library" {
	only_in '# *include *<(resolv|arpa/nameser|netdb)\.h>' 'lib/dns\.c'
	only_in '# *include *<dlfcn\.h>' 'lib/idn\.c' 'imapd/fold\.c' \
	    'imapd/compress\.c'
	only_in '# *include *<zlib\.h>' 'imapd/compress\.c'
	only_in '# *include *<iconv\.h>' 'imapd/fold\.c'
	only_in '# *include *<idn2\.h>'
	only_in '# *include *<crypt\.h>' 'lib/checkpass/hash\.c'
	only_in '# *include *<shadow\.h>' 'lib/checkpass/checkpass\.h'
	only_in '# *include *<security/' 'lib/pamcheck/main\.c'
	only_in '# *include *<curl/' 'queuerun/mtasts/main\.c'
	only_in '# *include *<openssl/' 'tlsrelay/[a-z]*\.[ch]'
}

# The floor of a module of lib/, in $floor; a file belongs to the module whose header
# it opens with.
floor()
{
	case $1 in
	mem | str | log | syslog | sum | fastmem | newlines) floor=0 ;;
	addr | hdr | code | date | idn | utf7 | sha256 | scram) floor=1 ;;
	io | conf | alias | lock | dns | peer | ask | group | limit | sandbox* | tls) floor=2 ;;
	spool* | user* | route* | auth* | become | front | gate* | sasl | index | record | store* | \
	    mbox* | maildir* | wall) floor=3 ;;
	serv) floor=4 ;;
	*) echo "lib/$1 has no floor" >&2; return 1 ;;
	esac
}

@test "lib: a lower floor never includes a higher one" {
	local f h mine bad=0
	while read -r f h; do
		mine=${f#lib/}
		floor "${mine%.[ch]}"
		mine=$floor
		floor "${h%.h}"
		if [ "$floor" -gt "$mine" ]; then
			echo "$f includes $h"
			bad=1
		fi
	done < <(includes lib/*.[ch])
	[ "$bad" -eq 0 ]
}

@test "lib: no circles" {
	includes lib/*.h | sed 's,^lib/,,' | tsort > /dev/null
}

@test "programs include their own headers and lib's, never each other's" {
	local f h bad=0
	while read -r f h; do
		if [ ! -e "${f%/*}/$h" ] && [ ! -e "lib/$h" ]; then
			echo "$f includes $h"
			bad=1
		fi
	done < <(includes "${prg[@]}")
	[ "$bad" -eq 0 ]
}

@test "every file opens with its card, and is not too long" {
	run awk 'FNR == 1 && !/^\/\* / { print FILENAME ": no card" }
	    FNR == 761 { print FILENAME ": too long" }' "${src[@]}"
	echo "$output"
	[ -z "$output" ]
	[ "$status" -eq 0 ]
}

@test "no function is longer than 100 lines" {
	run tests/weights functions
	echo "$output" | head -n 3
	[ "$(echo "$output" | awk 'NR == 1 { print $2 }')" -le 100 ]
}

@test "nothing is left for later" {
	run grep -nE '\<(TODO|FIXME|XXX)\>' "${src[@]}"
	echo "$output"
	[ "$status" -eq 1 ]
}

@test "what others could call somebody calls" {
	local o f objects=()
	for o in build/{lib,smtpd,tlsrelay,sendmail,queuerun,queuerun/mtasts,deliver,mailq,popd,imapd,lib/checkpass,lib/pamcheck}/*.o \
	    build/static/{lib,smtpd,deliver,popd,imapd}/*.o; do
		# Not what a source that went has left behind.
		f=${o#build/} f=${f#static/}
		[ ! -e "${f%.o}.c" ] || objects+=("$o")
	done
	# Some are there to be tested.
	grep -ohw '[a-z_][a-z_0-9]*' tests/unit/*.c tests/fuzz/*.c | sort -u \
	    > "$BATS_TEST_TMPDIR/tested"
	nm "${objects[@]}" | awk '
	NR == FNR { used[$1] = 1 }
	NR == FNR || NF < 2 { next }
	$(NF - 1) == "U" { used[$NF] = 1 }
	$(NF - 1) == "T" && $NF != "main" { there[$NF] = 1; n++ }
	END {
		for (f in there) if (!used[f]) print f ": nobody else calls it"
		if (n < 100) print "nothing was looked at"
	}' "$BATS_TEST_TMPDIR/tested" - > "$BATS_TEST_TMPDIR/idle"
	cat "$BATS_TEST_TMPDIR/idle"
	[ ! -s "$BATS_TEST_TMPDIR/idle" ]
}

@test "no state outside main, but the log's name" {
	objdump -t build/{lib,smtpd,tlsrelay,sendmail,queuerun,queuerun/mtasts,deliver,mailq,popd,imapd,lib/checkpass,lib/pamcheck}/*.o |
	    awk '/file format/ { o = $1 }
	    / O \.(data|bss)[ \t.]/ && !/\.data\.rel\.ro/ &&
	        o !~ /\/main\.o:|build\/lib\/log\.o:/ { print o, $NF }' \
	    > "$BATS_TEST_TMPDIR/state"
	cat "$BATS_TEST_TMPDIR/state"
	[ ! -s "$BATS_TEST_TMPDIR/state" ]
}

@test "every configuration key is in facteur.conf(5), and no other" {
	diff <(tests/weights keys | sort) \
	    <(sed -n 's/^\.It Ic \([a-z_]*\).*/\1/p' man/facteur.conf.5 | sort)
}

@test "there are less than 40 configuration keys" {
	[ "$(tests/weights keys | wc -l)" -lt 40 ]
}

@test "the sample configuration names every key with its default" {
	local k
	for k in $(tests/weights keys); do
		grep -q "^#* *$k\>" etc/facteur.conf || {
			echo "$k is missing"
			return 1
		}
	done
}

# The options of a program: its getopt(3) string's letters.
options()
{
	local shared=
	! grep -q '^#include "front.h"' "$1"/*.c || shared=lib/front.c
	cat "$1"/*.c $shared | tr -d '\n\t' |
	    grep -oE 'getopt\([a-z]*,[^"]*"[^"]*"' |
	    sed 's/.*"\(.*\)"/\1/' | tr -d '+:\n' | fold -w 1 | sort -u
}

@test "every option is in its program's page" {
	local p o bad=0
	for p in smtpd tlsrelay sendmail queuerun queuerun/mtasts deliver mailq popd imapd lib/checkpass lib/pamcheck; do
		for o in $(options "$p"); do
			if ! grep -qE "^\.It Fl (.* )?$o\>|^\.It (.*Fl )+$o( |$)|^\.It Fl $o" \
			    "man/${p##*/}".[1-8]; then
				echo "$p -$o"
				bad=1
			fi
		done
	done
	[ "$bad" -eq 0 ]
}

@test "every program and format has a page that mandoc likes" {
	local p
	need mandoc
	for p in checkpass.8 pamcheck.8 tlsrelay.8 smtpd.8 sendmail.8 queuerun.8 deliver.8 mailq.8 popd.8 imapd.8 mtasts.8 tls_policy.5 newaliases.1 \
	    facteur.7 facteur.conf.5 senders.5 spool.5 mbox.5 maildir.5; do
		[ -e "man/$p" ] || { echo "no $p"; return 1; }
	done
	mandoc -T lint -W warning man/*.[1-8]
}

@test "who gives flags of his own does not take those that it needs" {
	run make -n B="$BATS_TEST_TMPDIR" CFLAGS=-O3 CPPFLAGS=-DX HARDEN= \
	    "$BATS_TEST_TMPDIR/static/lib/fastmem.o"
	[ "$status" -eq 0 ]
	[[ "$output" == *"-DX -std=c17"*" -Ilib "*" -O3 "*"-ffreestanding"* ]]
}

@test "SECURITY names every file that changes who it is, and its budget" {
	local f n
	for f in $(code | grep -E "$(calls 'set(res|re|e)?[ug]id|setgroups|initgroups')" |
	    cut -d: -f1 | sort -u); do
		grep -qF "$f" SECURITY || { echo "$f"; return 1; }
	done
	# The second column of the table is the most lines that a file may have.
	while IFS=$'\t' read -r f n _; do
		[ "$(wc -l < "$f")" -le "$n" ] || {
			echo "$f is longer than $n lines"
			return 1
		}
	done < <(grep -E $'^\t[a-z/]*/[a-z]*\\.c\t[0-9]+' SECURITY)
}

@test "what runs as root is less than 600 lines" {
	local f n=0
	for f in $(tests/weights root); do
		n=$((n + $(wc -l < "$f")))
	done
	echo "$n"
	[ "$n" -gt 0 ]
	[ "$n" -lt 600 ]
}
