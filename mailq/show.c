/* show - the listings of mailq.
 * The short form is Postfix's to the byte, for the eyes and scripts that know
 * it; so are the keys of the JSON form, but for next_attempt. */
#include "mailq.h"

#include "code.h"
#include "date.h"

#include <stdio.h>
#include <string.h>

/* Columns: id, size, time; and to which a reason is moved right. */
enum { ID_WIDTH = 11, SIZE_WIDTH = 7, TIME_WIDTH = 20, REASON_WIDTH = 76 };
enum { INDENT = ID_WIDTH + 1 + SIZE_WIDTH + 1 + TIME_WIDTH + 1 };

/* What n bytes lack to a width.  The listing goes without printf(), which takes longer
 * than to look into the message. */
static void
add_blanks(struct str *s, size_t n, size_t width)
{
	char blanks[REASON_WIDTH];

	memset(blanks, ' ', sizeof blanks);
	if (n < width)
		str_add(s, blanks, width - n);
}

static void
add_line(struct str *s, const char *z)
{
	add_blanks(s, 0, INDENT);
	str_adds(s, z);
	str_addc(s, '\n');
}

static const char *
sender_name(const struct message *m)
{
	return *m->env.sender ? m->env.sender : "MAILER-DAEMON";
}

/* "4F2A1*": active, held, to be returned. */
static void
add_id(struct str *s, const struct view *v)
{
	char id[SPOOL_ID_MAX + 3];
	char *end = stpcpy(id, v->m->id);

	if (strcmp(v->queue, "active") == 0)
		*end++ = '*';
	else if (strcmp(v->queue, "hold") == 0)
		*end++ = '!';
	if (v->m->expired)
		*end++ = '#';
	*end = '\0';
	str_adds(s, id);
	add_blanks(s, (size_t)(end - id), ID_WIDTH);
}

static void
add_head(struct str *s, const struct view *v)
{
	char when[DATE_SIZE];
	struct str size = {0};

	add_id(s, v);
	str_addc(s, ' ');
	str_addu(&size, v->m->len);
	add_blanks(s, size.n, SIZE_WIDTH);
	str_adds(s, size.s);
	str_free(&size);
	str_addc(s, ' ');
	date_ctime(v->m->env.time, when);
	str_add(s, when, TIME_WIDTH);
	str_addc(s, ' ');
	str_adds(s, sender_name(v->m));
	str_addc(s, '\n');
}

static void
add_reason(struct str *s, const char *reason)
{
	if (!*reason)
		reason = "reason unavailable";
	add_blanks(s, strlen(reason), REASON_WIDTH);
	str_addc(s, '(');
	str_adds(s, reason);
	str_adds(s, ")\n");
}

static void
add_attempts(struct str *s, const struct view *v)
{
	char when[DATE_SIZE] = "never";

	if (v->due != 0)
		date_ctime(v->due, when);
	add_blanks(s, 0, INDENT);
	str_addf(s, "attempts %u, next %s\n", v->m->attempts, when);
}

void
show_short(const struct view *v, struct total *t, bool verbose)
{
	const struct envelope *e = &v->m->env;
	struct str *s = &t->text;
	const char *said = "";
	size_t i;

	if (t->count++ == 0)
		puts("-Queue ID-  --Size-- ----Arrival Time---- "
		     "-Sender/Recipient-------");
	else
		str_addc(s, '\n');
	t->bytes += v->m->len;
	add_head(s, v);
	for (i = 0; i < e->nrcpt; i++) {
		if (!v->reason[i])
			continue;
		if (strcmp(said, v->reason[i]) != 0)
			add_reason(s, v->reason[i]);
		said = v->reason[i];
		add_line(s, e->rcpt[i].addr);
		if (verbose && v->relay[i])
			add_line(s, v->relay[i]);
	}
	if (verbose)
		add_attempts(s, v);
	fwrite(s->s, 1, s->n, stdout);
	str_clear(s);
}

void
show_short_end(struct total *t)
{
	str_free(&t->text);
	if (t->count == 0)
		puts("Mail queue is empty");
	else
		printf("\n-- %llu Kbytes in %lu Request%s.\n", t->bytes / 1024,
		       t->count, t->count == 1 ? "" : "s");
}

static void
put_string(const char *z)
{
	struct str s = {0};

	code_json(&s, z);
	fputs(s.s, stdout);
	str_free(&s);
}

static void
put_rcpts(const struct view *v)
{
	const struct envelope *e = &v->m->env;
	bool first = true;
	size_t i;

	for (i = 0; i < e->nrcpt; i++) {
		if (!v->reason[i])
			continue;
		fputs(first ? "{\"address\": " : ", {\"address\": ", stdout);
		first = false;
		put_string(e->rcpt[i].addr);
		if (*v->reason[i]) {
			fputs(", \"delay_reason\": ", stdout);
			put_string(v->reason[i]);
		}
		putchar('}');
	}
}

void
show_json(const struct view *v)
{
	printf("{\"queue_name\": \"%s\", \"queue_id\": \"%s\", "
	       "\"arrival_time\": %lld, \"message_size\": %llu, "
	       "\"forced_expire\": %s, \"sender\": ",
	       v->queue, v->m->id, (long long)v->m->env.time,
	       (unsigned long long)v->m->len, v->m->expired ? "true" : "false");
	put_string(sender_name(v->m));
	fputs(", \"recipients\": [", stdout);
	put_rcpts(v);
	if (v->due != 0)
		printf("], \"next_attempt\": %lld}\n", (long long)v->due);
	else
		puts("], \"next_attempt\": null}");
}
