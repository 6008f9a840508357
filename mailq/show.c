/* show - the listings of mailq.
 * The short form is Postfix's to the byte, for the eyes and scripts that know
 * it; so are the keys of the JSON form, but for next_attempt. */
#include "mailq.h"

#include "code.h"
#include "date.h"

#include <stdio.h>
#include <string.h>

enum { REASON_WIDTH = 76 }; /* to which a reason is moved right */

#define HEAD_FORMAT   "%-11s %7s %-20s %s\n"
#define SENDER_FORMAT "%-11s %7llu %20.20s %s\n"

static const char *
sender_name(const struct message *m)
{
	return *m->env.sender ? m->env.sender : "MAILER-DAEMON";
}

/* "4F2A1*": active, held, to be returned. */
static void
mark_id(const struct view *v, char out[SPOOL_ID_MAX + 3])
{
	snprintf(out, SPOOL_ID_MAX + 3, "%s%s%s", v->m->id,
	         strcmp(v->queue, "active") == 0 ? "*"
	         : strcmp(v->queue, "hold") == 0 ? "!"
	                                         : "",
	         v->m->expired ? "#" : "");
}

static void
show_reason(const char *reason)
{
	size_t n;

	if (!*reason)
		reason = "reason unavailable";
	n = strlen(reason);
	printf("%*s(%s)\n", n < REASON_WIDTH ? (int)(REASON_WIDTH - n) : 0, "",
	       reason);
}

static void
show_attempts(const struct view *v)
{
	char when[DATE_SIZE] = "never";

	if (v->due != 0)
		date_ctime(v->due, when);
	printf("%-11s %7s %-20s attempts %u, next %s\n", "", "", "",
	       v->m->attempts, when);
}

void
show_short(const struct view *v, struct total *t, bool verbose)
{
	const struct envelope *e = &v->m->env;
	char id[SPOOL_ID_MAX + 3], when[DATE_SIZE];
	const char *said = "";
	size_t i;

	if (t->count++ == 0)
		printf(HEAD_FORMAT, "-Queue ID-", "--Size--",
		       "----Arrival Time----", "-Sender/Recipient-------");
	else
		putchar('\n');
	t->bytes += v->m->len;
	mark_id(v, id);
	date_ctime(e->time, when);
	printf(SENDER_FORMAT, id, (unsigned long long)v->m->len, when,
	       sender_name(v->m));
	for (i = 0; i < e->nrcpt; i++) {
		if (!v->reason[i])
			continue;
		if (strcmp(said, v->reason[i]) != 0)
			show_reason(v->reason[i]);
		said = v->reason[i];
		printf(HEAD_FORMAT, "", "", "", e->rcpt[i].addr);
		if (verbose && v->relay[i])
			printf(HEAD_FORMAT, "", "", "", v->relay[i]);
	}
	if (verbose)
		show_attempts(v);
}

void
show_short_end(const struct total *t)
{
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
