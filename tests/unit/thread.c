/* thread - unit test of imapd/threads.c: the six steps of RFC 5256 3, one after the
 * other, and what nobody should send.
 * With: imapd/threads.c imapd/field.c */
#include "imapd/threads.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* A message in a few words: fields that are NULL are not there. */
struct letter {
	const char *id, *refs, *in_reply_to, *subject;
	bool reply;
	int64_t sent;
};

static struct cur
maybe(const char *z)
{
	return z ? cur_of(z) : (struct cur){NULL, NULL};
}

static void
threads_are(const struct letter *v, size_t n, bool references, const char *want)
{
	struct arena a = {0};
	struct threads *t = threads_begin(&a, n);
	struct str x = {0};
	size_t i;

	for (i = 0; i < n; i++) {
		struct threads_msg m = {.number = (uint32_t)i + 1,
		                        .sent = v[i].sent,
		                        .subject = cur_of(v[i].subject),
		                        .reply = v[i].reply,
		                        .id = maybe(v[i].id),
		                        .references = maybe(v[i].refs),
		                        .in_reply_to = maybe(v[i].in_reply_to)};
		threads_add(t, &m);
	}
	if (references)
		threads_by_references(t, &x);
	else
		threads_by_subject(t, &x);
	str_adds(&x, "");
	if (strcmp(x.s, want) != 0) {
		fprintf(stderr, "%s, not %s\n", x.s, want);
		assert(false);
	}
	str_free(&x);
	threads_end(t);
	arena_free(&a);
}

#define BY_REFERENCES(want, ...)                                     \
	do {                                                         \
		const struct letter v_[] = {__VA_ARGS__};            \
		threads_are(v_, sizeof v_ / sizeof *v_, true, want); \
	} while (0)

#define BY_SUBJECT(want, ...)                                         \
	do {                                                          \
		const struct letter v_[] = {__VA_ARGS__};             \
		threads_are(v_, sizeof v_ / sizeof *v_, false, want); \
	} while (0)

/* Step 1. */
static void
links(void)
{
	threads_are(NULL, 0, true, "");
	BY_REFERENCES("(1)", {"<a>", NULL, NULL, "", false, 1});
	BY_REFERENCES("(1 2 3)", {"<a>", NULL, NULL, "", false, 1},
	              {"<b>", "<a>", NULL, "", false, 2},
	              {"<c>", "<a> <b>", NULL, "", false, 3});
	/* The reply stands first. */
	BY_REFERENCES("(3 2 1)", {"<c>", "<a> <b>", NULL, "", false, 3},
	              {"<b>", "<a>", NULL, "", false, 2},
	              {"<a>", NULL, NULL, "", false, 1});
	BY_REFERENCES("(1 (2)(3 4))", {"<a>", NULL, NULL, "", false, 1},
	              {"<b>", NULL, "<a>", "", false, 2},
	              {"<c>", NULL, "x <a> of jo <q>", "", false, 3},
	              {"<d>", "<a> <c>", "<b>", "", false, 4});
	/* References without a valid ID: In-Reply-To counts. */
	BY_REFERENCES("(1 2)", {"<a>", NULL, NULL, "", false, 1},
	              {"<b>", "none of them <>", "<a>", "", false, 2});
	/* The same ID, in other words; case counts. */
	BY_REFERENCES("(1 2)(3)",
	              {"<\"a\\b\" @ x.y(z)>", NULL, NULL, "", false, 1},
	              {"<b>", "<ab@x.y>", NULL, "", false, 2},
	              {"<c>", "<AB@x.y>", NULL, "", false, 3});
	/* No ID, or one that another has. */
	BY_REFERENCES("(1 4)(2)(3)", {"<a>", NULL, NULL, "", false, 1},
	              {"<a>", NULL, NULL, "", false, 2},
	              {NULL, NULL, NULL, "", false, 3},
	              {"<d>", "<a>", NULL, "", false, 4});
	/* References that were cut: the last one is right (1 B). */
	BY_REFERENCES("(1 2 3)", {"<a>", NULL, NULL, "", false, 1},
	              {"<b>", "<a>", NULL, "", false, 2},
	              {"<c>", "<x> <b>", NULL, "", false, 3});
}

/* Loops. */
static void
loops(void)
{
	BY_REFERENCES("(1)", {"<a>", "<a>", NULL, "", false, 1});
	BY_REFERENCES("(2 1)", {"<a>", "<b>", NULL, "", false, 1},
	              {"<b>", "<a>", NULL, "", false, 2});
	BY_REFERENCES("(3 2 1)", {"<a>", "<b>", NULL, "", false, 1},
	              {"<b>", "<c>", NULL, "", false, 2},
	              {"<c>", "<a>", NULL, "", false, 3});
	BY_REFERENCES(
	    "(1)", {"<a>", "<b> <c> <b> <c> <a> <b> <a>", NULL, "", false, 1});
}

/* Steps 2 to 4, 6: dummies, and dates. */
static void
dummies(void)
{
	BY_REFERENCES("(1)", {"<a>", "<x> <y> <z>", NULL, "", false, 1});
	BY_REFERENCES("((1)(2))", {"<a>", "<x>", NULL, "", false, 1},
	              {"<b>", "<x>", NULL, "", false, 2});
	BY_REFERENCES("((2)(1))", {"<a>", "<x>", NULL, "", false, 3},
	              {"<b>", "<x>", NULL, "", false, 2});
	/* A dummy inside goes, whatever it has. */
	BY_REFERENCES("(1 (2)(3))", {"<a>", NULL, NULL, "", false, 1},
	              {"<b>", "<a> <x>", NULL, "", false, 2},
	              {"<c>", "<a> <x>", NULL, "", false, 3});
	BY_REFERENCES("((1)(2)(3))", {"<a>", "<x> <y>", NULL, "", false, 1},
	              {"<b>", "<x> <y>", NULL, "", false, 2},
	              {"<c>", "<x>", NULL, "", false, 3});
	/* The threads by the date of their first; brothers likewise. */
	BY_REFERENCES("(3)((2)(1))(4)", {"<a>", "<x>", NULL, "", false, 9},
	              {"<b>", "<x>", NULL, "", false, 4},
	              {"<c>", NULL, NULL, "", false, 3},
	              {"<d>", NULL, NULL, "", false, 5});
	BY_REFERENCES("(1 (4)(3)(2))", {"<a>", NULL, NULL, "", false, 9},
	              {"<b>", "<a>", NULL, "", false, 3},
	              {"<c>", "<a>", NULL, "", false, 2},
	              {"<d>", "<a>", NULL, "", false, 1});
	BY_REFERENCES("(2)(1)", {NULL, NULL, NULL, "", false, 2},
	              {NULL, NULL, NULL, "", false, 1});
}

/* Step 5. */
static void
subjects(void)
{
	/* A reply belongs to what it answers, whichever was first. */
	BY_REFERENCES("(1 2)", {"<a>", NULL, NULL, "S", false, 1},
	              {"<b>", NULL, NULL, "S", true, 2});
	BY_REFERENCES("(2 1)", {"<a>", NULL, NULL, "S", true, 1},
	              {"<b>", NULL, NULL, "S", false, 2});
	/* Two of one kind are brothers. */
	BY_REFERENCES("((1)(2))", {"<a>", NULL, NULL, "S", false, 1},
	              {"<b>", NULL, NULL, "S", false, 2});
	BY_REFERENCES("((1)(2)(3))", {"<a>", NULL, NULL, "S", true, 1},
	              {"<b>", NULL, NULL, "S", true, 2},
	              {"<c>", NULL, NULL, "S", true, 3});
	BY_REFERENCES("(1 (2)(3))", {"<a>", NULL, NULL, "S", false, 1},
	              {"<b>", NULL, NULL, "S", true, 2},
	              {"<c>", NULL, NULL, "S", true, 3});
	/* No subject is no bond. */
	BY_REFERENCES("(1)(2)", {"<a>", NULL, NULL, "", false, 1},
	              {"<b>", NULL, NULL, "", true, 2});
	/* A dummy, and one that fits; two dummies. */
	BY_REFERENCES("((1)(2)(3))", {"<a>", "<x>", NULL, "S", true, 1},
	              {"<b>", "<x>", NULL, "S", true, 2},
	              {"<c>", NULL, NULL, "S", false, 3});
	BY_REFERENCES("((1)(2)(3)(4))", {"<a>", "<x>", NULL, "S", true, 1},
	              {"<b>", "<x>", NULL, "S", true, 2},
	              {"<c>", "<y>", NULL, "S", true, 3},
	              {"<d>", "<y>", NULL, "S", true, 4});
	/* What they answer is not there, and different. */
	BY_REFERENCES("(1 (2)(3))", {"<a>", NULL, NULL, "S", false, 1},
	              {"<b>", "<x>", NULL, "S", true, 2},
	              {"<c>", "<y>", NULL, "S", true, 3});
	/* Whole threads move. */
	BY_REFERENCES("(1 (2)(3 4))", {"<a>", NULL, NULL, "S", false, 1},
	              {"<b>", "<a>", NULL, "S", true, 2},
	              {"<c>", NULL, NULL, "S", true, 3},
	              {"<d>", "<c>", NULL, "T", false, 4});
}

static void
ordered_subject(void)
{
	threads_are(NULL, 0, false, "");
	BY_SUBJECT("(1)(2)", {NULL, NULL, NULL, "A", false, 1},
	           {NULL, NULL, NULL, "B", false, 2});
	BY_SUBJECT("(4)(3 (1)(5))(2)", {NULL, NULL, NULL, "A", false, 5},
	           {NULL, NULL, NULL, "C", false, 6},
	           {NULL, NULL, NULL, "A", true, 3},
	           {NULL, NULL, NULL, "B", false, 2},
	           {NULL, NULL, NULL, "A", false, 9});
	BY_SUBJECT("(1 2)", {"<x>", "<a>", NULL, "A", false, 1},
	           {"<y>", NULL, NULL, "A", false, 1});
}

enum { MANY = 100000 };

/* One chain, told in either direction, by number i or MANY - i. */
static void
chain(bool backwards)
{
	struct arena a = {0};
	struct threads *t = threads_begin(&a, MANY);
	struct str x = {0};
	char id[40], ref[40];
	uint32_t i;

	for (i = 1; i <= MANY; i++) {
		uint32_t k = backwards ? MANY + 1 - i : i;
		struct threads_msg m = {.number = i, .sent = k};

		snprintf(id, sizeof id, "<%u@x>", k);
		snprintf(ref, sizeof ref, "<%u@x>", k - 1);
		m.id = cur_of(id);
		m.in_reply_to = cur_of(ref);
		m.subject = cur_of("S");
		m.reply = true;
		threads_add(t, &m);
	}
	threads_by_references(t, &x);
	assert(x.n > MANY && !memchr(x.s + 1, '(', x.n - 1));
	assert(memcmp(x.s, backwards ? "(100000 99999 " : "(1 2 3 ", 7) == 0);
	str_free(&x);
	threads_end(t);
	arena_free(&a);
}

/* Many IDs in one field; fields that want loops again and again. */
static void
hostile(void)
{
	struct arena a = {0};
	struct threads *t = threads_begin(&a, 1);
	struct str refs = {0}, loop = {0}, x = {0};
	struct threads_msg m = {.subject = cur_of("")};
	uint32_t i;

	for (i = 0; i < MANY; i++)
		str_addf(&refs, "<%u@x>\r\n ", i);
	for (i = 0; i < 20000; i++)
		str_addf(&loop, "<%u@x> <0@x> ", MANY - 1);
	m.number = 1;
	m.references = str_cur(&refs);
	threads_add(t, &m);
	m.references = str_cur(&loop);
	for (i = 2; i < 10; i++) {
		m.number = i;
		threads_add(t, &m);
	}
	m.references = cur_of("<<<<\"<((((<\"\\");
	m.number = i;
	threads_add(t, &m);
	threads_by_references(t, &x);
	str_free(&refs);
	str_free(&loop);
	str_free(&x);
	threads_end(t);
	arena_free(&a);
}

int
main(void)
{
	links();
	loops();
	dummies();
	subjects();
	ordered_subject();
	chain(false);
	chain(true);
	hostile();
	return 0;
}
