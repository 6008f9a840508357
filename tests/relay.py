"""relay.py - what starts tlsrelay, in tests.

	relay.py serve PROGRAM CONF ADDRESS PORT SESSION
		Start a relay for each connection; SESSION is what the plain end
		does: echo, say:TEXT (and end), ask, send:FILE, hold, deaf,
		last:FILE.
	relay.py connect PROGRAM CONF ADDRESS PORT WORD...
		Start a client with these words behind -c; copy standard input
		and output.

Prints what the relay says, "| " before each line, and how it ended.
"""
import os, socket, subprocess, sys, threading, time


def start(program, conf, sock, words):
	ours, theirs = socket.socketpair()

	def fds():
		os.dup2(theirs.fileno(), 100)
		os.dup2(sock.fileno(), 0)
		os.dup2(sock.fileno(), 1)
		os.dup2(100, 3)
		os.close(100)

	p = subprocess.Popen([program, "-C", conf, *words], preexec_fn=fds,
			     close_fds=False, env={"PATH": "/usr/bin:/bin"})
	theirs.close()
	sock.close()
	return p, ours, ours.makefile("rb", buffering=0)


def line(f):
	got = f.readline().decode().rstrip("\n")
	print("|", got, flush=True)
	return bool(got) and not got.startswith("!")


def session(kind, s, f):
	kind, _, arg = kind.partition(":")
	if kind == "echo":
		while data := s.recv(65536):
			s.sendall(data)
	elif kind == "say":
		s.sendall(arg.encode())
	elif kind == "send":
		with open(arg, "rb") as f:
			while data := f.read(65536):
				s.sendall(data)
	elif kind == "ask":			# say it when all has come
		n = 0
		while data := s.recv(65536):
			n += len(data)
		s.sendall(b"%d bytes\n" % n)
	elif kind == "last":			# no longer listens, then speaks
		s.shutdown(socket.SHUT_RD)
		s.sendall(b"enough")
		while not os.path.exists(arg):
			time.sleep(0.01)
		s.sendall(b"bye")
	elif kind == "hold":
		s.recv(1)
	elif kind == "deaf":			# and never goes
		s.recv(1)
		threading.Event().wait()


def serve(program, conf, address, port, kind):
	listen = socket.create_server((address, int(port)), backlog=100)

	def one(sock):
		p, s, f = start(program, conf, sock, [])
		try:
			if line(f) and line(f):
				session(kind, s, f)
		except OSError as e:
			print("| session:", e.strerror, flush=True)
		f.close()
		s.close()
		print("| exit", p.wait(), flush=True)

	while True:
		sock, _ = listen.accept()
		threading.Thread(target=one, args=(sock,), daemon=True).start()


def connect(program, conf, address, port, *words):
	sock = socket.create_connection((address, int(port)))
	p, s, f = start(program, conf, sock, ["-c", *words])
	if line(f) and line(f):
		def up():
			try:
				while data := os.read(0, 65536):
					s.sendall(data)
				s.shutdown(socket.SHUT_WR)
			except OSError:		# it has ended first
				pass
		t = threading.Thread(target=up, daemon=True)
		t.start()
		while data := s.recv(65536):
			sys.stdout.buffer.write(data)
			sys.stdout.buffer.flush()
	f.close()
	s.close()
	print("| exit", p.wait(), flush=True)


{"serve": serve, "connect": connect}[sys.argv[1]](*sys.argv[2:])
