/* conf - see conf.h and facteur.conf(5).  One table holds every key, its kind, its
 * place in struct conf and its default. */
#include "conf.h"

#include "addr.h"
#include "io.h"
#include "log.h"
#include "mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { CONF_MAX = 65536, PORT_MAX = 65535 };

enum kind { TEXT, PATH, LIST, NETS, SIZE, TIME, COUNT, WORD };

static const struct key {
	const char *name;
	enum kind kind;
	size_t at;
	const char *def;   /* NULL: computed in defaults() */
	const char *words; /* WORD: the values allowed; COUNT: "MIN MAX"; TIME:
	                      "+" for one that is not 0; PATH: for one that is
	                      not empty */
} keys[] = {
#define AT(f) offsetof(struct conf, f)
#define UIDL  "ours uw dovecot popa3d xuidl"
    {"hostname",          TEXT,  AT(hostname),          NULL,                  NULL          },
    {"origin",            TEXT,  AT(origin),            NULL,                  NULL          },
    {"domains",           LIST,  AT(domains),           NULL,                  NULL          },
    {"detail",            TEXT,  AT(detail),            "+",                   NULL          },
    {"users",             PATH,  AT(users),             "",                    NULL          },
    {"checkpassword",     LIST,  AT(checkpassword),     "",                    NULL          },
    {"aliases",           PATH,  AT(aliases),           "/etc/aliases",        NULL          },
    {"pipe_user",         LIST,  AT(pipe_user),         "nobody",              NULL          },
    {"mailbox",           TEXT,  AT(mailbox),           "/var/mail/%u",        NULL          },
    {"folders",           TEXT,  AT(folders),           "~/mail",              NULL          },
    {"mailbox_limit",     SIZE,  AT(mailbox_limit),     "0",                   NULL          },
    {"mailbox_full",      WORD,  AT(mailbox_full),      "defer",               "defer bounce"},
    {"relay_from",        NETS,  AT(relay_from),        "127.0.0.0/8 ::1/128", NULL          },
    {"message_limit",     SIZE,  AT(message_limit),     "50M",                 NULL          },
    {"recipient_limit",   COUNT, AT(recipient_limit),   "1000",                "100 100000"  },
    {"hop_limit",         COUNT, AT(hop_limit),         "50",                  "1 1000"      },
    {"error_limit",       COUNT, AT(error_limit),       "20",                  "1 1000"      },
    {"greeting_delay",    TIME,  AT(greeting_delay),    "0",                   NULL          },
    {"early_talk",        WORD,  AT(early_talk),        "log",                 "log refuse"  },
    {"idle_timeout",      TIME,  AT(idle_timeout),      "5m",                  "+"           },
    {"session_timeout",   TIME,  AT(session_timeout),   "2h",                  "+"           },
    {"clear_from",        NETS,  AT(clear_from),        "127.0.0.0/8 ::1/128", NULL          },
    {"hide_client",       WORD,  AT(hide_client),       "no",                  "no yes"      },
    {"uidl",              WORD,  AT(uidl),              "ours",                UIDL          },
    {"spool",             PATH,  AT(spool),             "/var/spool/facteur",  "+"           },
    {"state",             PATH,  AT(state),             "/var/lib/facteur",    "+"           },
    {"spool_free",        SIZE,  AT(spool_free),        "20M",                 NULL          },
    {"nameserver",        TEXT,  AT(nameserver),        "",                    NULL          },
    {"port",              COUNT, AT(port),              "25",                  "1 65535"     },
    {"smarthost",         TEXT,  AT(smarthost),         "",                    NULL          },
    {"retry_min",         TIME,  AT(retry_min),         "5m",                  NULL          },
    {"retry_max",         TIME,  AT(retry_max),         "4h",                  NULL          },
    {"lifetime",          TIME,  AT(lifetime),          "5d",                  NULL          },
    {"warn_after",        TIME,  AT(warn_after),        "4h",                  NULL          },
    {"smtp_timeout",      TIME,  AT(smtp_timeout),      "10m",                 "+"           },
    {"destination_limit", COUNT, AT(destination_limit), "10",                  "1 1000"      },
    {"process_limit",     COUNT, AT(process_limit),     "50",                  "1 1000"      },
    {"log",               TEXT,  AT(log),               "syslog",              NULL          },
    {"programs",          PATH,  AT(programs),          PROGRAMS,              "+"           },
#undef AT
#undef UIDL
};

enum { NKEYS = sizeof keys / sizeof keys[0] };

/* Where the file sets each key (line), for conf_print; 0: default. */
struct source {
	const char *file;
	size_t line;
	size_t set[NKEYS];
	struct str *errors;
};

static void *
place(struct conf *c, const struct key *k)
{
	return (char *)c + k->at;
}

__attribute__((format(printf, 2, 3))) static void
complain(struct source *src, const char *fmt, ...)
{
	va_list ap;

	str_adds(src->errors, src->file);
	if (src->line > 0)
		str_addf(src->errors, ":%zu", src->line);
	str_adds(src->errors, ": ");
	va_start(ap, fmt);
	str_addv(src->errors, fmt, ap);
	va_end(ap);
	str_addc(src->errors, '\n');
}

static const struct key *
find_key(const struct cur *name)
{
	size_t i;

	for (i = 0; i < NKEYS; i++)
		if (cur_is(name, keys[i].name))
			return &keys[i];
	return NULL;
}

static size_t
line_of(const struct source *src, const char *name)
{
	const struct cur c = cur_of(name);

	return src->set[find_key(&c) - keys];
}

/* The value of this key, wherever it stands. */
static void
wrong(struct source *src, const char *name, const char *value, const char *why)
{
	src->line = line_of(src, name);
	complain(src, "%s: '%s' %s", name, value, why);
}

static int
scaled(const char *s, const char *units, const unsigned long long *factor,
       unsigned long long *v)
{
	struct cur c = cur_of(s);
	const char *u;

	if (cur_number(&c, ULLONG_MAX, v) < 0)
		return -1;
	if (cur_len(&c) == 0)
		return 0;
	if (cur_len(&c) != 1 || !(u = strchr(units, *c.p)) ||
	    *v > ULLONG_MAX / factor[u - units])
		return -1;
	*v *= factor[u - units];
	return 0;
}

static int
conf_size(const char *s, unsigned long long *bytes)
{
	static const unsigned long long f[] = {1ull << 10, 1ull << 20,
	                                       1ull << 30, 1ull << 40};

	if (scaled(s, "KMGT", f, bytes) < 0 || *bytes > LLONG_MAX)
		return -1;
	return 0;
}

int
conf_time(const char *s, unsigned long *seconds)
{
	static const unsigned long long f[] = {1, 60, 3600, 86400, 604800};
	unsigned long long v;

	if (scaled(s, "smhdw", f, &v) < 0 || v > INT_MAX)
		return -1;
	*seconds = (unsigned long)v;
	return 0;
}

/* A network "192.0.2.0/24" or an address as 16 bytes, IPv4 mapped, and the number of bits
 * that count. */
static int
parse_net(const char *s, unsigned char a[16], unsigned *bits)
{
	char ip[INET6_ADDRSTRLEN];
	unsigned long long max, v;
	struct cur c = cur_of(s), w;

	cur_until(&c, "/", &w);
	if (cur_copy(w, ip, sizeof ip) < 0)
		return -1;
	memset(a, 0, 16);
	a[10] = a[11] = 0xff;
	if (inet_pton(AF_INET, ip, a + 12) == 1)
		max = 32;
	else if (inet_pton(AF_INET6, ip, a) == 1)
		max = 128;
	else
		return -1;
	v = max;
	if (cur_take(&c, '/') &&
	    (cur_number(&c, max, &v) < 0 || cur_len(&c) > 0))
		return -1;
	*bits = (unsigned)(v + (128 - max));
	return 0;
}

int
conf_hostport(const char *text, char host[CONF_HOST], unsigned *port)
{
	struct cur c = cur_of(text), h;
	unsigned long long v;

	if (cur_take(&c, '[')) {
		cur_until(&c, "]", &h);
		if (!cur_take(&c, ']'))
			return -1;
	} else if (strchr(text, ':') != strrchr(text, ':')) {
		h = c;
		c.p = c.e;
	} else {
		cur_until(&c, ":", &h);
	}
	/* A final dot says no more, and tables have names without. */
	if (cur_len(&h) > 1 && h.e[-1] == '.')
		h.e--;
	if (cur_len(&h) == 0)
		return -1;
	if (cur_take(&c, ':')) {
		if (cur_number(&c, PORT_MAX, &v) < 0 || v == 0)
			return -1;
		*port = (unsigned)v;
	}
	return cur_len(&c) > 0 ? -1 : cur_copy(h, host, CONF_HOST);
}

char *
conf_beside(const struct conf *c, const char *name)
{
	const char *slash = strrchr(c->file, '/');
	struct str s = {0};

	if (slash)
		str_add(&s, c->file, (size_t)(slash - c->file) + 1);
	str_adds(&s, name);
	return s.s;
}

bool
conf_net_has(const char *net, const char *ip)
{
	unsigned char have[16], want[16];
	unsigned bits, all, full, rest;

	if (parse_net(net, have, &bits) < 0 || parse_net(ip, want, &all) < 0)
		return false;
	full = bits / 8;
	rest = bits % 8;
	return memcmp(have, want, full) == 0 &&
	       (rest == 0 || (have[full] ^ want[full]) >> (8 - rest) == 0);
}

bool
conf_net_match(const struct list *nets, const char *ip)
{
	size_t i;

	for (i = 0; i < nets->n; i++)
		if (conf_net_has(nets->v[i], ip))
			return true;
	return false;
}

static void
set_list(const struct key *k, struct list *l, struct cur value,
         struct source *src)
{
	unsigned char a[16];
	unsigned bits;
	struct cur w;

	while (cur_word(&value, &w) > 0) {
		list_add_cur(l, w);
		if (k->kind == NETS && parse_net(l->v[l->n - 1], a, &bits) < 0)
			wrong(src, k->name, l->v[l->n - 1], "is no network");
	}
}

static void
set_count(const struct key *k, unsigned long *v, const char *text,
          struct source *src)
{
	struct cur c = cur_of(text), limits = cur_of(k->words);
	unsigned long long n, min = 0, max = 0;

	cur_number(&limits, ULONG_MAX, &min);
	cur_blanks(&limits);
	cur_number(&limits, ULONG_MAX, &max);
	if (cur_number(&c, max, &n) < 0 || cur_len(&c) > 0 || n < min)
		complain(src, "%s: '%s' is not a number from %llu to %llu",
		         k->name, text, min, max);
	else
		*v = (unsigned long)n;
}

/* One of the words of the list, as it is written there. */
static void
set_word(const struct key *k, char *text, struct source *src)
{
	struct cur c = cur_of(k->words), w;

	while (cur_word(&c, &w) > 0)
		if (cur_is(&w, text)) {
			memcpy(text, w.p, cur_len(&w));
			return;
		}
	complain(src, "%s: '%s' is not one of: %s", k->name, text, k->words);
}

static void
set_key(struct conf *c, const struct key *k, struct cur value,
        struct source *src)
{
	void *at = place(c, k);
	char *text = mem_dup(value.p, cur_len(&value));

	switch (k->kind) {
	case LIST:
	case NETS: set_list(k, at, value, src); break;
	case SIZE:
		if (conf_size(text, at) < 0)
			wrong(src, k->name, text, "is no size (say 50M)");
		break;
	case TIME:
		if (conf_time(text, at) < 0 ||
		    (k->words && *(unsigned long *)at == 0))
			wrong(src, k->name, text, "is no time (say 5m or 4h)");
		break;
	case COUNT: set_count(k, at, text, src); break;
	case WORD:
	case PATH:
	case TEXT:
		if (k->kind == WORD)
			set_word(k, text, src);
		if (k->kind == PATH && (*text || k->words) && *text != '/')
			wrong(src, k->name, text, "is no absolute path");
		free(*(char **)at);
		*(char **)at = text;
		return;
	}
	free(text);
}

/* The name that a host has by itself: what the kernel says if that has a dot, else
 * that in /etc/mailname.  One that cannot be read now may be there: what is ours
 * would not be ours without it. */
static char *
own_name(struct source *src)
{
	static const char file[] = "/etc/mailname";
	char host[256] = "localhost";
	struct str s = {0};
	struct cur c, w;
	char *name;

	gethostname(host, sizeof host - 1);
	w = cur_of(host);
	if (strchr(host, '.'))
		;
	else if (io_slurp(AT_FDCWD, file, sizeof host - 1, &s) == 0) {
		c = str_cur(&s);
		if (cur_until(&c, " \t\r\n", &w) == 0)
			w = cur_of(host);
	} else if (errno != ENOENT && errno != EACCES && errno != EFBIG) {
		str_addf(src->errors, "%s: %s\n", file, strerror(errno));
	}
	name = mem_dup(w.p, cur_len(&w));
	str_free(&s);
	return name;
}

/* Fill every key that the file did not set. */
static void
defaults(struct conf *c, struct source *src)
{
	size_t i;

	if (!c->hostname)
		c->hostname = own_name(src);
	if (!c->origin)
		c->origin = str_dup(c->hostname);
	if (!c->domains.n) {
		list_add(&c->domains, c->hostname);
		list_add(&c->domains, "localhost");
	}
	for (i = 0; i < NKEYS; i++)
		if (!src->set[i] && keys[i].def)
			set_key(c, &keys[i], cur_of(keys[i].def), src);
}

static void
read_line(struct conf *c, struct cur line, struct source *src)
{
	const struct key *k;
	struct cur name;
	const char *p;

	while (cur_len(&line) > 0 && strchr(" \t\r", line.e[-1]) && line.e[-1])
		line.e--;
	cur_blanks(&line);
	if (cur_len(&line) == 0 || *line.p == '#')
		return;
	for (p = line.p; p < line.e; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f) {
			complain(src, "a control character, 0x%02x", *p);
			return;
		}
	cur_word(&line, &name);
	cur_blanks(&line);
	k = find_key(&name);
	if (!k) {
		complain(src, "unknown key '%.*s'", (int)cur_len(&name),
		         name.p);
		return;
	}
	src->set[k - keys] = src->line;
	set_key(c, k, line, src);
}

/* ~ and %h stand for a home, which is absolute. */
static void
check_place(struct source *src, const char *name, const char *path)
{
	const char *p = path;

	if (*p == '~')
		p++;
	else if (strncmp(p, "%h", 2) == 0)
		p += 2;
	if (*p != '/' && (p == path || *p))
		wrong(src, name, path, "is no absolute path");
	for (; (p = strchr(p, '%')); p++)
		if (p[1] != 'u' && p[1] != 'h')
			wrong(src, name, (char[]){'%', p[1], '\0'},
			      "stands for nothing");
}

/* A host, or with number the address of one, and maybe a port. */
static void
check_host(struct source *src, const char *name, const char *text, bool number)
{
	char host[CONF_HOST], ascii[ADDR_DOMAIN_MAX + 1];
	unsigned char a[16];
	unsigned port, bits;

	if (*text &&
	    (conf_hostport(text, host, &port) < 0 || strchr(host, '/') ||
	     (parse_net(host, a, &bits) < 0 &&
	      (number || addr_to_ascii(host, ascii) < 0))))
		wrong(src, name, text, number ? "is no address" : "is no host");
}

static bool
part_of_name(char c)
{
	return str_isalpha(c) || str_isdigit(c) || c == '@' || (c & 0x80);
}

/* Values that only make sense together. */
static void
check_whole(const struct conf *c, struct source *src)
{
	char ascii[ADDR_DOMAIN_MAX + 1];
	const char *p;
	size_t i;

	if (addr_to_ascii(c->hostname, ascii) < 0)
		wrong(src, "hostname", c->hostname, "is no host name");
	if (line_of(src, "origin") > 0 && addr_to_ascii(c->origin, ascii) < 0)
		wrong(src, "origin", c->origin, "is no domain");
	for (i = 0; line_of(src, "domains") > 0 && i < c->domains.n; i++)
		if (addr_to_ascii(c->domains.v[i], ascii) < 0)
			wrong(src, "domains", c->domains.v[i], "is no domain");
	for (p = c->detail; *p && !part_of_name(*p); p++)
		;
	if (*p)
		wrong(src, "detail", p, "has what is part of a name");
	check_place(src, "mailbox", c->mailbox);
	check_place(src, "folders", c->folders);
	src->line = line_of(src, "retry_min");
	if (src->line == 0)
		src->line = line_of(src, "retry_max");
	if (c->retry_min == 0 || c->retry_min > c->retry_max)
		complain(src, "retry_min must be over 0, up to retry_max");
	if (c->checkpassword.n > 0 && c->checkpassword.v[0][0] != '/')
		wrong(src, "checkpassword", c->checkpassword.v[0],
		      "is no absolute path");
	check_host(src, "nameserver", c->nameserver, true);
	check_host(src, "smarthost", c->smarthost, false);
	if (strcmp(c->log, "syslog") != 0 && c->log[0] != '/')
		wrong(src, "log", c->log, "is neither syslog nor a path");
}

static int
load(struct conf *c, struct source *src)
{
	struct str text = {0};
	struct cur all, line;

	*c = (struct conf){.file = src->file};
	if (io_slurp_table(src->file, CONF_MAX, &text) < 0 &&
	    (errno != ENOENT || strcmp(src->file, CONF_FILE) != 0))
		str_addf(src->errors, "%s: %s\n", src->file, strerror(errno));
	all = str_cur(&text);
	while (cur_line(&all, &line)) {
		src->line++;
		read_line(c, line, src);
	}
	str_free(&text);
	defaults(c, src);
	check_whole(c, src);
	return src->errors->n > 0 ? -1 : 0;
}

int
conf_load(struct conf *c, const char *file, struct str *errors)
{
	struct source src = {.file = file ? file : CONF_FILE, .errors = errors};

	return load(c, &src);
}

int
conf_try(struct conf *c, const char *file)
{
	struct str errors = {0};
	struct cur all, line;

	if (conf_load(c, file, &errors) == 0) {
		log_to(c->log);
		return 0;
	}
	all = str_cur(&errors);
	while (cur_line(&all, &line))
		log_warn("%.*s", (int)cur_len(&line), line.p);
	str_free(&errors);
	return -1;
}

void
conf_use(struct conf *c, const char *file)
{
	if (conf_try(c, file) < 0)
		log_die(EX_CONFIG, "the configuration has errors");
}

static void
print_value(struct conf *c, const struct key *k)
{
	const void *at = place(c, k);
	const struct list *l = at;
	size_t i;

	printf("%s", k->name);
	switch (k->kind) {
	case LIST:
	case NETS:
		for (i = 0; i < l->n; i++)
			printf(" %s", l->v[i]);
		break;
	case SIZE: printf(" %llu", *(const unsigned long long *)at); break;
	case TIME: printf(" %lus", *(const unsigned long *)at); break;
	case COUNT: printf(" %lu", *(const unsigned long *)at); break;
	default: printf(" %s", *(char *const *)at);
	}
}

int
conf_print(const struct conf *c, bool all)
{
	struct str errors = {0};
	struct source src = {.file = c->file, .errors = &errors};
	struct conf again;
	size_t i;

	if (load(&again, &src) < 0) {
		str_free(&errors);
		return -1;
	}
	for (i = 0; i < NKEYS; i++) {
		if (!src.set[i] && !all)
			continue;
		print_value(&again, &keys[i]);
		if (src.set[i])
			printf("\t# %s:%zu\n", src.file, src.set[i]);
		else
			printf("\t# default\n");
	}
	str_free(&errors);
	return 0;
}

char *
conf_program(const struct conf *c, const char *name)
{
	const char *base = strrchr(name, '/');
	struct str s = {0};
	struct stat st;

	base = base ? base + 1 : name;
	str_addf(&s, "%s/%s", c->programs, name);
	if (stat(s.s, &st) == 0 && S_ISDIR(st.st_mode)) {
		str_addf(&s, "/%s", base);
	} else {
		str_clear(&s);
		str_addf(&s, "%s/%s", c->programs, base);
	}
	return s.s;
}

void
conf_command(const struct conf *c, const char *const words[], struct list *argv)
{
	char *program = conf_program(c, words[0]);

	list_add(argv, program);
	free(program);
	while (*++words)
		list_add(argv, *words);
}

void
conf_environment(struct list *env)
{
	const char *tz = getenv("TZ");
	struct str s = {0};

	list_add(env, "PATH=/usr/bin:/bin");
	if (tz) {
		str_addf(&s, "TZ=%s", tz);
		list_add(env, s.s);
		str_free(&s);
	}
}

bool
conf_is_local(const struct conf *c, const char *domain)
{
	char want[ADDR_DOMAIN_MAX + 1], have[ADDR_DOMAIN_MAX + 1];
	size_t i;

	if (addr_to_ascii(domain, want) < 0)
		return false;
	for (i = 0; i < c->domains.n; i++)
		if (addr_to_ascii(c->domains.v[i], have) == 0 &&
		    strcmp(want, have) == 0)
			return true;
	return false;
}
