# tlsrelay - TLS between real peers and a plain session: handshakes, certificates,
# tickets, ends of streams, what must be refused.

load lib

setup()
{
	test_begin
	instance a a.test
	A=$NET.1 PORT=4433
	self a.test "$D/tls/default"
}

teardown() { test_end; }

# self HOST DIR: a certificate of its own.
self() { "$REPO/etc/selfsigned" "$1" "$2" > /dev/null; }

# serve SESSION: relays at $A:$PORT, see relay.py; what they say goes to serve.out.
serve()
{
	start serve python3 "$REPO/tests/relay.py" serve "$(prog tlsrelay)" "$C" \
	    "$A" $PORT "$1"
	wait_for listens "$A" $PORT
	wait_for said '| exit 76'
}

# Did a relay say that?
said() { grep -qF -- "$1" "$T/serve.out"; }

# openssl OPTION...: s_client says hello and what comes back in a second, with
# its report; ends when the server does.
client() { timeout 60 openssl s_client -connect "$A:$PORT" "$@" 2>&1; }

# keyboard OPTION...: s_client for enter.  enter LINE RE: it sends the line; what it
# shows holds the expression then.
keyboard()
{
	mkfifo "$T/keys"
	timeout 60 openssl s_client -connect "$A:$PORT" "$@" < "$T/keys" \
	    > "$T/shown" 2>&1 3>&- &
	exec 7> "$T/keys"
	wait_for said '| TLS'
}
enter() { echo "$1" >&7; wait_for shows "$2"; }
shows() { tr '\n' ' ' < "$T/shown" | grep -qE -- "${1/^/ }"; }

# connect WORD...: our client; standard input goes there.
connect()
{
	timeout 60 python3 "$REPO/tests/relay.py" connect "$(prog tlsrelay)" \
	    "$C" "$A" $PORT "$@"
}

# ca: an authority in $T/ca, with a hashed directory $T/ca/dir.
ca()
{
	mkdir -p "$T/ca/dir"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=authority -days 10 -keyout "$T/ca/key" \
	    -out "$T/ca/dir/ca.pem" 2> /dev/null
	openssl rehash "$T/ca/dir"
	chmod -R a+rX "$T/ca"
}

# signed NAMES DAYS DIR: a certificate of the authority's.
signed()
{
	mkdir -p "$3"
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=x -keyout "$3/privkey.pem" -out "$T/csr" 2> /dev/null
	openssl x509 -req -in "$T/csr" -CA "$T/ca/dir/ca.pem" \
	    -CAkey "$T/ca/key" -days "$2" -out "$3/fullchain.pem" \
	    -extfile <(echo "subjectAltName=$1") 2> /dev/null
	cat "$T/ca/dir/ca.pem" >> "$3/fullchain.pem"
}

# tlsa FILE: the SHA-256 of the public key of its first certificate.
tlsa()
{
	openssl x509 -in "$1" -noout -pubkey |
	    openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1
}

tickets() { SBIN=$(dirname "$(prog tlsrelay)") "$REPO/etc/tickets" "$D/state"; }

@test "openssl: 1.3 and 1.2, and the line about it" {
	local v
	serve say:welcome
	for v in 1_3 1_2; do
		run client -tls$v -servername a.test < /dev/null
		[[ $output == *"Protocol  : TLSv${v/_/.}"* || $output == *"New, TLSv${v/_/.}"* ]]
	done
	said '| TLSv1.3 TLS_AES_256_GCM_SHA384 256 a.test '
	said '| TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 256 a.test '
	! grep -qE '^\| TLS' "$T/serve.out" ||
	    [ "$(grep -cE '^\| TLSv1.[23] [A-Z0-9_-]+ [0-9]+ a.test [A-Za-z0-9+/]{43}= -$' "$T/serve.out")" -eq 2 ]
}

@test "gnutls, python, curl and socat" {
	serve say:$'220 welcome\r\n'
	run timeout 60 gnutls-cli --insecure -p $PORT "$A" < /dev/null
	[[ $output == *'220 welcome'* ]]
	run timeout 60 python3 - "$A" $PORT <<-'END'
		import socket, ssl, sys
		c = ssl.create_default_context()
		c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
		for v in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
		    c.minimum_version = c.maximum_version = v
		    s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
		    s = c.wrap_socket(s, server_hostname="py.test", suppress_ragged_eofs=False)
		    print(s.version(), s.recv(100), s.recv(100))
	END
	[ "${lines[0]}" = "TLSv1.2 b'220 welcome\\r\\n' b''" ]
	[ "${lines[1]}" = "TLSv1.3 b'220 welcome\\r\\n' b''" ]
	run timeout 60 curl -sk --max-time 60 "https://$A:$PORT/" --http0.9
	[[ $output == *'220 welcome'* ]]
	run timeout 60 socat -u "OPENSSL:$A:$PORT,verify=0" -
	[[ $output == *'220 welcome'* ]]
}

@test "certificates by name: exact, with *, in one file, unknown, hostile" {
	local n want
	ca
	signed DNS:b.test,DNS:c.test 5 "$D/tls/b"
	signed 'DNS:*.w.test' 5 "$T/w"
	cat "$T/w/privkey.pem" "$T/w/fullchain.pem" > "$D/tls/wild.pem"
	echo 'not a certificate' > "$D/tls/README"
	mkdir "$D/tls/empty"
	serve say:x
	while read -r n want; do
		run client -servername "$n" < /dev/null
		openssl x509 -noout -ext subjectAltName <<< "$output" > "$T/san"
		grep -qF "DNS:$want" "$T/san" || { echo "$n:"; cat "$T/san"; false; }
	done <<-'END'
		a.test a.test
		b.test b.test
		C.TEST c.test
		x.w.test *.w.test
		x.y.w.test a.test
		other.test a.test
	END
	run client -noservername < /dev/null
	openssl x509 -noout -ext subjectAltName <<< "$output" | grep -qF DNS:a.test
	[ "$(grep -c 'names are looked at' "$D/log")" -eq 0 ]
	(cd "$D/tls" && seq -f 'x%.0f' 100 | xargs mkdir)
	run client -noservername < /dev/null
	grep 'tls: only 100 names are looked at' "$D/log"
	(cd "$D/tls" && rmdir x*)
	said ' 256 C.TEST '
	said ' 256 - '
	# The longest name that there can be.
	n=$(printf 'n%062d.%063d.%063d.%061d' 0 0 0 0)
	run client -servername "$n" < /dev/null
	grep -qE "^\| TLSv1\.3 [A-Z0-9_]+ 256 $n [A-Za-z0-9+/=]{44} -$" \
	    "$T/serve.out"
	# Sent to the client: leaf and authority.
	run client -servername b.test -showcerts < /dev/null
	[ "$(grep -c 'BEGIN CERT' <<< "$output")" -ge 2 ]
	# Nothing that a client sends makes more words of the line.
	run client -servername 'a b' < /dev/null
	run client -servername $'a\nready' < /dev/null
	[ "$(grep -cvE '^\| (ready|exit [0-9]+|! .*|TLSv1\.3 [A-Z0-9_]+ 256 [A-Za-z0-9.-]+ [A-Za-z0-9+/=]{44} -)$' "$T/serve.out")" -eq 0 ]
}

@test "a renewed certificate works at once; a bad one is told" {
	serve say:x
	run client < /dev/null
	openssl x509 -noout -fingerprint <<< "$output" > "$T/1"
	rm -r "$D/tls/default"
	self a.test "$D/tls/default"
	run client < /dev/null
	openssl x509 -noout -fingerprint <<< "$output" > "$T/2"
	run cmp -s "$T/1" "$T/2"
	[ "$status" -eq 1 ]
	self b.test "$T/other"
	cp "$T/other/privkey.pem" "$D/tls/default"
	run client < /dev/null
	wait_for said '| ! tls/default: no certificate with its key: private key mismatch'
	: > "$D/tls/default/fullchain.pem"
	run client < /dev/null
	wait_for said '| ! tls/default: no certificate with its key'
	rm -r "$D/tls/default"
	run client < /dev/null
	wait_for said '| ! no certificate in tls'
	# A key with a password asks nobody.
	self a.test "$D/tls/default"
	openssl pkcs8 -topk8 -passout pass:x -in "$D/tls/default/privkey.pem" \
	    -out "$T/key"
	cp "$T/key" "$D/tls/default/privkey.pem"
	: > "$T/serve.out"
	run client < /dev/null
	wait_for said '| ! tls/default: no certificate with its key'
}

@test "keys of other kinds, and as other programs write them" {
	local k how v
	serve say:x
	while read -r how k; do
		# shellcheck disable=SC2086
		openssl req -x509 -newkey $k -nodes -subj /CN=a.test \
		    -keyout "$T/key" -out "$D/tls/default/fullchain.pem" 2> /dev/null
		# shellcheck disable=SC2086
		openssl pkey ${how#pkcs8} -in "$T/key" -out "$D/tls/default/privkey.pem"
		for v in 2 3; do
			run client -tls1_$v < /dev/null
			[[ $output == *"New, TLSv1.$v"* ]] || { echo "$k"; false; }
		done
	done <<-'END'
		pkcs8 rsa:2048
		-traditional rsa:2048
		pkcs8 rsa-pss
		pkcs8 ec -pkeyopt ec_paramgen_curve:P-384
		-traditional ec -pkeyopt ec_paramgen_curve:P-256
		pkcs8 ed25519
	END
}

@test "groups and ciphers that a client may ask for" {
	local o
	serve say:x
	for o in '-groups X25519' '-groups P-256' '-groups P-384' \
	    '-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256' \
	    '-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256' \
	    '-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256' \
	    '-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305'; do
		# shellcheck disable=SC2086
		run client $o < /dev/null
		[[ $output == *'New, TLSv1'* ]] || { echo "$o"; false; }
	done
}

@test "a certificate that cannot be read now: nobody gets that of another name" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	local call n hits=0
	self b.test "$D/tls/other"
	serve say:x
	run client -servername b.test < /dev/null
	[[ $output == *'CN = b.test'* ]]
	stop serve
	cat > "$T/relay" <<-END
		#!/bin/sh
		. "$T/inject"
		exec strace -f -o "$T/calls" -P "$D/tls/other/fullchain.pem" \\
		    -P other/fullchain.pem -P other/privkey.pem \\
		    -P "$D/tls/other/privkey.pem" \\
		    -e inject=\$call:when=\$n "$(prog tlsrelay)" "\$@"
	END
	chmod +x "$T/relay"
	printf 'call=getpid:error=EIO\nn=1\n' > "$T/inject"
	start serve python3 "$REPO/tests/relay.py" serve "$T/relay" "$C" "$A" $PORT say:x
	wait_for listens "$A" $PORT
	for call in {openat,lseek,read}:error=EIO openat:error=ESTALE; do
		for ((n = 1; n < 8; n++)); do
			printf 'call=%s\nn=%d\n' "$call" "$n" > "$T/inject"
			run client -servername b.test < /dev/null
			grep INJECTED "$T/calls" || break
			hits=$((hits + 1))
			echo "$output"
			[[ $output != *'CN = a.test'* ]]
		done
	done
	[ "$hits" -gt 3 ]
}

@test "a session is resumed in another process, and with an older key" {
	local v
	serve say:x
	# No keys: no tickets.
	for v in 1_2 1_3; do
		run client -tls$v -sess_out "$T/s$v" < /dev/null
		run client -tls$v -sess_in "$T/s$v" < /dev/null
		[[ $output != *Reused* ]]
	done
	tickets
	[ "$(stat -c %a "$D/state/.tickets")" = 600 ]
	for v in 1_2 1_3; do
		run client -tls$v -sess_out "$T/s$v" -ign_eof < /dev/null
		[[ $output == *New* ]]
	done
	tickets
	[ "$(wc -l < "$D/state/.tickets")" -eq 2 ]
	for v in 1_2 1_3; do
		run client -tls$v -sess_in "$T/s$v" -sess_out "$T/t$v" -ign_eof < /dev/null
		[[ $output == *Reused* ]]
	done
	# The old key is gone: only tickets that were given out anew still do.
	sed -i 2d "$D/state/.tickets"
	for v in 1_2 1_3; do
		run client -tls$v -sess_in "$T/s$v" < /dev/null
		[[ $output == *New* ]]
	done
	run client -tls1_3 -sess_in "$T/t1_3" < /dev/null
	[[ $output == *Reused* ]]
	# Keys that others can read are none.
	chmod 644 "$D/state/.tickets"
	run client -tls1_3 -sess_in "$T/t1_3" < /dev/null
	[[ $output == *New* ]]
	grep -q 'not private' "$D/log"
}

@test "keys of tickets: kept as long as they are needed, eight at most" {
	local now _
	now=$(date +%s)
	line() { echo "$(($now - $1)) $(head -c 80 /dev/urandom | base64 -w0)"; }
	{ line 3600; line 20000; line 40000; line 60000; } > "$T/old"
	"$(prog tlsrelay)" -r < "$T/old" > "$T/new"
	# The third's successor has been there for more than four hours.
	[ "$(wc -l < "$T/new")" -eq 3 ]
	diff <(sed -n '2,3p' "$T/new") <(sed -n '1,2p' "$T/old")
	{ echo nonsense; line 800000; echo "1 AAAA"; line 5; } > "$T/old"
	"$(prog tlsrelay)" -r < "$T/old" > "$T/new"
	[ "$(wc -l < "$T/new")" -eq 2 ]
	for _ in {1..12}; do
		cp "$T/new" "$T/old"
		"$(prog tlsrelay)" -r < "$T/old" > "$T/new"
	done
	[ "$(wc -l < "$T/new")" -eq 8 ]
}

@test "nothing below 1.2, no weak cipher, no compression, no renegotiation" {
	local o
	serve hold
	for o in '-tls1' '-tls1_1' '-tls1_2 -cipher NULL' '-tls1_2 -cipher aNULL' \
	    '-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA' '-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA384' \
	    '-tls1_2 -cipher AES128-GCM-SHA256' '-tls1_2 -cipher ECDHE-ECDSA-AES128-CCM'; do
		# shellcheck disable=SC2086
		run client ${o/-cipher /-cipher @SECLEVEL=0:} < /dev/null
		[[ $output != *'New, TLSv1'* ]] || { echo "$o"; false; }
	done
	[ "$(grep -c '^| TLS' "$T/serve.out")" -eq 0 ]
	wait_for said '! handshake failed: unsupported protocol'
	wait_for said '! handshake failed: no shared cipher'
	keyboard -tls1_2
	enter R 'no renegotiation'
	exec 7>&-
	run client -tls1_2 < /dev/null
	[[ $output == *'Compression: NONE'* ]]
}

@test "no TLS: plain text, garbage, silence, an end" {
	serve hold
	printf 'EHLO x\r\n' | timeout 60 socat -t 5 - "TCP:$A:$PORT" > /dev/null
	wait_for said '| ! this is no TLS'
	printf 'GET / HTTP/1.0\r\n\r\n' | timeout 60 socat -t 5 - "TCP:$A:$PORT" > /dev/null
	wait_for eval '[ "$(grep -c "! this is no TLS" "$T/serve.out")" -eq 2 ]'
	head -c 100000 /dev/urandom | timeout 60 socat -t 5 - "TCP:$A:$PORT" > /dev/null || :
	wait_for eval '[ "$(grep -c "^| exit" "$T/serve.out")" -eq 4 ]'
	# A record that announces more than comes.
	printf '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' |
	    timeout 60 socat -t 5 - "TCP:$A:$PORT" > /dev/null
	wait_for eval '[ "$(grep -c "! the peer hung up" "$T/serve.out")" -eq 2 ]'
	[ "$(grep -c '^| exit 76' "$T/serve.out")" -eq "$(grep -c '^| exit' "$T/serve.out")" ]
}

@test "what is said last arrives: the peer ends first, the session ends first" {
	local v
	head -c 3000000 /dev/urandom > "$T/big"
	serve ask
	for v in 2 3; do
		run connect < "$T/big"
		[ "${lines[2]}" = '3000000 bytes' ]
		[ "${lines[3]}" = '| exit 0' ]
	done
	stop serve
	serve "send:$T/big"
	# The session is gone long before all of it is.
	timeout 60 openssl s_client -connect "$A:$PORT" -quiet -no_ign_eof 2> /dev/null \
	    < <(sleep 60 3>&-) | (sleep 1; cat) > "$T/got"
	cmp "$T/big" "$T/got"
	wait_for said '| exit 0'
	# ... and while the peer is still talking.
	connect < <(timeout 10 cat /dev/zero) > "$T/got" || :
	[ "$(tail -c +10 "$T/got" | wc -c)" -ge 3000000 ]
}

@test "a session that ended is over in its time, whenever that is looked at" {
	need cc
	# A clock that has moved on each time.
	cat > "$T/clock.c" <<-'END'
		#include <sys/syscall.h>
		#include <time.h>
		#include <unistd.h>

		int clock_gettime(clockid_t id, struct timespec *ts)
		{
			static int n;

			ts->tv_nsec = 0;
			if (id != CLOCK_MONOTONIC)
				return syscall(SYS_clock_gettime, id, ts);
			ts->tv_sec = 1000 + 3 * ++n / 2;
			ts->tv_nsec = 500000000 * (n % 2);
			return 0;
		}
	END
	cc -shared -fPIC -o "$T/clock.so" "$T/clock.c"
	cat > "$T/relay" <<-END
		#!/bin/sh
		ASAN_OPTIONS=\$ASAN_OPTIONS:verify_asan_link_order=0
		export ASAN_OPTIONS
		LD_PRELOAD=$T/clock.so exec $(prog tlsrelay) "\$@"
	END
	chmod +x "$T/relay"
	start serve python3 "$REPO/tests/relay.py" serve "$T/relay" "$C" "$A" $PORT say:bye
	wait_for listens "$A" $PORT
	cat > "$T/peer.py" <<-'END'
		import socket, ssl, sys, time
		c = ssl._create_unverified_context()
		s = c.wrap_socket(socket.create_connection((sys.argv[1], int(sys.argv[2])), 20))
		time.sleep(600)
	END
	start peer python3 "$T/peer.py" "$A" $PORT
	wait_for said '| exit 0'
}

@test "what is said after the session has stopped to listen arrives" {
	serve "last:$T/sent"
	python3 - "$A" $PORT "$T/sent" <<-'END'
		import socket, ssl, sys
		c = ssl._create_unverified_context()
		s = c.wrap_socket(socket.create_connection((sys.argv[1], int(sys.argv[2])), 20))
		assert s.recv(100) == b"enough"
		s.sendall(bytes(20000000))	# more than anybody keeps
		open(sys.argv[3], "w").close()
		got = s.recv(100)
		assert got == b"bye", got
	END
}

@test "20 MB each way" {
	head -c 20000000 /dev/urandom > "$T/big"
	serve echo
	connect < "$T/big" > "$T/got"
	sed -n 1,2p "$T/got" | grep -a '^|'
	[ "$(sed 1,2d "$T/got" | head -c 20000000 | sha256sum)" = "$(sha256sum < "$T/big")" ]
	run python3 - "$A" $PORT "$T/big" <<-'END'
		import socket, ssl, sys, threading
		c = ssl.create_default_context()
		c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
		c.maximum_version = ssl.TLSVersion.TLSv1_2
		s = c.wrap_socket(socket.create_connection((sys.argv[1], int(sys.argv[2]))))
		big = open(sys.argv[3], "rb").read()
		t = threading.Thread(target=s.sendall, args=(big,))
		t.start()
		got = bytearray()
		while len(got) < len(big) and (data := s.recv(100000)):
		    got += data
		t.join()
		print(got == big)
	END
	[ "$output" = True ]
}

@test "client: any certificate, unless one is asked for" {
	ca
	serve say:x
	run connect < /dev/null
	[[ ${lines[1]} == '| TLSv1.3 '*' - '*' -' ]]
	run connect -n a.test -v a.test < /dev/null
	[ "${lines[1]}" = '| ! certificate verify failed: self-signed certificate' ]
	rm -r "$D/tls/default"
	signed DNS:a.test,DNS:a2.test 5 "$D/tls/default"
	run connect -n a.test -v a.test -A "$T/ca/dir" < /dev/null
	[[ ${lines[1]} == *' pkix' ]]
	[ "${lines[2]}" = 'x| exit 0' ]
	run connect -v b.test -v a2.test -A "$T/ca/dir" < /dev/null
	[[ ${lines[1]} == *' pkix' ]]
	run connect -n a.test -v b.test -A "$T/ca/dir" < /dev/null
	[ "${lines[1]}" = '| ! certificate verify failed: hostname mismatch' ]
	# The environment has no say, and the directory of the system does not know it.
	SSL_CERT_DIR=$T/ca/dir run connect -v a.test < /dev/null
	[[ ${lines[1]} == '| ! certificate verify failed: '* ]]
	rm -r "$D/tls/default"
	signed DNS:a.test -1 "$D/tls/default"
	run connect -v a.test -A "$T/ca/dir" < /dev/null
	[ "${lines[1]}" = '| ! certificate verify failed: certificate has expired' ]
	run connect < /dev/null
	[ "${lines[2]}" = 'x| exit 0' ]
}

@test "client: DANE" {
	local own ca
	ca
	serve say:x
	own=$(tlsa "$D/tls/default/fullchain.pem")
	ca=$(tlsa "$T/ca/dir/ca.pem")
	run connect -n other.test -d "3 1 1 $own" < /dev/null
	[[ ${lines[1]} == *' dane' ]]
	run connect -n a.test -d "3 1 1 $ca" -d "3 1 1 $own" < /dev/null
	[[ ${lines[1]} == *' dane' ]]
	run connect -n a.test -d "3 1 1 $ca" < /dev/null
	[[ ${lines[1]} == '| ! certificate verify failed: '* ]]
	rm -r "$D/tls/default"
	signed DNS:a.test 5 "$D/tls/default"
	run connect -n a.test -d "2 1 1 $ca" < /dev/null
	[[ ${lines[1]} == *' dane' ]]
	run connect -n b.test -d "2 1 1 $ca" < /dev/null
	[[ ${lines[1]} == '| ! certificate verify failed: '* ]]
	run connect -n b.test -v a.test -d "2 1 1 $ca" < /dev/null
	[[ ${lines[1]} == *' dane' ]]
	# Expired, which does not matter to usage 3 (RFC 7672 3.1.1).
	rm -r "$D/tls/default"
	signed DNS:a.test -1 "$D/tls/default"
	run connect -n a.test -d "2 1 1 $ca" < /dev/null
	[ "${lines[1]}" = '| ! certificate verify failed: certificate has expired' ]
	own=$(tlsa "$D/tls/default/fullchain.pem")
	run connect -n a.test -d "3 1 1 $own" < /dev/null
	[[ ${lines[1]} == *' dane' ]]
	# None that could be used: TLS, and no more (RFC 7672 2.2).
	run connect -n a.test -d "1 1 1 $own" -d '3 1 9 aabb' -d '3 1 1 aabb' < /dev/null
	[[ ${lines[1]} == '| TLSv1.3 '*' -' ]]
}

@test "client: a server that speaks no TLS, an old one, one that hangs up" {
	start plain socat "TCP-LISTEN:$PORT,bind=$A,fork,reuseaddr" 'SYSTEM:echo 220 hello; sleep 1'
	wait_for listens "$A" $PORT
	run connect < /dev/null
	[ "${lines[1]}" = '| ! this is no TLS' ]
	stop plain
	start plain socat "TCP-LISTEN:$PORT,bind=$A,fork,reuseaddr" 'SYSTEM:read -n 1 x'
	wait_for listens "$A" $PORT
	run connect < /dev/null
	[ "${lines[1]}" = '| ! the peer hung up' ]
	stop plain
	start plain openssl s_server -accept "$A:$PORT" -tls1_2 -rev \
	    -cipher 'AES128-SHA256:@SECLEVEL=0' -cert "$D/tls/default/fullchain.pem" \
	    -key "$D/tls/default/privkey.pem"
	wait_for listens "$A" $PORT
	run connect < /dev/null
	[[ ${lines[1]} == '| ! '* ]]
}

@test "client: what only odd and old servers have" {
	local o k
	while read -r k o; do
		# shellcheck disable=SC2086
		openssl req -x509 -newkey ${k/:/ -pkeyopt ec_paramgen_curve:} \
		    -nodes -subj /CN=a.test -keyout "$T/key" -out "$T/cert" 2> /dev/null
		# shellcheck disable=SC2086
		start plain openssl s_server -accept "$A:$PORT" -quiet -rev \
		    -cert "$T/cert" -key "$T/key" $o
		wait_for listens "$A" $PORT
		run connect -n a.test -d "3 1 1 $(tlsa "$T/cert")" < /dev/null
		[[ ${lines[1]} == '| TLSv1.'*' dane' ]] || { echo "$k $o: $output"; false; }
		run connect < /dev/null
		[[ ${lines[1]} == '| TLSv1.'*' -' ]] || { echo "$k $o: $output"; false; }
		stop plain
	done <<-'END'
		rsa -tls1_2 -cipher AES128-SHA
		rsa -tls1_2 -cipher DHE-RSA-AES256-SHA256
		rsa -tls1_2 -sigalgs RSA+SHA224
		rsa -tls1_3 -groups ffdhe2048
		rsa-pss -groups X448
		ec:P-521 -groups P-521
		ec:P-256 -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA
		ed448 -tls1_3
	END
}

@test "what both ends take for the binding of the channel is the same" {
	serve hold
	run client -keymatexport EXPORTER-Channel-Binding -keymatexportlen 32 < /dev/null
	want=$(sed -n 's/.*Keying material: //p' <<< "$output" | basenc -d --base16 | base64)
	[ "${#want}" -eq 44 ]
	wait_for said " $want -"
	run client -tls1_2 -keymatexport EXPORTER-Channel-Binding -keymatexportlen 32 < /dev/null
	want=$(sed -n 's/.*Keying material: //p' <<< "$output" | basenc -d --base16 | base64)
	wait_for said " $want -"
}

@test "new keys in the middle of a stream" {
	serve echo
	keyboard
	enter one '^one'
	enter K '^KEYUPDATE'
	enter two '^two'
	enter k 'KEYUPDATE.*KEYUPDATE'
	enter three '^three'
	exec 7>&-
	wait_for said '| exit 0'
}

# What the processes $pids used of the processor, in 1/100 s.
ticks()
{
	local p
	for p in $pids; do cat "/proc/$p/stat"; done |
	    awk '{ n += $14 + $15 } END { print n }'
}

@test "who waits does not work, in whatever state" {
	local pids before client
	serve deaf
	python3 - "$A" $PORT "$T" <<-'END' &
		import os, socket, ssl, sys, time
		c = ssl.create_default_context()
		c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
		def new():
		    return c.wrap_socket(socket.create_connection((sys.argv[1], int(sys.argv[2]))))
		idle = new()
		half = new(); half.setblocking(False)
		try: half.unwrap()
		except ssl.SSLError: pass
		cut = new(); socket.socket(fileno=os.dup(cut.fileno())).shutdown(socket.SHUT_WR)
		open(sys.argv[3] + "/there", "w").close()
		time.sleep(60)
	END
	client=$!
	wait_for test -e "$T/there"
	pids=$(pgrep -f "^$(prog tlsrelay) -C $C")
	[ "$(wc -w <<< "$pids")" -eq 3 ]
	before=$(ticks)
	sleep 1
	[ "$(ticks)" -le $((before + 10)) ]
	kill $client
}

@test "the relay has no rights, an empty root and three descriptors" {
	local pid
	[ "$EUID" -eq 0 ] || skip 'needs root'
	id facteurd > /dev/null 2>&1 || skip 'needs accounts'
	tickets
	serve hold
	start client timeout 60 openssl s_client -quiet -connect "$A:$PORT"
	wait_for said '| TLS'
	pid=$(pgrep -f "^$(prog tlsrelay) -C $C")
	[ "$(stat -c %U "/proc/$pid")" = facteurd ] ||
	    [ "$(awk '/^Uid/ { print $2, $3, $4 }' "/proc/$pid/status")" = "$(id -u facteurd) $(id -u facteurd) $(id -u facteurd)" ]
	[ "$(readlink "/proc/$pid/root")" = "$D/state/.empty" ]
	# Whoever takes it over finds sockets, the log and nowhere to go.
	run find "/proc/$pid/fd" -lname '/*' -printf '%l\n'
	[[ $output != *pem* && $output != *tickets* && $output != */tls* ]]
}

@test "tlsrelay -V; wrong options" {
	run "$(prog tlsrelay)" -V
	[[ $output == 'facteur '* ]]
	for o in -x '-n a' '-v a' '-c -r' '-c -d x' 'word'; do
		# shellcheck disable=SC2086
		run "$(prog tlsrelay)" $o
		[ "$status" -eq 64 ]
	done
}
