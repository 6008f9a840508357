/* uidl - the unique names of messages (RFC 1939 7), in the form of conf.uidl: ours,
 * or that of the server whose place we took, so that no client gets everything
 * once more.  The first three are UIDVALIDITY and UID as IMAP shows them. */
#include "pop.h"

#include "hdr.h"
#include "md5.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>

enum {
	HEADER_MAX = 1 << 20, /* bytes that are looked at */
	NAME_MAX_LEN = 70
};

void
uidl_show(struct str *x, const struct drop *d, const char *form,
          const struct item *it)
{
	unsigned v = d->store.index.head.validity;

	if (it->name) {
		str_adds(x, it->name);
	} else if (strcmp(form, "uw") == 0) {
		str_addf(x, "%08x%08x", v, it->uid);
	} else if (strcmp(form, "dovecot") == 0) {
		str_addf(x, "%08x%08x", it->uid, v);
	} else {
		str_addu(x, v);
		str_addc(x, '.');
		str_addu(x, it->uid);
	}
}

/* As popa3d does: over what no mail reader changes, down to what the local
 * system put on top. */
static void
name_popa3d(struct cur header, struct str *x)
{
	bool received = false, fixed = false;
	unsigned char h[MD5_SIZE];
	struct cur line;
	struct md5 m;
	int i;

	md5_init(&m);
	while (cur_peek(&header) != '\n' && cur_until(&header, "\n", &line)) {
		line.e += cur_take(&header, '\n');
		if (*line.p == ' ' || *line.p == '\t') {
			; /* as the line before */
		} else if (!received && cur_begins(line, "Received:")) {
			fixed = received = true;
		} else {
			fixed =
			    cur_begins(line, "Delivered-To:") ||
			    (*line.p == 'X' &&
			     cur_begins(line, "X-Delivery-ID:")) ||
			    (!received && (cur_begins(line, "Date:") ||
			                   cur_begins(line, "Message-ID:")));
		}
		if (fixed)
			md5_add(&m, line.p, cur_len(&line));
	}
	md5_end(&m, h);
	for (i = 0; i < 8; i++)
		str_addf(x, "%02x", h[(i & 4) + 3 - (i & 3)]);
}

/* The field X-UIDL, unless it could be taken for a name of ours. */
static void
name_xuidl(struct cur header, struct str *x)
{
	struct cur v, w;
	struct field f;
	bool other = false;
	const char *p;

	if (!hdr_find(header, "X-UIDL", &f))
		return;
	cur_until(&f.body, "\n", &v);
	if (cur_word(&v, &w) == 0 || cur_len(&w) > NAME_MAX_LEN)
		return;
	for (p = w.p; p < w.e; p++) {
		if (*p < 0x21 || *p > 0x7e)
			return;
		other |= *p != '.' && !str_isdigit(*p);
	}
	if (other)
		str_add(x, w.p, cur_len(&w));
}

/* The header of a message, lines ending in LF: 0, or -1. */
static int
read_header(struct store *s, uint32_t uid, struct str *header)
{
	struct store_reader r;
	struct str out = {0};
	bool end = false;
	ssize_t n;
	size_t i;

	str_clear(header);
	str_adds(header, "");
	if (store_read(s, uid, &r) < 0)
		return -1;
	while (!end && (n = store_get(s, &r, &out)) > 0) {
		for (i = 0; i < out.n && !end; i++) {
			if (out.s[i] == '\r')
				continue;
			end = header->n >= HEADER_MAX ||
			      (out.s[i] == '\n' && header->n > 0 &&
			       header->s[header->n - 1] == '\n');
			str_addc(header, out.s[i]);
		}
		str_clear(&out);
	}
	store_read_end(s, &r);
	str_free(&out);
	return end || n == 0 ? 0 : -1;
}

static int
by_name(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a,
	                  *y = *(struct item *const *)b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->uid > y->uid) - (x->uid < y->uid);
}

/* Of several with the same name all but the first get another. */
static void
make_unique(struct drop *d)
{
	struct item **all = mem_alloc((d->n + 1) * sizeof(struct item *));
	const struct item *first = NULL;
	size_t i, n = 0;

	for (i = 0; i < d->n; i++)
		if (d->item[i].name)
			all[n++] = &d->item[i];
	qsort(all, n, sizeof(struct item *), by_name);
	for (i = 0; i < n; i++) {
		if (first && strcmp(first->name, all[i]->name) == 0) {
			free(all[i]->name);
			all[i]->name = NULL;
		} else {
			first = all[i];
		}
	}
	free(all);
}

int
uidl_make(struct drop *d, const char *form)
{
	struct str header = {0}, name = {0};
	bool popa3d = strcmp(form, "popa3d") == 0;
	size_t i;
	int r = 0;

	if (d->named || (!popa3d && strcmp(form, "xuidl") != 0))
		return 0;
	for (i = 0; i < d->n && r == 0; i++) {
		struct item *it = &d->item[i];

		if (read_header(&d->store, it->uid, &header) < 0) {
			r = errno == ESTALE ? 0 : -1;
			continue;
		}
		str_clear(&name);
		(popa3d ? name_popa3d : name_xuidl)(str_cur(&header), &name);
		free(it->name);
		it->name = name.n > 0 ? mem_dup(name.s, name.n) : NULL;
	}
	str_free(&header);
	str_free(&name);
	if (r < 0)
		return -1;
	make_unique(d);
	d->named = true;
	return 0;
}
