/* sts - fuzz target: a policy, and the same bytes as up to two TXT records, divided
 * by LF.
 * With: queuerun/stsparse.c */
#include "queuerun/sts.h"
#include "tests/fuzz/fuzz.h"

/* What was read can be written, and read again. */
static void
again(const struct sts *s)
{
	struct sts *t = calloc(1, sizeof *t);
	struct str text = {0};
	size_t i;

	must(t != NULL);
	str_addf(&text, "version: STSv1\r\nmode: %s\r\nmax_age: %lu\r\n",
	         sts_mode(s->mode), s->max_age);
	for (i = 0; i < s->nmx; i++)
		str_addf(&text, "mx: %s\r\n", s->mx[i]);
	must(sts_parse(text.s, text.n, t) == 0);
	must(t->mode == s->mode && t->max_age == s->max_age &&
	     t->nmx == s->nmx);
	for (i = 0; i < s->nmx; i++) {
		must(strcmp(s->mx[i], t->mx[i]) == 0);
		must(sts_match(t, s->mx[i]));
	}
	str_free(&text);
	free(t);
}

static void
records(const uint8_t *data, size_t n)
{
	struct records *rs = calloc(1, sizeof *rs);
	struct cur c = {(const char *)data, (const char *)data + n}, line;
	char id[STS_ID];

	must(rs != NULL);
	for (; rs->n < 2 && cur_len(&c) > 0; rs->n++) {
		cur_until(&c, "\n", &line);
		cur_get(&c);
		memcpy(rs->r[rs->n].host, line.p,
		       cur_len(&line) < DNS_NAME ? cur_len(&line)
		                                 : DNS_NAME - 1);
	}
	if (sts_record(rs, id) == 0)
		must(*id && strlen(id) < STS_ID && !strpbrk(id, "./ -"));
	else
		must(!*id);
	free(rs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sts *s = calloc(1, sizeof *s);

	must(s != NULL);
	if (sts_parse((const char *)data, n, s) == 0) {
		must(s->max_age <= 31557600 && s->nmx <= STS_MX_MAX);
		must(s->nmx > 0 || s->mode == STS_NONE);
		again(s);
	}
	free(s);
	records(data, n);
	return 0;
}
