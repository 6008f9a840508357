/* sasl - unit test of lib/sasl.c: both sides of exchanges, with a judge and a nonce
 * of our own; SCRAM's is the example of RFC 7677 3. */
#include "sasl.h"

#include "code.h"
#include "scram.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#define CLIENT "rOprNGfwEbeRWgbNEkqO"
#define SERVER "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define BOTH   CLIENT SERVER
#define FIRST  "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define PROOF  "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SIGN   "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
#define START  "n,,n=user,r=" CLIENT
#define END    "c=biws,r=" BOTH
#define AUTH   "n=user,r=" CLIENT "," FIRST "," END
#define FINAL  END ",p=" PROOF

static struct claim last; /* that the judge heard */
static int asked, verdict;
static bool safe;

void
scram_nonce(char to[33])
{
	memcpy(to, SERVER, sizeof SERVER);
}

bool
gate_is_safe(const struct judge *j)
{
	(void)j;
	return safe;
}

int
gate_ask(const struct judge *j, struct claim *k, struct grant *g)
{
	(void)j;
	last = *k;
	asked++;
	*g = (struct grant){.verdict = (signed char)verdict};
	if (verdict < 0)
		return -1;
	if (verdict != AUTH_OK)
		return 0;
	if (k->kind == GATE_SCRAM)
		snprintf(g->text, sizeof g->text,
		         "4096 W22ZaJ0SNY7soEsUEjb6gQ==");
	else if (k->kind == GATE_PASSWORD)
		snprintf(g->text, sizeof g->text, "%s", k->name);
	else if (strncmp(k->secret, PROOF " ", strlen(PROOF) + 1) == 0)
		snprintf(g->text, sizeof g->text, SIGN " %s", k->name);
	else
		g->verdict = AUTH_NO;
	return 0;
}

/* Lines of in: what the client answers, put in base64 unless it begins with '!';
 * out gets what the server says, as text.  first: the same, or NULL. */
static enum sasl_end
run(const struct judge *j, const char *mechanism, const char *first,
    const char *in, struct str *out)
{
	struct str x = {0}, b = {0};
	static struct io io;
	struct sasl s = {.judge = j, .io = &io, .prompt = "+ "};
	struct cur c = cur_of(in), line;
	int to[2], from[2];
	char buf[8192];
	enum sasl_end end;
	ssize_t n;

	assert(pipe(to) == 0 && pipe(from) == 0);
	io_init(&io, to[0], from[1]);
	while (c.p < c.e) {
		cur_until(&c, "\n", &line);
		cur_get(&c);
		str_clear(&x);
		if (cur_take(&line, '!'))
			str_add(&x, line.p, cur_len(&line));
		else
			code_base64(&x, line.p, cur_len(&line));
		str_adds(&x, "\r\n");
		assert(write(to[1], x.s, x.n) == (ssize_t)x.n);
	}
	close(to[1]);
	str_clear(&x);
	if (first && *first == '!')
		str_adds(&x, first + 1);
	else if (first)
		code_base64(&x, first, strlen(first));
	end = sasl_run(&s, cur_of(mechanism),
	               first ? str_cur(&x) : (struct cur){0});
	assert(end != SASL_OK || strcmp(s.name, "user") == 0);
	assert(end != SASL_LOST || s.input == IO_EOF || s.input == IO_ERROR);
	assert(io_flush(&io) == 0);
	close(from[1]);
	str_clear(out);
	n = read(from[0], buf, sizeof buf - 1);
	assert(n >= 0);
	for (c = (struct cur){buf, buf + n}; c.p < c.e;) {
		cur_until(&c, "\r", &line);
		assert(cur_take(&c, '\r') && cur_take(&c, '\n') &&
		       cur_take(&line, '+') && cur_take(&line, ' '));
		str_clear(&b);
		assert(code_unbase64(&b, line) == 0);
		str_addf(out, "%s\n", b.n > 0 ? b.s : "");
	}
	str_free(&x);
	str_free(&b);
	io_free(&io);
	close(to[0]);
	close(from[0]);
	return end;
}

static void
is(const struct judge *j, const char *mechanism, const char *first,
   const char *in, enum sasl_end want, const char *out)
{
	struct str got = {0};
	enum sasl_end end = run(j, mechanism, first, in, &got);

	if (end != want || strcmp(got.n > 0 ? got.s : "", out) != 0) {
		fprintf(stderr, "%s %s %s: %d not %d, said: %s", mechanism,
		        first ? first : "-", in, end, want, got.s);
		assert(0);
	}
	str_free(&got);
}

static void
plain(void)
{
	static const struct judge j;
	const char *good = "!AHVzZXIAcGVuY2ls"; /* \0user\0pencil */

	verdict = AUTH_OK;
	is(&j, "plain", good, "", SASL_OK, "");
	assert(strcmp(last.secret, "pencil") == 0 &&
	       last.kind == GATE_PASSWORD);
	is(&j, "PLAIN", NULL, "!AHVzZXIAcGVuY2ls\n", SASL_OK, "\n");
	is(&j, "PLAIN", "!dXNlcgB1c2VyAHBlbmNpbA==", "", SASL_OK, "");
	verdict = AUTH_NO;
	is(&j, "PLAIN", good, "", SASL_NO, "");
	verdict = AUTH_LATER;
	is(&j, "PLAIN", good, "", SASL_LATER, "");
	verdict = -1;
	is(&j, "PLAIN", good, "", SASL_LATER, "");
	asked = 0;
	is(&j, "PLAIN", "!a2ltAHVzZXIAcGVuY2ls", "", SASL_SYNTAX, "");
	is(&j, "PLAIN", "!=", "", SASL_SYNTAX, "");
	is(&j, "PLAIN", "!", "", SASL_SYNTAX, "");
	is(&j, "PLAIN", "!AHVzZXIAcGVuY2l", "", SASL_BASE64, "");
	is(&j, "PLAIN", NULL, "!*\n", SASL_CANCELED, "\n");
	is(&j, "PLAIN", NULL, "!=\n", SASL_BASE64, "\n");
	is(&j, "PLAIN", NULL, "", SASL_LOST, "\n");
	is(&j, "LOGIN", NULL, "user\npencil\n", SASL_LATER,
	   "Username:\nPassword:\n"); /* the judge is gone */
	assert(asked == 1);
	verdict = AUTH_OK;
	is(&j, "LOGIN", "user", "pencil\n", SASL_OK, "Password:\n");
	is(&j, "LOGIN", NULL, "user\n!*\n", SASL_CANCELED,
	   "Username:\nPassword:\n");
	is(&j, "LOGIN", NULL, "us\ter\npencil\n", SASL_SYNTAX,
	   "Username:\nPassword:\n");
	is(&j, "SCRAM-SHA-256", NULL, "", SASL_NONE, "");
	is(&j, "CRAM-MD5", NULL, "", SASL_NONE, "");
	safe = false;
	is(&j, "PLAIN", NULL, "", SASL_NONE, "");
	assert(sasl_name(&j, 0) == NULL);
	safe = true;
}

static void
scram(void)
{
	static const struct judge j = {.scram = true};
	const char *m = "SCRAM-SHA-256";
	int i;
	static const struct {
		const char *first, *last, *says;
		enum sasl_end end;
	} bad[] = {
	    {"n,a=kim,n=user,r=x",         "",                             "other-error",                   SASL_NO    },
	    {"n,n=user,r=x",               "",                             "invalid-encoding",              SASL_SYNTAX},
	    {"",	                   "",	                     "invalid-encoding",              SASL_SYNTAX},
	    {"x,,n=user,r=x",              "",                             "invalid-encoding",              SASL_SYNTAX},
	    {"n,,m=1,n=user,r=x",          "",                             "extensions-not-supported",      SASL_SYNTAX},
	    {"n,,n=us=er,r=x",             "",                             "invalid-username-encoding",     SASL_SYNTAX},
	    {"n,,n=us=2,r=x",              "",                             "invalid-username-encoding",     SASL_SYNTAX},
	    {"n,,n=us=2c,r=x",             "",                             "invalid-username-encoding",     SASL_SYNTAX},
	    {"n,,n=us\xff,r=x",            "",                             "invalid-username-encoding",     SASL_SYNTAX},
	    {"n,,n=,r=x",                  "",                             "invalid-username-encoding",     SASL_SYNTAX},
	    {"n,,n=user",                  "",                             "invalid-encoding",              SASL_SYNTAX},
	    {"n,,n=user,r=",               "",                             "invalid-encoding",              SASL_SYNTAX},
	    {"n,,n=user,r=a b",            "",                             "invalid-encoding",              SASL_SYNTAX},
	    {"n,,r=x,n=user",              "",                             "invalid-encoding",              SASL_SYNTAX},
	    {"p=tls-exporter,,n=user,r=x", "",                             "channel-binding-not-supported",
	     SASL_NO	                                                                                           },
	    {START,	                "",	                     "invalid-encoding",              SASL_SYNTAX},
	    {START,	                "p=" PROOF,                     "invalid-encoding",              SASL_SYNTAX},
	    {START,	                END,	                    "invalid-encoding",              SASL_SYNTAX},
	    {START,	                "c=bi,r=" BOTH ",p=" PROOF,     "channel-bindings-dont-match",
	     SASL_NO	                                                                                           },
	    {START,	                "c=eSws,r=" BOTH ",p=" PROOF,   "channel-bindings-dont-match",
	     SASL_NO	                                                                                           },
	    {START,	                "c=biws,r=" CLIENT ",p=" PROOF, "other-error",                   SASL_NO    },
	    {START,
	     "c=biws,r=" CLIENT "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k1,p=" PROOF,
	     "other-error",	                                                                         SASL_NO    },
	    {START,	                "c=biws,r=" BOTH "x,p=" PROOF,  "other-error",                   SASL_NO    },
	    {START,	                "c=biws,p=" PROOF,              "other-error",                   SASL_NO    },
	    {START,	                "c=biws,r=" BOTH ",p=" SIGN,    "invalid-proof",                 SASL_NO    },
	    {START,	                "c=biws,r=" BOTH ",p=",         "invalid-proof",                 SASL_NO    },
	};

	verdict = AUTH_OK;
	is(&j, m, START, FINAL "\n\n", SASL_OK, FIRST "\nv=" SIGN "\n");
	assert(strcmp(last.secret, PROOF " " AUTH) == 0);
	is(&j, m, NULL, START "\n" FINAL "\n\n", SASL_OK,
	   "\n" FIRST "\nv=" SIGN "\n");
	is(&j, m, "n,a=user,n=user,r=" CLIENT ",x=y",
	   "c=bixhPXVzZXIs,r=" BOTH ",x=y,p=" PROOF "\n\n", SASL_OK,
	   FIRST "\nv=" SIGN "\n");
	is(&j, m, "y,,n=user,r=" CLIENT, "c=eSws,r=" BOTH ",p=" PROOF "\n\n",
	   SASL_OK, FIRST "\nv=" SIGN "\n");
	is(&j, m, START, FINAL "\n", SASL_LOST, FIRST "\nv=" SIGN "\n");
	is(&j, m, START, FINAL "\n!*\n", SASL_LOST, FIRST "\nv=" SIGN "\n");
	is(&j, m, START, "!*\n", SASL_CANCELED, FIRST "\n");
	is(&j, m, "n,,n=a=2Cb=3D,r=" CLIENT, "!*\n", SASL_CANCELED, FIRST "\n");
	assert(strcmp(last.name, "a,b=") == 0);
	for (i = 0; i < (int)(sizeof bad / sizeof *bad); i++) {
		struct str in = {0}, out = {0};

		if (strcmp(bad[i].first, START) == 0) {
			str_addf(&in, "%s\n", bad[i].last);
			str_adds(&out, FIRST "\n");
		}
		str_adds(&in, "\n");
		str_addf(&out, "e=%s\n", bad[i].says);
		is(&j, m, *bad[i].first ? bad[i].first : "!=", in.s, bad[i].end,
		   out.s);
		str_free(&in);
		str_free(&out);
	}
	verdict = AUTH_LATER;
	is(&j, m, START, "", SASL_LATER, "");
}

static void
bound(void)
{
	static const struct judge j = {.scram = true,
	                               .tls = {.binding = "AAECAw=="}};
	const char *m = "SCRAM-SHA-256-PLUS";
	const char *bind =
	    "c=cD10bHMtZXhwb3J0ZXIsLAABAgM=,r=" BOTH ",p=" PROOF "\n\n";

	verdict = AUTH_OK;
	is(&j, m, "p=tls-exporter,,n=user,r=" CLIENT, bind, SASL_OK,
	   FIRST "\nv=" SIGN "\n");
	is(&j, m, "p=tls-exporter,,n=user,r=" CLIENT, FINAL "\n\n", SASL_NO,
	   FIRST "\ne=channel-bindings-dont-match\n");
	is(&j, m, "p=tls-unique,,n=user,r=x", "\n", SASL_NO,
	   "e=unsupported-channel-binding-type\n");
	is(&j, m, "n,,n=user,r=x", "\n", SASL_NO,
	   "e=channel-bindings-dont-match\n");
	is(&j, "SCRAM-SHA-256", "y,,n=user,r=x", "\n", SASL_NO,
	   "e=server-does-support-channel-binding\n");
	is(&j, "SCRAM-SHA-256", START, FINAL "\n\n", SASL_OK,
	   FIRST "\nv=" SIGN "\n");
	assert(strcmp(sasl_name(&j, 0), m) == 0 &&
	       strcmp(sasl_name(&j, 3), "LOGIN") == 0 && !sasl_name(&j, 4));
}

/* Lines and messages that are too long, as a claim takes them. */
static void
lengths(void)
{
	static const struct judge j = {.scram = true};
	struct str x = {0}, y = {0};
	int i;

	verdict = AUTH_OK;
	str_adds(&x, "n,,n=user,r=");
	for (i = 0; i < 128; i++)
		str_addc(&x, 'x');
	str_addf(&y, "r=%s%s,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096\n", x.s + 12,
	         SERVER);
	is(&j, "SCRAM-SHA-256", x.s, "!*\n", SASL_CANCELED, y.s);
	str_addc(&x, 'x');
	is(&j, "SCRAM-SHA-256", x.s, "\n", SASL_SYNTAX, "e=invalid-encoding\n");
	str_clear(&x);
	str_adds(&x, START ",x=");
	for (i = 0; i < 900; i++)
		str_addc(&x, 'x');
	is(&j, "SCRAM-SHA-256", x.s, FINAL "\n\n", SASL_NO,
	   FIRST "\ne=other-error\n");
	str_clear(&x);
	for (i = 0; i < SASL_LINE + 100; i++)
		str_addc(&x, 'A');
	is(&j, "PLAIN", x.s, "", SASL_BASE64, "");
	is(&j, "PLAIN", NULL, x.s, SASL_BASE64, "\n");
	str_free(&x);
	str_free(&y);
}

int
main(void)
{
	safe = true;
	plain();
	scram();
	bound();
	lengths();
	return 0;
}
