/* tls - TLS is the work of another program: tlsrelay(8) stands between the network
 * and us, who see plain bytes only.  Here it is started, and heard.
 * It says two lines on our end before any byte of the peer: "ready", and when the
 * peer has shaken hands "VERSION CIPHER BITS NAME BINDING VERIFIED", "-" for
 * what there is not; or "! REASON" in place of either, and ends.
 * Called by gate.c for the servers, and by queuerun's SMTP client. */
#ifndef TLS_H
#define TLS_H

#include "conf.h"
#include "io.h"

#include <sys/types.h>

enum {
	TLS_PLAIN_FD = 3,
	TLS_LINE = 1000, /* bytes that it says at once; a name may be 255 */
	TLS_WHY = 300,
	TLS_TIME = 60 /* s, to shake hands */
};

/* What is known of a connection; all of it printable. */
struct tls {
	char version[16]; /* "TLSv1.3", "": none */
	char cipher[64];  /* "TLS_AES_256_GCM_SHA384" */
	unsigned bits;
	char name[256];    /* that a client asked for (SNI), or "" */
	char binding[64];  /* tls-exporter (RFC 9266) in base64, or "" */
	char verified[16]; /* a server: "dane", "pkix", or "" */
};

/* Is there a certificate to serve with, in the directory "tls" beside the
 * configuration?  See tlsrelay(8). */
bool tls_offered(const struct conf *c);

/* Start a relay that serves a protocol, "smtp": the network is descriptors 0 and 1,
 * end its end of a socketpair, the other being ours.  Its process, or -1. */
pid_t tls_serve(const struct conf *c, const char *protocol, int end);

/* Start one that is the client of a connected socket; args is what tlsrelay(8)
 * takes behind -c.  *end becomes our end.  Its process, or -1. */
pid_t tls_connect(const struct conf *c, int sock, const struct list *args,
                  int *end);

/* Hear one of its lines.  0, or -1 with why. */
int tls_ready(struct io *io, char why[TLS_WHY]);
int tls_hello(struct io *io, struct tls *t, char why[TLS_WHY]);

#endif
