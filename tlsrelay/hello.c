/* hello - the handshake, and the line about it.  Called by main.c. */
#define OPENSSL_SUPPRESS_DEPRECATED /* texts of one library, not of all */
#include "relay.h"

#include "code.h"
#include "io.h"
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <unistd.h>

/* Wait for the network; over when who started us has closed its end. */
static int
wait_for(int what, long long end)
{
	struct pollfd p[2] = {
	    {.fd = TLS_PLAIN_FD	                              },
	    { .fd = what == SSL_ERROR_WANT_READ ? STDIN_FILENO : STDOUT_FILENO,
	     .events = what == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT}
        };
	long long left = end - io_now();
	int n = left > 0 ? poll(p, 2, (int)left) : 0;

	if (n < 0)
		return errno == EINTR ? 1 : -1;
	return p[0].revents ? -1 : n;
}

void
why_not(struct str *s, const char *text)
{
	unsigned long e;
	const char *reason;

	/* Nobody paid for the texts so far. */
	ERR_load_ERR_strings();
	ERR_load_SSL_strings();
	ERR_load_PEM_strings();
	ERR_load_EVP_strings();
	ERR_load_X509_strings();
	ERR_load_ASN1_strings();
	e = ERR_peek_error();
	reason = e ? ERR_reason_error_string(e) : NULL;
	str_adds(s, text);
	if (reason)
		str_addf(s, ": %s", reason);
	else if (e)
		str_addf(s, ": error %d", ERR_GET_REASON(e));
}

/* Plain text where TLS should be, by OpenSSL's guesses. */
static bool
is_plain_text(void)
{
	unsigned long e = ERR_peek_error();

	if (ERR_GET_LIB(e) != ERR_LIB_SSL)
		return false;
	switch (ERR_GET_REASON(e)) {
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_WRONG_VERSION_NUMBER: return true;
	default: return false;
	}
}

static void
explain(SSL *ssl, int error, struct str *why)
{
	long verdict = SSL_get_verify_result(ssl);

	/* Before the rest, as an authority that we cannot read is an error of the
	 * system, too. */
	if (SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && verdict != X509_V_OK)
		str_addf(why, "certificate verify failed: %s",
		         X509_verify_cert_error_string(verdict));
	else if (error == SSL_ERROR_SYSCALL || error == SSL_ERROR_ZERO_RETURN)
		str_adds(why, "the peer hung up");
	else if (is_plain_text())
		str_adds(why, "this is no TLS");
	else
		why_not(why, "handshake failed");
}

/* What a client asked for, if it can stand in a line. */
static const char *
clean_name(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
	                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t n = name ? strlen(name) : 0;

	return n > 0 && n < 256 && strspn(name, good) == n ? name : "-";
}

/* RFC 9266.  Without a context, which all take for one of no length; on TLS 1.2 it
 * binds only with the extended master secret (RFC 9266 4.2). */
static void
add_binding(struct str *s, SSL *ssl)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char key[32];

	if ((SSL_version(ssl) >= TLS1_3_VERSION ||
	     SSL_get_extms_support(ssl) == 1) &&
	    SSL_export_keying_material(ssl, key, sizeof key, label,
	                               sizeof label - 1, NULL, 0, 0) == 1)
		code_base64(s, key, sizeof key);
	else
		str_addc(s, '-');
}

static void
describe(SSL *ssl, struct str *s)
{
	str_addf(
	    s, "%s %s %d %s ", SSL_get_version(ssl), SSL_get_cipher_name(ssl),
	    SSL_get_cipher_bits(ssl, NULL),
	    clean_name(SSL_is_server(ssl)
	                   ? SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)
	                   : NULL));
	add_binding(s, ssl);
	if (SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
		str_adds(s, " -");
	else
		str_adds(s, SSL_get0_dane_authority(ssl, NULL, NULL) >= 0
		                ? " dane"
		                : " pkix");
}

int
hello(SSL *ssl, struct str *line)
{
	long long end = io_now() + TLS_TIME * 1000LL;
	int r, error;

	for (;;) {
		ERR_clear_error();
		if ((r = SSL_do_handshake(ssl)) == 1)
			break;
		error = SSL_get_error(ssl, r);
		if (error != SSL_ERROR_WANT_READ &&
		    error != SSL_ERROR_WANT_WRITE) {
			explain(ssl, error, line);
			return -1;
		}
		if ((r = wait_for(error, end)) < 0)
			return -1;
		if (r == 0) {
			str_addf(line, "no handshake within %d s", TLS_TIME);
			return -1;
		}
	}
	describe(ssl, line);
	return 0;
}
