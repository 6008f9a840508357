/* dns - see dns.h.  Called by the SMTP client, by queuerun -n, and by smtpd for
 * the name of its peer.  Answers come from strangers: they are read by the
 * resolver library's bounded parser, and a name that is no host name is
 * dropped. */
#include "dns.h"

#include "io.h"
#include "mem.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

enum { DNS_PORT = 53, ANSWER_MAX = NS_MAXMSG, QUERY_MAX = NS_PACKETSZ };

/* --- names and addresses as text --- */

/* From the bytes of an address. */
static void
set_address(struct address *a, int family, const void *raw, unsigned port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a->sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a->sa;

	memset(&a->sa, 0, sizeof a->sa);
	a->sa.ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		memcpy(&v4->sin_addr, raw, sizeof v4->sin_addr);
		v4->sin_port = htons((in_port_t)port);
		a->len = sizeof *v4;
	} else {
		memcpy(&v6->sin6_addr, raw, sizeof v6->sin6_addr);
		v6->sin6_port = htons((in_port_t)port);
		a->len = sizeof *v6;
	}
	inet_ntop(family, raw, a->text, sizeof a->text);
}

int
dns_literal(const char *text, unsigned port, struct address *out)
{
	unsigned char raw[sizeof(struct in6_addr)];
	size_t n = strlen(text);
	char s[INET6_ADDRSTRLEN];
	int family = AF_INET;

	if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n > 5 && mem_ieq(text, "IPv6:", 5)) {
		text += 5;
		n -= 5;
	}
	if (cur_copy((struct cur){text, text + n}, s, sizeof s) < 0)
		return -1;
	if (inet_pton(family, s, raw) != 1) {
		family = AF_INET6;
		if (inet_pton(family, s, raw) != 1)
			return -1;
	}
	set_address(out, family, raw, port);
	return 0;
}

unsigned
dns_port(const struct address *a)
{
	if (a->sa.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&a->sa)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)&a->sa)->sin6_port);
}

/* Make name lower case and strip a final dot.  0, or -1 when it holds what no
 * host's name holds. */
static int
host_clean(char *name)
{
	size_t n = strlen(name);
	char *p;

	if (n > 0 && name[n - 1] == '.')
		name[--n] = '\0';
	for (p = name; *p; p++) {
		*p = str_lower(*p);
		if (!str_isalpha(*p) && !str_isdigit(*p) && *p != '-' &&
		    *p != '_' && *p != '.')
			return -1;
	}
	return 0;
}

/* --- answers --- */

static bool
same_name(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	n -= n > 0 && a[n - 1] == '.';
	m -= m > 0 && b[m - 1] == '.';
	return n == m && mem_ieq(a, b, n);
}

/* Read the name in a record at p: "." when it is no host's. */
static void
read_name(const ns_msg *msg, const unsigned char *p, char out[DNS_NAME])
{
	if (dn_expand(ns_msg_base(*msg), ns_msg_end(*msg), p, out, DNS_NAME) <
	        0 ||
	    host_clean(out) < 0)
		snprintf(out, DNS_NAME, ".");
}

/* Join the strings of a TXT record of n bytes (RFC 1035 3.3.14).  0 or -1. */
static int
read_text(const unsigned char *p, size_t n, char out[DNS_NAME])
{
	const unsigned char *e = p + n;
	size_t len = 0, k;

	for (; p < e; p += k) {
		k = *p++;
		if (k > (size_t)(e - p) || k >= DNS_NAME - len ||
		    memchr(p, '\0', k))
			return -1;
		memcpy(out + len, p, k);
		len += k;
	}
	out[len] = '\0';
	return 0;
}

/* Add the record to out if it is one of type that can be used. */
static void
collect(const ns_msg *msg, const ns_rr *rr, struct records *out)
{
	struct record *r = &out->r[out->n];
	const unsigned char *d = ns_rr_rdata(*rr);
	size_t n = ns_rr_rdlen(*rr);

	if (out->n == DNS_MX_MAX)
		return;
	switch (ns_rr_type(*rr)) {
	case ns_t_a:
	case ns_t_aaaa:
		if (n != (ns_rr_type(*rr) == ns_t_a ? 4 : 16))
			return;
		memcpy(r->addr, d, n);
		break;
	case ns_t_mx:
		if (n < 3)
			return;
		read_name(msg, d + 2, r->host);
		r->pref = (unsigned)d[0] << 8 | d[1];
		break;
	case ns_t_tlsa:
		/* RFC 7672 2.2: what cannot be used promises TLS, too. */
		r->p = d;
		r->n = n;
		break;
	case ns_t_cname: /* asked for by itself */
		if (n < 1)
			return;
		read_name(msg, d, r->host);
		break;
	case ns_t_txt:
		if (read_text(d, n, r->host) < 0)
			return;
		break;
	default: return;
	}
	out->n++;
}

/* Go once through the answer: collect the records of name; with a CNAME in
 * place of them name becomes its target.  1 if there was a CNAME, 0 if not, -1
 * when the answer cannot be read. */
static int
scan_answer(ns_msg *msg, int type, char name[DNS_NAME], struct records *out)
{
	char target[DNS_NAME];
	int i, alias = 0;
	ns_rr rr;

	for (i = 0; i < ns_msg_count(*msg, ns_s_an); i++) {
		if (ns_parserr(msg, ns_s_an, i, &rr) < 0)
			return -1;
		if (ns_rr_class(rr) != ns_c_in ||
		    !same_name(ns_rr_name(rr), name))
			continue;
		if ((int)ns_rr_type(rr) == type)
			collect(msg, &rr, out);
		else if (ns_rr_type(rr) == ns_t_cname) {
			read_name(msg, ns_rr_rdata(rr), target);
			alias = 1;
		}
	}
	if (alias && out->n == 0)
		memcpy(name, target, DNS_NAME);
	return alias && out->n == 0;
}

enum dns_why
dns_answer(const unsigned char *p, size_t n, int type, char name[DNS_NAME],
           struct records *out)
{
	ns_msg msg;
	int i, more;

	out->n = 0;
	if (n > ANSWER_MAX || ns_initparse(p, (int)n, &msg) < 0)
		return DNS_AGAIN;
	for (i = 0; i <= DNS_CNAME_MAX; i++) {
		more = scan_answer(&msg, type, name, out);
		if (more < 0) {
			out->n = 0;
			return DNS_AGAIN;
		}
		if (more == 0)
			return out->n ? DNS_OK : DNS_NONE;
	}
	return DNS_LOOP;
}

static enum dns_why
why_of(int herr)
{
	switch (herr) {
	case HOST_NOT_FOUND: return DNS_NX;
	case NO_DATA: return DNS_NONE;
	default: return DNS_AGAIN;
	}
}

/* Is what an answer says secure? */
static bool
is_secure(const unsigned char *answer)
{
	HEADER h;

	memcpy(&h, answer, sizeof h);
	return (_res.options & RES_TRUSTAD) && h.ad;
}

/* --- by TCP --- */

/* The i-th name server of resolv.conf or NULL.  The library has an IPv6 one
 * elsewhere, and no family then. */
static const struct sockaddr *
server(int i)
{
	const struct sockaddr *sa =
	    (const struct sockaddr *)&_res.nsaddr_list[i];

	return sa->sa_family ? sa
	                     : (const struct sockaddr *)_res._u._ext.nsaddrs[i];
}

static int
take_bytes(struct io *io, unsigned char *p, size_t n)
{
	ssize_t have;

	for (; n > 0; n -= (size_t)have, p += have) {
		if ((have = io_fill(io)) < 0)
			return -1;
		if ((size_t)have > n)
			have = (ssize_t)n;
		memcpy(p, io->buf + io->pos, (size_t)have);
		io->pos += (size_t)have;
	}
	return 0;
}

/* Ask this name server: the length of its answer, or -1. */
static int
ask_server(const struct sockaddr *sa, const unsigned char *query, int n,
           unsigned char *answer)
{
	long wait = 1000L * _res.retrans * _res.retry;
	unsigned char len[2] = {(unsigned char)(n >> 8), (unsigned char)n};
	long long end = io_now() + wait;
	struct io io;
	int fd = io_dial(sa,
	                 sa->sa_family == AF_INET ? sizeof(struct sockaddr_in)
	                                          : sizeof(struct sockaddr_in6),
	                 wait);

	if (fd < 0)
		return -1;
	io_init(&io, fd, fd);
	io.deadline = end;
	io_put(&io, len, 2);
	io_put(&io, query, (size_t)n);
	n = -1;
	if (take_bytes(&io, len, 2) == 0) {
		n = len[0] << 8 | len[1];
		if (n < HFIXEDSZ || take_bytes(&io, answer, (size_t)n) < 0)
			n = -1;
	}
	io_free(&io);
	close(fd);
	return n;
}

/* The library would wait for ever for a name server that takes a connection and
 * says nothing. */
static enum dns_why
ask_by_tcp(const char *name, int type, unsigned char *answer, size_t *len)
{
	unsigned char q[QUERY_MAX];
	int i, m,
	    n = res_mkquery(ns_o_query, name, ns_c_in, type, NULL, 0, NULL, q,
	                    sizeof q);
	HEADER h;

	for (i = 0; n > 0 && i < _res.nscount; i++) {
		m = server(i) ? ask_server(server(i), q, n, answer) : -1;
		/* The same number, the same question. */
		if (m < n || memcmp(answer, q, 2) != 0 ||
		    !mem_ieq((char *)answer + HFIXEDSZ, (char *)q + HFIXEDSZ,
		             (size_t)n - HFIXEDSZ))
			continue;
		memcpy(&h, answer, sizeof h);
		/* Half of an answer would have the other half be "none". */
		if (!h.qr || h.tc)
			continue;
		*len = (size_t)m;
		if (h.rcode == ns_r_noerror)
			return DNS_OK;
		if (h.rcode == ns_r_nxdomain)
			return DNS_NX;
	}
	return DNS_AGAIN;
}

/* The first name server was silent: the library would wait for it at each question, so
 * that it becomes the last one. */
static void
turn_servers(void)
{
	struct sockaddr_in v4 = _res.nsaddr_list[0];
	struct sockaddr_in6 *v6 = _res._u._ext.nsaddrs[0];
	int i;

	for (i = 0; i < _res.nscount - 1; i++) {
		_res.nsaddr_list[i] = _res.nsaddr_list[i + 1];
		_res._u._ext.nsaddrs[i] = _res._u._ext.nsaddrs[i + 1];
	}
	_res.nsaddr_list[i] = v4;
	_res._u._ext.nsaddrs[i] = v6;
}

/* One question, one answer. */
static enum dns_why
ask_once(const char *name, int type, unsigned char *answer, size_t *len)
{
	long long begin = io_now();
	HEADER h = {0};
	int n;

	if (_res.options & RES_USEVC)
		return ask_by_tcp(name, type, answer, len);
	memcpy(answer, &h, sizeof h);
	n = res_query(name, ns_c_in, type, answer, ANSWER_MAX);
	memcpy(&h, answer, sizeof h);
	if (_res.nscount > 1 && io_now() - begin >= 1000L * _res.retrans)
		turn_servers();
	if (h.tc)
		return ask_by_tcp(name, type, answer, len);
	*len = n > ANSWER_MAX ? ANSWER_MAX : (size_t)n;
	return n < 0 ? why_of(h_errno) : DNS_OK;
}

/* Ask for the records of name, following CNAMEs over several answers; it becomes the
 * last one.  answer is room for ANSWER_MAX bytes. */
static enum dns_why
ask(char name[DNS_NAME], int type, unsigned char *answer, struct records *out)
{
	char before[DNS_NAME];
	enum dns_why w;
	size_t n;
	int i;

	out->n = 0;
	out->secure = true;
	for (i = 0; i <= DNS_CNAME_MAX; i++) {
		w = ask_once(name, type, answer, &n);
		if (w != DNS_OK)
			return w;
		out->secure &= is_secure(answer);
		memcpy(before, name, sizeof before);
		w = dns_answer(answer, n, type, name, out);
		if (w != DNS_NONE || same_name(before, name))
			return w;
	}
	return DNS_LOOP;
}

/* As ask(), for those who want nothing of the answer but the records; last:
 * NULL, or the last name. */
static enum dns_why
lookup(const char *domain, int type, struct records *out, char last[DNS_NAME])
{
	unsigned char *answer;
	char name[DNS_NAME];
	enum dns_why w;

	out->n = 0;
	out->secure = false;
	if ((size_t)snprintf(name, sizeof name, "%s", domain) >= sizeof name)
		return DNS_NX;
	answer = mem_alloc(ANSWER_MAX);
	w = ask(name, type, answer, out);
	free(answer);
	if (last)
		memcpy(last, name, DNS_NAME);
	return w;
}

/* --- questions --- */

static bool
is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohl(
		           ((const struct sockaddr_in *)sa)->sin_addr.s_addr) >>
		           24 ==
		       IN_LOOPBACKNET;
	return sa->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(
	           &((const struct sockaddr_in6 *)sa)->sin6_addr);
}

bool
dns_is_loopback(const struct address *a)
{
	return is_loopback((const struct sockaddr *)&a->sa);
}

/* Are all name servers of resolv.conf on this machine? */
static bool
all_loopback(void)
{
	int i;

	for (i = 0; i < _res.nscount; i++)
		if (!server(i) || !is_loopback(server(i)))
			return false;
	return _res.nscount > 0;
}

int
dns_init(const struct conf *c)
{
	char host[DNS_NAME];
	unsigned port = DNS_PORT;
	struct address a;

	if (res_init() < 0)
		return -1;
	_res.options |= RES_IGNTC; /* ask_by_tcp() */
	/* RES_TRUSTAD: ask with AD, and keep it in the answer. */
	if (all_loopback())
		_res.options |= RES_TRUSTAD;
	if (!*c->nameserver || conf_hostport(c->nameserver, host, &port) < 0 ||
	    dns_literal(host, port, &a) < 0)
		return 0;
	_res.options &= ~(unsigned long)RES_TRUSTAD;
	if (dns_is_loopback(&a))
		_res.options |= RES_TRUSTAD;
	_res.nscount = 1;
	if (a.sa.ss_family == AF_INET) {
		memcpy(&_res.nsaddr_list[0], &a.sa, sizeof _res.nsaddr_list[0]);
		return 0;
	}
	/* The library keeps IPv6 servers apart; it frees this one. */
	if (!_res._u._ext.nsaddrs[0])
		_res._u._ext.nsaddrs[0] =
		    mem_alloc(sizeof(struct sockaddr_in6));
	memcpy(_res._u._ext.nsaddrs[0], &a.sa, sizeof(struct sockaddr_in6));
	_res.nsaddr_list[0].sin_family = 0;
	return 0;
}

static int
mx_cmp(const void *x, const void *y)
{
	const struct mx *a = x, *b = y;

	if (a->pref != b->pref)
		return a->pref < b->pref ? -1 : 1;
	return (a->lot > b->lot) - (a->lot < b->lot);
}

/* RFC 5321 5.1: by preference, equal ones in random order. */
static void
mx_sort(struct mxlist *l)
{
	size_t i;

	if (l->n < 2)
		return;
	for (i = 0; i < l->n; i++)
		if (getentropy(&l->mx[i].lot, sizeof l->mx[i].lot) < 0)
			l->mx[i].lot = (unsigned)i;
	qsort(l->mx, l->n, sizeof *l->mx, mx_cmp);
}

enum dns_why
dns_mx(const char *domain, struct mxlist *out)
{
	struct records *rs = mem_alloc(sizeof *rs);
	enum dns_why w = lookup(domain, ns_t_mx, rs, NULL);
	bool null = false;
	size_t i;

	memset(out, 0, sizeof *out);
	out->secure = rs->secure;
	for (i = 0; w == DNS_OK && i < rs->n; i++) {
		/* RFC 7505 3: the root as the host. */
		if (!*rs->r[i].host) {
			null = true;
			continue;
		}
		/* There is an MX record, so the domain's own address is not
		 * asked for, whatever the record is worth. */
		if (strcmp(rs->r[i].host, ".") == 0)
			continue;
		out->mx[out->n].pref = rs->r[i].pref;
		memcpy(out->mx[out->n++].host, rs->r[i].host, DNS_NAME);
	}
	free(rs);
	if (w == DNS_NONE) {
		out->implicit = true;
		out->n = 1;
		snprintf(out->mx[0].host, DNS_NAME, "%s", domain);
		return DNS_OK;
	}
	if (w == DNS_OK && out->n == 0)
		return null ? DNS_NULLMX : DNS_NONE;
	mx_sort(out);
	return w;
}

enum dns_why
dns_txt(const char *name, struct records *out)
{
	return lookup(name, ns_t_txt, out, NULL);
}

static void
add_address(struct addrlist *l, int family, const unsigned char *addr,
            unsigned port)
{
	if (l->n < DNS_ADDR_MAX)
		set_address(&l->a[l->n++], family, addr, port);
}

enum dns_why
dns_addr(const char *host, unsigned port, struct addrlist *out)
{
	struct records *v6 = mem_alloc(2 * sizeof *v6), *v4 = v6 + 1;
	char name[DNS_NAME] = "";
	enum dns_why w6 = lookup(host, ns_t_aaaa, v6, out->name),
	             w4 = lookup(host, ns_t_a, v4, name);
	size_t i;

	out->n = 0;
	/* Who could not be found was not led to the last name. */
	if (v6->n == 0)
		memcpy(out->name, name, sizeof name);
	/* What there is of both must be secure. */
	out->secure = (v6->n > 0 || v4->n > 0) && (v6->n == 0 || v6->secure) &&
	              (v4->n == 0 || v4->secure);
	for (i = 0; i < v6->n || i < v4->n; i++) {
		if (i < v6->n)
			add_address(out, AF_INET6, v6->r[i].addr, port);
		if (i < v4->n)
			add_address(out, AF_INET, v4->r[i].addr, port);
	}
	free(v6);
	if (out->n)
		return DNS_OK;
	if (w6 == DNS_AGAIN || w4 == DNS_AGAIN)
		return DNS_AGAIN;
	return w4 == DNS_OK ? DNS_NONE : w4;
}

/* Take the records of a TLSA answer. */
static void
tlsa_take(const struct records *rs, struct tlsalist *out)
{
	size_t i;

	for (i = 0; i < rs->n && out->n < DNS_TLSA_MAX; i++) {
		const struct record *r = &rs->r[i];
		struct tlsa *t = &out->t[out->n];

		/* RFC 6698 2.1: usage, selector, matching type, data.  What is
		 * too short or too long is kept as one that cannot be used. */
		*t = (struct tlsa){.usage = 255};
		out->n++;
		if (r->n < 4 || r->n - 3 > DNS_TLSA_DATA)
			continue;
		t->usage = r->p[0];
		t->selector = r->p[1];
		t->type = r->p[2];
		t->n = r->n - 3;
		memcpy(t->data, r->p + 3, t->n);
	}
}

enum dns_why
dns_tlsa(const char *host, unsigned port, struct tlsalist *out)
{
	unsigned char *answer;
	struct records *rs;
	char name[DNS_NAME];
	enum dns_why w;

	out->n = 0;
	out->secure = false;
	/* RFC 6698 3 */
	if ((size_t)snprintf(name, sizeof name, "_%u._tcp.%s", port, host) >=
	    sizeof name)
		return DNS_NONE;
	rs = mem_alloc(sizeof *rs);
	answer = mem_alloc(ANSWER_MAX);
	w = ask(name, ns_t_tlsa, answer, rs);
	if (w == DNS_OK)
		tlsa_take(rs, out);
	out->secure = w == DNS_OK && rs->secure;
	free(answer);
	free(rs);
	return w;
}

enum dns_why
dns_alias(const char *host, bool *secure)
{
	struct records *rs = mem_alloc(sizeof *rs);
	enum dns_why w = lookup(host, ns_t_cname, rs, NULL);

	*secure = w == DNS_OK && rs->secure;
	free(rs);
	return w;
}

const char *
dns_text(enum dns_why w)
{
	switch (w) {
	case DNS_OK: return "ok";
	case DNS_NONE: return "the name has no such record";
	case DNS_NX: return "no such domain";
	case DNS_AGAIN: return "the name server did not answer";
	case DNS_NULLMX: return "the domain takes no mail (null MX)";
	case DNS_LOOP: return "too many aliases (CNAME), or a circle of them";
	}
	return "unknown";
}
