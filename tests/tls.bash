# tls - what the suites about TLS share: an authority of their own, certificates for
# instances.  A suite starts with:
#
#	load lib
#	load tls
#	setup() { test_begin; instance a a.test; tls_cert a; }
#
# shellcheck shell=bash

# tls_ca: an authority; $CA is its certificate.
tls_ca()
{
	CA_DIR=$T/ca
	CA=$CA_DIR/ca.pem
	mkdir -p "$CA_DIR"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$CA_DIR/ca.key" -out "$CA" -days 30 -subj '/CN=Test CA' \
	    -addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
	chmod 644 "$CA"
	export CA
}

# tls_make FILE NAME [NAME|ADDRESS...]: a certificate of the authority for these names, and
# its key, in one file.  $DAYS is how long it is good.
tls_make()
{
	local file=$1 names='' n
	shift
	[ -n "${CA-}" ] || tls_ca
	for n; do
		case $n in
		*:* | *.*[0-9]) names+=,IP:$n ;;
		*) names+=,DNS:$n ;;
		esac
	done
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$CA_DIR/key" -out "$CA_DIR/csr" -subj "/CN=$1" 2> /dev/null
	openssl x509 -req -in "$CA_DIR/csr" -CA "$CA" -CAkey "$CA_DIR/ca.key" \
	    -set_serial "0x$(openssl rand -hex 8)" -days "${DAYS:-30}" \
	    -out "$CA_DIR/cert" \
	    -extfile <(echo "subjectAltName=${names#,}") 2> /dev/null
	(umask 077 && cat "$CA_DIR/cert" "$CA_DIR/key" > "$file")
}

# tls_cert INSTANCE [NAME [HOST...]]: tls/NAME.pem of the instance, "default" for
# the instance's own host name, localhost and 127.0.0.1 unless others are named.
tls_cert()
{
	local d=$T/$1 name=${2:-default}
	shift $(($# > 2 ? 2 : $#))
	[ $# -gt 0 ] ||
		set -- "$(sed -n 's/^hostname //p' "$d/facteur.conf")" localhost \
		    127.0.0.1
	mkdir -p "$d/tls"
	chmod 700 "$d/tls"
	tls_make "$d/tls/$name.pem" "$@"
}

# tls_scram INSTANCE USER: he has a key of SCRAM for "secret", and no other hash.
tls_scram()
{
	local key f=$T/$1/passwd
	key=$(/usr/bin/python3 - <<-'END'
		import base64, hashlib, hmac
		b = lambda x: base64.b64encode(x).decode()
		salt = b"0123456789abcdef"
		s = hashlib.pbkdf2_hmac("sha256", b"secret", salt, 4096)
		mac = lambda t: hmac.new(s, t, "sha256").digest()
		print("{SCRAM-SHA-256}4096,%s,%s,%s" % (b(salt),
		    b(hashlib.sha256(mac(b"Client Key")).digest()),
		    b(mac(b"Server Key"))))
	END
	)
	awk -F: -v OFS=: -v u="$2" -v k="$key" '$1 == u { $2 = k } { print }' \
	    "$f" > "$T/p"
	cat "$T/p" > "$f"
}
