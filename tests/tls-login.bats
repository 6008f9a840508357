# tls-login - TLS and logins in popd and imapd, under a real inetd: what is offered
# when, what a password needs, what is forgotten and thrown away when TLS begins,
# SCRAM, and that nothing is lost at the end.

load lib
load pop
load imap
load tls

setup()
{
	test_begin
	# Nobody is where a password may go in the clear.
	instance a a.test 'clear_from 192.0.2.0/24'
	H=$NET.1
	export H POP_PORT POPS_PORT IMAP_PORT IMAPS_PORT T D
	export PYTHONPATH=$REPO/tests PYTHONDONTWRITEBYTECODE=1
}
teardown() { test_end; }

# serve: both, with a certificate.
serve()
{
	tls_cert a default a.test "$H"
	pop_inetd a "$H"
	imap_inetd a "$H"
}

# py: a program of tlsmail.py's; clients are pop() and imap(), pops() and imaps().
py()
{
	/usr/bin/python3 -c 'import os, sys, time
from tlsmail import *
host = os.environ["H"]
def client(kind, port, secure=False):
    return lambda: kind(host, int(os.environ[port]), secure)
pop, imap = client(Pop, "POP_PORT"), client(Imap, "IMAP_PORT")
pops = client(Pop, "POPS_PORT", True)
imaps = client(Imap, "IMAPS_PORT", True)
def log():
    return open(os.environ["D"] + "/log").read()
exec(compile(sys.stdin.read(), "test", "exec"))' "$@"
}

# Nothing of ours runs any more.
quiet() { ! pgrep -f "(popd|imapd|tlsrelay) .*-C $C" > /dev/null; }

@test "popd: before TLS there is no password, and the way to it is told" {
	serve
	py <<-'END'
		p = pop()
		before = p.list("CAPA")
		assert "STLS" in before and "USER" not in before, before
		assert not [c for c in before if c.startswith("SASL")], before
		assert p.list("HELP") == ["STLS", "UTF8", "CAPA", "LANG", "HELP",
					  "QUIT"]
		for c in "USER bob", "PASS secret", "AUTH PLAIN", "AUTH", \
			 "AUTH PLAIN AGJvYgBzZWNyZXQ=":
		    r = p.ask(c)
		    assert r.startswith("-ERR [AUTH]") and "STLS" in r, r
		assert p.ask("STLS now").startswith("-ERR")
		p.start()
		after = p.list("CAPA")
		assert set(after) - set(before) == {"USER", "SASL PLAIN LOGIN"}
		assert set(before) - set(after) == {"STLS"}
		assert "STLS" not in p.list("HELP")
		assert p.ask("STLS").startswith("-ERR")
		assert p.list("AUTH") == ["PLAIN", "LOGIN"]
		assert p.login(secret="wrong").startswith("-ERR [AUTH] wrong")
		assert p.login().startswith("+OK bob has 0")
		assert p.ask("STLS").startswith("-ERR")
		assert "STLS" not in p.list("CAPA")
		assert "STLS" not in p.list("HELP")
		assert p.ask("QUIT").startswith("+OK")
		assert p.rest() == b""
	END
	wait_for grep -q 'Logout user=bob .*end=quit tls=TLSv1.3' "$D/log"
	! grep -q 'secret' "$D/log" || false
	wait_for quiet
}

@test "imapd: before TLS there is no password, and the way to it is told" {
	serve
	py <<-'END'
		i = imap()
		before = greeted(i.greeting)
		assert before == i.capabilities()
		assert "STARTTLS" in before and "LOGINDISABLED" in before
		assert "SASL-IR" not in before
		assert not [c for c in before if c.startswith("AUTH=")], before
		for c in "LOGIN bob secret", "LOGIN bob {6}", \
			 "LOGIN bob {6+}\r\nsecret", "AUTHENTICATE PLAIN", \
			 "AUTHENTICATE PLAIN AGJvYgBzZWNyZXQ=":
		    r = i.all(c)
		    assert len(r) == 1, r
		    assert r[0].startswith("NO [PRIVACYREQUIRED]"), r
		    assert "STARTTLS" in r[0], r
		assert i.ask("SELECT INBOX") == "BAD log in first"
		assert i.ask("NOOP").startswith("OK")
		assert i.ask('ID ("name" "x")').startswith("OK")
		assert i.ask("STARTTLS now").startswith("BAD")
		i.start()
		after = i.capabilities()
		assert set(after) - set(before) == {"SASL-IR", "AUTH=PLAIN",
						    "AUTH=LOGIN"}
		assert set(before) - set(after) == {"STARTTLS", "LOGINDISABLED"}
		assert i.ask("STARTTLS").startswith("BAD")
		assert i.login(secret="wrong").startswith("NO [AUTHENT")
		r = i.login()
		assert r.startswith("OK [CAPABILITY ") and "STARTTLS" not in r
		assert i.ask("STARTTLS") == "BAD you are logged in"
		assert i.ask("SELECT INBOX").startswith("OK")
		assert i.all("LOGOUT")[-1].startswith("OK")
		assert i.rest() == b""
	END
	wait_for grep -q 'Logout user=bob .*end=logout tls=TLSv1.3' "$D/log"
	! grep -q 'secret' "$D/log" || false
	wait_for quiet
}

@test "TLS from the first byte on" {
	serve
	py <<-'END'
		p = pops()
		assert p.greeting.startswith("+OK a.test POP3")
		capa = p.list("CAPA")
		assert "USER" in capa and "STLS" not in capa
		assert p.login().startswith("+OK bob has 0")
		assert p.ask("QUIT").startswith("+OK")
		assert p.rest() == b""
		i = imaps()
		caps = greeted(i.greeting)
		assert "AUTH=PLAIN" in caps and "STARTTLS" not in caps
		assert "LOGINDISABLED" not in caps
		assert i.login().startswith("OK")
		assert i.ask("LOGOUT").startswith("OK")
		assert i.rest() == b""
	END
	wait_for quiet
}

@test "who names protocols (ALPN) must name ours" {
	serve
	py <<-'END'
		def offer(port, *names):
		    c = context()
		    c.set_alpn_protocols(names)
		    with socket.create_connection((host, int(os.environ[port]))) as s:
		        try:
		            with c.wrap_socket(s, server_hostname="a.test") as t:
		                return t.selected_alpn_protocol(), t.recv(4)
		        except ssl.SSLError as e:
		            return str(e)
		for port, name, greeting in ("POPS_PORT", "pop3", b"+OK "), \
					    ("IMAPS_PORT", "imap", b"* OK"):
		    for names in ["h2", "http/1.1"], ["smtp"], [name + "s"], [name[:-1]]:
		        assert "no application protocol" in offer(port, *names), names
		    for names in [name], ["smtp", name, "h2"]:
		        assert offer(port, *names) == (name, greeting), names
	END
	wait_for quiet
}

@test "openssl s_client" {
	need openssl
	serve
	local how
	for how in "$POP_PORT -starttls pop3" "$POPS_PORT"; do
		# shellcheck disable=SC2086
		printf '%s\r\n' 'USER bob' 'PASS secret' STAT QUIT |
		    openssl s_client -quiet -CAfile "$CA" -verify_return_error \
		        -verify_hostname a.test -connect "$H:"$how \
		        2> "$T/s_client.out" | tr -d '\r' > "$T/got"
		grep -qx '+OK 0 0' "$T/got"
		[ "$(tail -n 1 "$T/got")" = '+OK goodbye' ]
	done
	for how in "$IMAP_PORT -starttls imap" "$IMAPS_PORT"; do
		# shellcheck disable=SC2086
		printf '%s\r\n' 'a LOGIN bob secret' 'b SELECT INBOX' 'c LOGOUT' |
		    openssl s_client -quiet -CAfile "$CA" -verify_return_error \
		        -verify_hostname a.test -connect "$H:"$how \
		        2> "$T/s_client.out" | tr -d '\r' > "$T/got"
		grep -q '^b OK' "$T/got"
		[[ $(tail -n 1 "$T/got") == 'c OK'* ]]
	done
}

@test "where clear_from allows it a password needs no TLS" {
	sed -i 's/^clear_from.*/clear_from 127.0.0.0\/8/' "$C"
	serve
	py <<-'END'
		p = pop()
		capa = p.list("CAPA")
		assert {"STLS", "USER", "SASL PLAIN LOGIN"} <= set(capa)
		assert p.login().startswith("+OK bob has")
		i = imap()
		caps = i.capabilities()
		assert {"STARTTLS", "AUTH=PLAIN", "SASL-IR"} <= set(caps)
		assert "LOGINDISABLED" not in caps
		assert i.login().startswith("OK")
		# What was said before TLS is not known behind it.
		p = pop()
		assert p.ask("USER bob").startswith("+OK")
		p.start()
		assert p.ask("PASS secret") == "-ERR USER comes first"
		assert p.login().startswith("+OK bob has")
	END
}

@test "without a certificate there is no TLS and no password, and the log says why" {
	pop_inetd a "$H"
	imap_inetd a "$H"
	py <<-'END'
		p = pop()
		assert "STLS" not in p.list("CAPA")
		assert p.ask("STLS").startswith("-ERR")
		assert p.ask("USER bob") == "-ERR [AUTH] no password in the clear"
		i = imap()
		caps = greeted(i.greeting)
		assert "LOGINDISABLED" in caps and "STARTTLS" not in caps
		assert i.ask("STARTTLS").startswith("BAD")
		assert i.ask("LOGIN bob secret") == \
		    "NO [PRIVACYREQUIRED] no password in the clear"
		for port in "POPS_PORT", "IMAPS_PORT":
		    s = socket.create_connection((host, int(os.environ[port])), 20)
		    try:
		        assert s.recv(100) == b""
		    except ConnectionResetError:
		        pass
	END
	wait_for quiet
	[ "$(grep -c 'no login for .*127\.' "$D/log")" -eq 2 ]
}

# --- what is sent behind STLS in the clear: NO STARTTLS ---

@test "a command behind STLS in the clear is never obeyed, and is logged" {
	serve
	py <<-'END'
		for behind in b"USER bob\r\n", b"USER bob\r\nPASS secret\r\n", \
			      b"CAPA\r\n" * 300, b"US":
		    p = pop()
		    p.start(behind)
		    assert p.ask("NOOP").startswith("-ERR log in first")
		    assert p.ask("PASS secret") == "-ERR USER comes first"
		    assert p.login().startswith("+OK bob has")
		    assert p.ask("QUIT") == "+OK goodbye"
		    assert p.rest() == b""
		for behind in b"x LOGIN bob secret\r\n", b"x CAPABILITY\r\n" * 300, \
			      b"x LOGIN bob {6+}\r\nsecret\r\n", b"x LOG":
		    i = imap()
		    i.start(behind)
		    assert i.all("NOOP") == ["OK here I am"]
		    assert i.ask("SELECT INBOX") == "BAD log in first"
		    assert i.login().startswith("OK")
		    assert i.ask("LOGOUT").startswith("OK")
		    assert i.rest() == b""
	END
	wait_for quiet
	[ "$(grep -c 'STARTTLS\|STLS\|TLS' "$D/log")" -ge 8 ]
	grep -i 'in the clear\|thrown away\|behind' "$D/log"
}

# A command in the clear where a ClientHello should be; a ClientHello that comes with
# STLS, and is thrown away with what is behind it.
@test "after STLS nothing in the clear is answered" {
	serve
	py <<-'END'
		for make, word in (pop, b"STLS\r\n"), (imap, b"t1 STARTTLS\r\n"):
		    for text in b"USER bob\r\n" * 10, b"t2 CAPABILITY\r\n", b"\0" * 100:
		        c = make()
		        c.say(word)
		        assert "OK begin" in c.line()
		        c.say(text)
		        c.sock.shutdown(socket.SHUT_WR)
		        got = c.rest()
		        # At most an alert.
		        assert len(got) < 20 and b"OK" not in got, got
		    c = make()
		    hello = ssl.MemoryBIO()
		    o = context().wrap_bio(ssl.MemoryBIO(), hello,
		                           server_hostname="a.test")
		    try:
		        o.do_handshake()
		    except ssl.SSLWantReadError:
		        pass
		    c.say(word + hello.read())
		    assert "OK begin" in c.line()
		    c.sock.shutdown(socket.SHUT_WR)
		    got = c.rest()
		    assert len(got) < 20 and b"OK" not in got, got
	END
	wait_for quiet
}

# --- the hand-over ---

@test "what is pipelined behind the login inside TLS is obeyed" {
	serve
	tally letter one 300 | "$(prog deliver)" -C "$C" -f jo@x.test bob
	py <<-'END'
		p = pops()
		p.say(b"CAPA\r\nUSER bob\r\nPASS secret\r\nSTAT\r\nNOOP\r\nRETR 1\r\nQUIT\r\n")
		got = p.rest()
		assert b"+OK bob has 1" in got and b"\r\n+OK 1 " in got, got
		assert got.endswith(b"\r\n.\r\n+OK goodbye\r\n"), got
		i = imap()
		i.start()
		i.say(b"a LOGIN {3+}\r\nbob {6+}\r\nsecret\r\nb SELECT INBOX\r\n"
		      b"c FETCH 1 BODY[]\r\nd LOGOUT\r\n")
		got = i.rest()
		for tag in b"abcd":
		    assert b"\r\n%c OK" % tag in got or got.startswith(b"a OK"), got
		# By SASL, too, and cut anywhere.
		login = b"AUTH PLAIN\r\nAGJvYgBzZWNyZXQ=\r\nSTAT\r\nQUIT\r\n"
		for cut in range(8, len(login), 9):
		    p = pops()
		    p.say(login[:cut])
		    p.say(login[cut:])
		    assert p.rest().endswith(b"+OK goodbye\r\n")
	END
}

@test "a session that ends says everything before: a big letter, then the end" {
	serve
	python3 -c 'print("From jo@x.test Sat Nov 21 10:00:00 2026\nSubject: big\n\n" +
	    "0123456789abcdef" * 4 * 200000 + "\n")' | fold -w 64 > "$D/mail/bob"
	own "$D/mail/bob" bob
	chmod 600 "$D/mail/bob"
	py <<-'END'
		size = None
		for make in pops, pop:
		    p = make()
		    if make is pop:
		        p.start()
		    p.say(b"USER bob\r\nPASS secret\r\nRETR 1\r\nQUIT\r\n")
		    time.sleep(0.3) # a slow reader
		    got = p.rest()
		    assert len(got) > 12000000, len(got)
		    assert size in (None, len(got))
		    size = len(got)
		    assert got.endswith(b"\r\n.\r\n+OK goodbye\r\n"), got[-100:]
		i = imaps()
		i.say(b"a LOGIN bob secret\r\nb SELECT INBOX\r\nc FETCH 1 BODY[]\r\n"
		      b"d LOGOUT\r\n")
		time.sleep(0.3)
		got = i.rest()
		assert len(got) > 12000000
		assert got.endswith(b"d OK goodbye\r\n"), got[-100:]
	END
	wait_for quiet
}

@test "clients that vanish at any time leave nothing behind" {
	serve
	python3 -c 'print("From jo@x.test Sat Nov 21 10:00:00 2026\nSubject: big\n\n" +
	    "0123456789abcdef\n" * 400000)' > "$D/mail/bob"
	own "$D/mail/bob" bob
	chmod 600 "$D/mail/bob"
	cp "$D/mail/bob" "$T/before"
	py <<-'END'
		import struct
		def vanish(s):
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
				 struct.pack("ii", 1, 0))
		    s.close()
		for end in vanish, lambda s: s.close():
		    for port in "POP_PORT", "POPS_PORT", "IMAP_PORT", "IMAPS_PORT":
		        end(socket.create_connection((host, int(os.environ[port]))))
		    for port in "POPS_PORT", "IMAPS_PORT":
		        s = socket.create_connection((host, int(os.environ[port])))
		        s.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
		        end(s)
		    for make, word in (pop, b"STLS\r\n"), (imap, b"a STARTTLS\r\n"):
		        c = make()
		        c.say(word)
		        end(c.sock)
		        c = make()
		        c.say(word)
		        c.line()
		        c.say(b"\x16\x03\x01\x02\x00\x01\x00")
		        end(c.sock)
		    for make in pops, imaps:
		        end(make().sock)
		    p = pops()
		    assert p.login().startswith("+OK")
		    p.say(b"DELE 1\r\nRETR 1\r\n")
		    end(p.sock)
		    p = pops()
		    assert p.login().startswith("+OK")
		    p.say(b"RETR 1\r\n")
		    p.sock.recv(1000)
		    end(p.sock)
		    i = imaps()
		    assert i.login().startswith("OK")
		    i.say(b"a EXAMINE INBOX\r\nb FETCH 1 BODY.PEEK[]\r\n")
		    i.sock.recv(1000)
		    end(i.sock)
	END
	wait_for quiet
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ "$(grep -c '^0123456789abcdef$' "$D/mail/bob")" -eq 400000 ]
}

@test "150 logins at once" {
	serve
	py <<-'END'
		import concurrent.futures
		def one(n):
		    c = (pops, imaps)[n % 2]() if n % 3 else (pop, imap)[n % 2]()
		    if n % 3 == 0:
		        c.start()
		    assert "OK" in c.login(("alice", "bob", "kim")[n % 3])
		    assert "OK" in c.ask("NOOP")
		    if n % 2:
		        assert c.all("LOGOUT")[-1].startswith("OK")
		    else:
		        assert c.ask("QUIT") == "+OK goodbye"
		    assert c.rest() == b""
		with concurrent.futures.ThreadPoolExecutor(150) as pool:
		    list(pool.map(one, range(150)))
	END
	wait_for quiet
	[ "$(grep -c '\(Logout\).*tls=TLSv1.3' "$D/log")" -eq 150 ]
}

# --- SCRAM ---

@test "SCRAM-SHA-256 where the users' file has keys" {
	serve
	tls_scram a bob
	py <<-'END'
		p = pops()
		sasl = [c for c in p.list("CAPA") if c.startswith("SASL")]
		assert sasl == ["SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"]
		last, end = p.scram("bob", "secret")
		assert last.startswith("v=") and end.startswith("+OK bob has"), end
		assert p.ask("QUIT").startswith("+OK")
		i = imap()
		i.start()
		assert {"AUTH=SCRAM-SHA-256", "AUTH=SCRAM-SHA-256-PLUS"} <= \
		    set(i.capabilities())
		last, end = i.scram("bob", "secret")
		assert last.startswith("v=") and end.startswith("OK ["), end
		assert i.ask("SELECT INBOX").startswith("OK")
		# The password itself does as well, elsewhere a key does not.
		assert imaps().login().startswith("OK")
		assert imaps().login("kim").startswith("OK")
		# Wrong, unknown, without a key: the same.
		for name, secret in ("bob", "wrong"), ("nobody", "secret"), \
				    ("kim", "secret"):
		    p = pops()
		    last, end = p.scram(name, secret)
		    assert last == "e=invalid-proof", last
		    assert end == "-ERR [AUTH] wrong user name or password", end
		    assert p.login().startswith("+OK")
		for change in lambda m: m.replace("c=biws", "c=eSws"), \
			      lambda m: m.replace("c=biws", "c=cD10bHMtdW5pcXVlLCw="):
		    i = imaps()
		    last, end = i.scram("bob", "secret", change)
		    assert last == "e=channel-bindings-dont-match", last
		    assert end.startswith("NO [AUTHENT"), end
		p = pops()
		p.ask("AUTH SCRAM-SHA-256 " + encode("y,,n=bob,r=x").decode())
		assert p.ask("") == "-ERR [AUTH] wrong user name or password"
		p.ask("AUTH SCRAM-SHA-256-PLUS " +
		      encode("p=tls-unique,,n=bob,r=x").decode())
		assert p.ask("").startswith("-ERR [AUTH]")
	END
	wait_for quiet
}

@test "SCRAM: what somebody overheard lets nobody in again" {
	serve
	tls_scram a bob
	py <<-'END'
		import base64
		p = pops()
		last, end = p.scram("bob", "secret")
		assert end.startswith("+OK bob has"), end
		auth, proof = p.proved
		assert p.ask("QUIT").startswith("+OK")
		# All that was said, as the beginning of something else.
		for more in b"\0", b"\0,x=y", b",x=y\0", b"":
		    p = pops()
		    said = p.ask("AUTH SCRAM-SHA-256")
		    assert said == "+ ", said
		    said = p.ask(base64.b64encode(b"n,," + auth + more).decode())
		    said = base64.b64decode(said[2:]).decode()
		    if said.startswith("r="):
		        nonce = said.split(",")[0]
		        said = p.ask(base64.b64encode(
		            b"c=biws," + nonce.encode() + b",p=" + proof).decode())
		        said = base64.b64decode(said[2:]).decode()
		    assert said.startswith("e="), (more, said)
		    end = p.ask("")
		    assert end.startswith("-ERR"), end
	END
	wait_for quiet
}

@test "gsasl(1): SCRAM-SHA-256-PLUS, bound to the connection" {
	need gsasl
	serve
	tls_scram a bob
	does()
	{
		gsasl --imap --starttls --x509-ca-file="$CA" -m "$@" \
		    --authentication-id=bob --password=secret "$H" "$IMAP_PORT" \
		    <<< 'x LOGOUT' > "$T/gsasl.out" 2>&1 &&
			grep -q 'you are logged in' "$T/gsasl.out"
	}
	does SCRAM-SHA-256-PLUS
	does SCRAM-SHA-256 --no-cb
	does PLAIN
	does LOGIN
	[ "$(grep -c 'Login user=bob' "$D/log")" -eq 4 ]
	# It could bind, and believes that we cannot.
	! does SCRAM-SHA-256 || false
	[ "$(grep -c 'Login user=bob' "$D/log")" -eq 4 ]
}
