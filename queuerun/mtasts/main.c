/* mtasts - fetch the MTA-STS policy of a domain (RFC 8461 3.3), and print it.
 * Run by the SMTP client as the owner of the spool, or by hand.  The one program
 * that is linked with libcurl, which here follows no redirect and takes nothing
 * from the environment.  The policy is read by who asked for it. */
#include "addr.h"
#include "become.h"
#include "conf.h"
#include "dns.h"
#include "limit.h"
#include "log.h"
#include "mem.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	HTTPS = 443,
	PORT_MAX = 65535,
	CONNECT_TIME = 10, /* s */
	ALL_TIME = 60,     /* s: RFC 8461 3.3 */
	POLICY_MAX = 65536,
	HEAD_MAX = 65536,
	MEMORY = 16 << 20
};

#define CA_DIR "/etc/ssl/certs"

struct fetch {
	const char *conf, *ca;
	unsigned port;
	long seconds;
	char host[ADDR_DOMAIN_MAX + 16];
	struct str body;
	size_t head;
	char error[CURL_ERROR_SIZE];
};

__attribute__((noreturn)) static void
usage(void)
{
	fprintf(stderr, "usage: mtasts [-A directory] [-C file] [-P port] "
	                "[-t time] domain\n");
	exit(EX_USAGE);
}

/* One line of why, and the end. */
__attribute__((noreturn)) static void
give_up(const struct fetch *f, int code, const char *text)
{
	fprintf(stderr, "mtasts: %s: %s\n", f->host, text);
	exit(code);
}

/* An argument of digits, up to max. */
static unsigned
number(const char *text, unsigned max)
{
	struct cur c = cur_of(text);
	unsigned long long v;

	if (cur_number(&c, max, &v) < 0 || cur_len(&c) > 0 || v == 0)
		usage();
	return (unsigned)v;
}

static void
options(int argc, char **argv, struct fetch *f)
{
	char domain[ADDR_DOMAIN_MAX + 1];
	int c;

	*f = (struct fetch){.ca = CA_DIR, .port = HTTPS, .seconds = ALL_TIME};
	while ((c = getopt(argc, argv, "A:C:P:t:")) != -1)
		switch (c) {
		case 'A': f->ca = optarg; break;
		case 'C': f->conf = optarg; break;
		case 'P': f->port = number(optarg, PORT_MAX); break;
		case 't': f->seconds = number(optarg, ALL_TIME); break;
		default: usage();
		}
	if (argc - optind != 1)
		usage();
	if (addr_to_ascii(argv[optind], domain) < 0 || *domain == '[') {
		snprintf(f->host, sizeof f->host, "%s", argv[optind]);
		give_up(f, EX_USAGE, "not a domain");
	}
	snprintf(f->host, sizeof f->host, "mta-sts.%s", domain);
}

static size_t
on_head(char *p, size_t one, size_t n, void *arg)
{
	struct fetch *f = arg;

	(void)p;
	f->head += one * n;
	return f->head > HEAD_MAX ? 0 : n;
}

static size_t
on_body(char *p, size_t one, size_t n, void *arg)
{
	struct fetch *f = arg;

	if (one * n > POLICY_MAX - f->body.n)
		return 0;
	str_add(&f->body, p, one * n);
	return n;
}

/* The addresses of the host as curl takes them, from our own lookup. */
static struct curl_slist *
addresses(const struct fetch *f)
{
	struct addrlist *l = mem_alloc(sizeof *l);
	struct curl_slist *list;
	struct str s = {0};
	enum dns_why w;
	size_t i;

	w = dns_addr(f->host, f->port, l);
	if (w != DNS_OK)
		give_up(f, w == DNS_AGAIN ? EX_TEMPFAIL : EX_NOHOST,
		        dns_text(w));
	str_addf(&s, "%s:%u:", f->host, f->port);
	for (i = 0; i < l->n; i++)
		str_addf(&s, strchr(l->a[i].text, ':') ? "%s[%s]" : "%s%s",
		         i > 0 ? "," : "", l->a[i].text);
	list = curl_slist_append(NULL, s.s);
	str_free(&s);
	free(l);
	return list;
}

/* Everything that curl shall do and not do. */
static CURL *
set_up(struct fetch *f)
{
	CURL *h;
	char url[sizeof f->host + 64];

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    !(h = curl_easy_init()))
		give_up(f, EX_TEMPFAIL, "curl does not start");
	snprintf(url, sizeof url, "https://%s:%u/.well-known/mta-sts.txt",
	         f->host, f->port);
	if (curl_easy_setopt(h, CURLOPT_URL, url) ||
	    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https") ||
	    curl_easy_setopt(h, CURLOPT_RESOLVE, addresses(f)) ||
	    curl_easy_setopt(h, CURLOPT_PROXY, "") ||
	    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L) ||
	    curl_easy_setopt(h, CURLOPT_HTTP_VERSION,
	                     (long)CURL_HTTP_VERSION_1_1) ||
	    curl_easy_setopt(h, CURLOPT_SSLVERSION,
	                     (long)CURL_SSLVERSION_TLSv1_2) ||
	    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L) ||
	    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L) ||
	    curl_easy_setopt(h, CURLOPT_CAINFO, NULL) ||
	    curl_easy_setopt(h, CURLOPT_CAPATH, f->ca) ||
	    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) ||
	    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIME) ||
	    curl_easy_setopt(h, CURLOPT_TIMEOUT, f->seconds) ||
	    curl_easy_setopt(h, CURLOPT_USERAGENT, "facteur/" VERSION) ||
	    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, f->error) ||
	    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_head) ||
	    curl_easy_setopt(h, CURLOPT_HEADERDATA, f) ||
	    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body) ||
	    curl_easy_setopt(h, CURLOPT_WRITEDATA, f))
		give_up(f, EX_SOFTWARE, "this curl lacks what we need");
	return h;
}

static int
code_of(CURLcode e)
{
	switch (e) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT: return EX_TEMPFAIL;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION: return EX_PROTOCOL;
	default: return EX_UNAVAILABLE;
	}
}

/* RFC 8461 3.2: text/plain, whatever stands behind a semicolon. */
static bool
is_plain(const char *type)
{
	struct cur c = cur_of(type ? type : ""), word;

	cur_blanks(&c);
	cur_until(&c, "; \t", &word);
	return cur_is(&word, "text/plain");
}

static void
fetch(struct fetch *f)
{
	CURL *h = set_up(f);
	CURLcode e = curl_easy_perform(h);
	const char *type = NULL;
	char text[64];
	long code = 0;

	if (e == CURLE_WRITE_ERROR)
		give_up(f, EX_DATAERR, "the answer is too long");
	if (e != CURLE_OK)
		give_up(f, code_of(e),
		        *f->error ? f->error : curl_easy_strerror(e));
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &code);
	curl_easy_getinfo(h, CURLINFO_CONTENT_TYPE, &type);
	/* RFC 8461 3.3: no redirect is followed, and nothing but 200 will do. */
	if (code != 200) {
		snprintf(text, sizeof text, "HTTP status %ld", code);
		give_up(f, EX_UNAVAILABLE, text);
	}
	if (!is_plain(type))
		give_up(f, EX_DATAERR, "the answer is not text/plain");
}

int
main(int argc, char **argv)
{
	struct fetch f;
	struct conf c;

	log_open("mtasts");
	log_stderr(1);
	options(argc, argv, &f);
	conf_use(&c, f.conf);
	become_talker(f.conf, NULL);
	limit_memory(MEMORY);
	if (dns_init(&c) < 0)
		give_up(&f, EX_TEMPFAIL, "resolv.conf cannot be read now");
	fetch(&f);
	if (fwrite(f.body.s, 1, f.body.n, stdout) != f.body.n ||
	    fflush(stdout) != 0)
		give_up(&f, EX_IOERR, "cannot print the policy");
	return EX_OK;
}
