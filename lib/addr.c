/* addr - see addr.h.  Read by every program that meets an address.
 * RFC 5321 4.1.2 (paths), RFC 5322 3.4 and 4.4 (lists), RFC 6531 (UTF-8),
 * RFC 5891 (domains).  Linear, without recursion; a control character or a NUL
 * never gets past it.
 *
 * An address is kept as it goes over the wire: a local part stays quoted when,
 * and only when, it must be, so that equal addresses are equal strings and
 * nothing in one can be taken for a part of the command around it. */
#include "addr.h"

#include "code.h"
#include "hdr.h"
#include "idn.h"

#include <arpa/inet.h>

enum {
	LABEL_MAX = 63,     /* RFC 1035 2.3.4 */
	NAME_MAX_TEXT = 253 /* 255 octets in the DNS, written as text */
};

/* --- characters --- */

static bool
is_alnum(int b)
{
	return str_isalpha(b) || str_isdigit(b);
}

/* RFC 5322 3.2.3, and RFC 6531 3.3 for the bytes over 127. */
static bool
is_atext(int b)
{
	return is_alnum(b) || b > 127 ||
	       (b > 0 && strchr("!#$%&'*+-/=?^_`{|}~", b));
}

static bool
is_control(int b)
{
	return b < ' ' || b == 0x7f;
}

/* --- domains --- */

/* Letters, digits, hyphens; the underscore is tolerated, as hosts have it. */
static bool
name_ok(const char *name)
{
	size_t n = 0;
	const char *p;

	if (strlen(name) > NAME_MAX_TEXT)
		return false;
	for (p = name;; p++) {
		if (*p == '.' || *p == '\0') {
			if (n == 0 || n > LABEL_MAX || p[-1] == '-')
				return false;
			if (*p == '\0')
				return true;
			n = 0;
			continue;
		}
		if (!is_alnum((unsigned char)*p) && *p != '_' &&
		    (*p != '-' || n == 0))
			return false;
		n++;
	}
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" in one spelling, lower case.  RFC 5321
 * 4.1.3; other tags are not registered, so they are no domain. */
static int
literal_ascii(const char *p, size_t n, char out[ADDR_DOMAIN_MAX + 1])
{
	unsigned char raw[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];
	struct str s = {0};
	bool six;

	if (n < 3 || n - 2 >= sizeof text + 5 || p[n - 1] != ']')
		return -1;
	p++;
	n -= 2;
	six = n > 5 && mem_ieq(p, "IPv6:", 5);
	if (six) {
		p += 5;
		n -= 5;
	}
	if (cur_copy((struct cur){p, p + n}, text, sizeof text) < 0 ||
	    inet_pton(six ? AF_INET6 : AF_INET, text, raw) != 1)
		return -1;
	inet_ntop(six ? AF_INET6 : AF_INET, raw, text, sizeof text);
	str_addf(&s, "[%s%s]", six ? "ipv6:" : "", text);
	memcpy(out, s.s, s.n + 1);
	str_free(&s);
	return 0;
}

static bool
has_alabel(const char *name)
{
	const char *p;

	for (p = name; p; p = strchr(p, '.')) {
		p += *p == '.';
		if (strncmp(p, "xn--", 4) == 0)
			return true;
	}
	return false;
}

static int
domain_ascii(const char *p, size_t n, char out[ADDR_DOMAIN_MAX + 1])
{
	bool eight = cur_has_8bit((struct cur){p, p + n});
	size_t i;

	if (n == 0 || n > ADDR_DOMAIN_MAX || memchr(p, '\0', n))
		return -1;
	if (*p == '[')
		return literal_ascii(p, n, out);
	for (i = 0; i < n; i++)
		out[i] = str_lower(p[i]);
	if (out[n - 1] == '.')
		n--;
	out[n] = '\0';
	if (eight || has_alabel(out)) {
		int r = idn_lookup(out);

		/* Without the library A-labels pass unproved, U-labels do not. */
		if (r < 0 || (r > 0 && eight))
			return -1;
	}
	/* Again after the mapping: U+FF20 becomes an @, and so on. */
	return name_ok(out) ? 0 : -1;
}

int
addr_to_ascii(const char *domain, char out[ADDR_DOMAIN_MAX + 1])
{
	return domain_ascii(domain, strlen(domain), out);
}

bool
addr_same_domain(const char *a, const char *b)
{
	char x[ADDR_DOMAIN_MAX + 1], y[ADDR_DOMAIN_MAX + 1];

	return addr_to_ascii(a, x) == 0 && addr_to_ascii(b, y) == 0 &&
	       strcmp(x, y) == 0;
}

bool
addr_is_domain(struct cur c)
{
	char out[ADDR_DOMAIN_MAX + 1];

	return !cur_has_8bit(c) && domain_ascii(c.p, cur_len(&c), out) == 0;
}

/* Take a domain or literal at the cursor; it is stored as it was written, but
 * for a final dot. */
static int
parse_domain(struct cur *c, char out[ADDR_DOMAIN_MAX + 1])
{
	char ascii[ADDR_DOMAIN_MAX + 1];
	struct cur d = {c->p, c->p};
	size_t n;
	int b;

	if (cur_peek(c) == '[') {
		cur_until(c, "]", &d);
		if (!cur_take(c, ']'))
			return -1;
		d.e = c->p;
	} else {
		while ((b = cur_peek(c)) > 127 || is_alnum(b) || b == '-' ||
		       b == '_' || b == '.')
			c->p++;
		d.e = c->p;
	}
	n = cur_len(&d);
	if (!code_is_utf8(d) || domain_ascii(d.p, n, ascii) < 0)
		return -1;
	if (d.p[n - 1] == '.')
		n--;
	memcpy(out, d.p, n);
	out[n] = '\0';
	return 0;
}

/* --- local parts --- */

/* Dot-string of RFC 5321 4.1.2? */
static bool
is_dot_string(const char *p, size_t n)
{
	size_t i;

	if (n == 0 || p[0] == '.' || p[n - 1] == '.')
		return false;
	for (i = 0; i < n; i++)
		if (p[i] == '.' ? p[i - 1] == '.'
		                : !is_atext((unsigned char)p[i]))
			return false;
	return true;
}

/* Write a bare local part as the wire has it, at most max bytes.  Returns its
 * length or -1. */
static int
write_local(char *out, size_t max, const char *raw, size_t n)
{
	size_t i, o = 0;

	if (is_dot_string(raw, n)) {
		if (n > max)
			return -1;
		memcpy(out, raw, n);
		return (int)n;
	}
	if (max < 2)
		return -1;
	out[o++] = '"';
	for (i = 0; i < n; i++) {
		bool escape = raw[i] == '"' || raw[i] == '\\';

		if (o + escape + 2 > max)
			return -1;
		if (escape)
			out[o++] = '\\';
		out[o++] = raw[i];
	}
	out[o++] = '"';
	return (int)o;
}

/* Take a quoted string; its content without the quotes goes to raw. */
static int
parse_quoted(struct cur *c, char *raw, size_t max)
{
	size_t n = 0;
	int b;

	cur_get(c);
	while ((b = cur_get(c)) != '"') {
		if (b == '\\')
			b = cur_get(c);
		if (is_control(b) || n == max)
			return -1;
		raw[n++] = (char)b;
	}
	return (int)n;
}

/* Take a local part; dots where they should not be are tolerated. */
static int
parse_local(struct cur *c, char *out)
{
	char raw[ADDR_LOCAL_MAX];
	int n = 0;

	if (cur_peek(c) == '"') {
		n = parse_quoted(c, raw, sizeof raw);
	} else {
		while (n >= 0 && (is_atext(cur_peek(c)) || cur_peek(c) == '.'))
			if (n == ADDR_LOCAL_MAX)
				n = -1;
			else
				raw[n++] = (char)cur_get(c);
		if (n == 0)
			return -1;
	}
	if (n < 0 || !code_is_utf8((struct cur){raw, raw + n}))
		return -1;
	return write_local(out, ADDR_LOCAL_MAX, raw, (size_t)n);
}

/* Take local part [@ domain]. */
static int
parse_mailbox(struct cur *c, char addr[ADDR_MAX + 1])
{
	int n = parse_local(c, addr);

	if (n < 0)
		return -1;
	if (cur_take(c, '@')) {
		addr[n++] = '@';
		return parse_domain(c, addr + n);
	}
	addr[n] = '\0';
	return 0;
}

int
addr_parse(struct cur c, char addr[ADDR_MAX + 1])
{
	if (parse_mailbox(&c, addr) == 0 && c.p == c.e)
		return 0;
	addr[0] = '\0';
	return -1;
}

/* RFC 5321 4.1.2, A-d-l: read and forgotten (appendix C). */
static int
skip_route(struct cur *c)
{
	char hop[ADDR_DOMAIN_MAX + 1];

	if (cur_peek(c) != '@')
		return 0;
	do {
		if (!cur_take(c, '@') || parse_domain(c, hop) < 0)
			return -1;
	} while (cur_take(c, ','));
	return cur_take(c, ':') ? 0 : -1;
}

int
addr_path(struct cur *c, char addr[ADDR_MAX + 1])
{
	addr[0] = '\0';
	if (!cur_take(c, '<'))
		return -1;
	if (cur_take(c, '>'))
		return 0;
	if (skip_route(c) == 0 && parse_mailbox(c, addr) == 0 &&
	    cur_take(c, '>'))
		return 0;
	addr[0] = '\0';
	return -1;
}

/* --- looking into a parsed address --- */

/* Behind the quoted string that addr begins with, or its end. */
static const char *
behind_quotes(const char *addr)
{
	const char *p;

	for (p = addr + 1; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

const char *
addr_at(const char *addr)
{
	return *addr == '"' ? strchr(behind_quotes(addr), '@')
	                    : strrchr(addr, '@');
}

const char *
addr_domain(const char *addr)
{
	const char *at = addr_at(addr);

	return at ? at + 1 : "";
}

bool
addr_is_utf8(const char *addr)
{
	return cur_has_8bit(cur_of(addr));
}

void
addr_write(struct str *s, const char *addr)
{
	const char *at = addr_at(addr);
	size_t n = at ? (size_t)(at - addr) : strlen(addr);
	char local[2 * ADDR_MAX + 2];
	int len = -1;

	if (*addr != '\0' && *addr != '"' && n <= ADDR_MAX)
		len = write_local(local, sizeof local, addr, n);
	if (len < 0)
		str_add(s, addr, n);
	else
		str_add(s, local, (size_t)len);
	if (at)
		str_adds(s, at);
}

/* --- address lists, RFC 5322 3.4 --- */

/* The mailbox that is being collected. */
struct item {
	char
	    spec[2 * ADDR_MAX]; /* display names are cut off: they are not it */
	size_t n;
	bool word;  /* the last token was a word */
	bool bad;   /* two words without a dot or @ between them, or too long */
	bool angle; /* spec was in <> and is parsed */
};

static void
item_add(struct item *it, const char *p, size_t n, bool word)
{
	if (it->angle || (word && it->word) || n > sizeof it->spec - it->n) {
		it->bad = true;
		n = 0;
	}
	memcpy(it->spec + it->n, p, n);
	it->n += n;
	it->word = word;
}

/* A quoted string with its quotes, unfolded. */
static int
item_quoted(struct cur *c, struct item *it)
{
	int b;

	item_add(it, c->p++, 1, true);
	while ((b = cur_get(c)) != '"') {
		if (b == '\\') {
			item_add(it, "\\", 1, false);
			b = cur_get(c);
		}
		if (b < 0)
			return -1;
		if (b != '\r' && b != '\n')
			item_add(it, c->p - 1, 1, false);
	}
	item_add(it, "\"", 1, false);
	it->word = true;
	return 0;
}

/* Take one token that is not a separator of the list. */
static int
item_token(struct cur *c, struct item *it)
{
	struct cur w = {c->p, c->p};

	switch (cur_peek(c)) {
	case '"': return item_quoted(c, it);
	case '[':
		cur_until(c, "]", &w);
		if (!cur_take(c, ']'))
			return -1;
		w.e = c->p;
		item_add(it, w.p, cur_len(&w), true);
		return 0;
	case '.':
	case '@': item_add(it, c->p++, 1, false); return 0;
	}
	if (cur_until(c, " \t\r\n()<>,;:\"[]@.", &w) == 0) {
		it->bad = true; /* a stray ) ] or > */
		c->p++;
		return 0;
	}
	item_add(it, w.p, cur_len(&w), true);
	return 0;
}

/* "<" ... ">": what was collected so far was a display name. */
static int
item_angle(struct cur *c, struct item *it, char addr[ADDR_MAX + 1])
{
	struct cur path;

	if (it->angle)
		return -1;
	*it = (struct item){0};
	item_add(it, c->p++, 1, false);
	while (hdr_cfws(c) == 0 && cur_peek(c) != '>') {
		int b = cur_peek(c);

		if (b == ',' || b == ':')
			item_add(it, c->p++, 1, false);
		else if (b < 0 || item_token(c, it) < 0)
			return -1;
	}
	if (!cur_take(c, '>'))
		return -1;
	item_add(it, ">", 1, false);
	path = (struct cur){it->spec, it->spec + it->n};
	if (it->bad || addr_path(&path, addr) < 0 || path.p != path.e ||
	    *addr == '\0')
		return -1;
	it->angle = true;
	it->word = true;
	return 0;
}

/* The end of one member of the list: nothing, or a mailbox. */
static int
item_end(struct item *it, char addr[ADDR_MAX + 1],
         int (*fn)(void *arg, const char *addr), void *arg)
{
	struct cur spec = {it->spec, it->spec + it->n};

	if (it->bad)
		return -1;
	if (it->n == 0)
		return 0;
	if (!it->angle && addr_parse(spec, addr) < 0)
		return -1;
	*it = (struct item){0};
	return fn(arg, addr) < 0 ? -1 : 0;
}

int
addr_list(struct cur c, int (*fn)(void *arg, const char *addr), void *arg)
{
	struct item it = {0};
	char addr[ADDR_MAX + 1];
	int r = 0;

	while (r == 0 && (r = hdr_cfws(&c)) == 0) {
		switch (cur_peek(&c)) {
		case -1: return item_end(&it, addr, fn, arg);
		case ',':
		case ';': /* the end of a group; elsewhere tolerated */
			c.p++;
			r = item_end(&it, addr, fn, arg);
			break;
		case ':': /* what came before was the name of a group */
			c.p++;
			it = (struct item){0};
			break;
		case '<': r = item_angle(&c, &it, addr); break;
		default: r = item_token(&c, &it); break;
		}
	}
	return -1;
}
