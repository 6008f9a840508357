/* sasl - fuzz target: what a client says in an exchange.  The first byte is the
 * mechanism and what is there; the first line what comes with the command, the others
 * the answers, put in base64 here unless they begin with '!'. */
#include "sasl.h"

#include "code.h"
#include "scram.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool proven;

void
scram_nonce(char to[33])
{
	snprintf(to, 33, "S");
}

bool
gate_is_safe(const struct judge *j)
{
	return j->scram || !*j->tls.binding;
}

int
gate_ask(const struct judge *j, struct claim *k, struct grant *g)
{
	(void)j;
	if (auth_word(cur_of(k->name), k->name, AUTH_NAME_MAX) < 0)
		abort();
	*g = (struct grant){.verdict = AUTH_OK};
	if (k->kind == GATE_SCRAM) {
		snprintf(g->text, sizeof g->text, "4096 AAAA");
		return 0;
	}
	proven = k->kind == GATE_PASSWORD || strncmp(k->secret, "x ", 2) == 0;
	if (!proven)
		g->verdict = AUTH_NO;
	snprintf(g->text, sizeof g->text, "%s%.255s",
	         k->kind == GATE_PROOF ? "AAAA " : "", k->name);
	return 0;
}

static void
coded(struct cur line, struct str *x)
{
	if (cur_take(&line, '!'))
		str_add(x, line.p, cur_len(&line));
	else
		code_base64(x, line.p, cur_len(&line));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const names[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256",
	                                    "SCRAM-SHA-256-PLUS"};
	static struct io io;
	struct cur c = {(const char *)data, (const char *)data + n}, line;
	int how = cur_get(&c), p[2], out = open("/dev/null", O_WRONLY);
	struct judge j = {.scram = how & 8};
	struct sasl s = {.judge = &j, .io = &io, .prompt = "+ "};
	struct str first = {0}, x = {0};
	enum sasl_end end;

	if (n == 0 || n > 16000 || out < 0 || pipe(p) < 0) {
		close(out);
		return 0;
	}
	if (how & 16)
		snprintf(j.tls.binding, sizeof j.tls.binding, "AAAA");
	cur_until(&c, "\n", &line);
	cur_get(&c);
	str_adds(&first, "");
	coded(line, &first);
	while (c.p < c.e) {
		cur_until(&c, "\n", &line);
		cur_get(&c);
		coded(line, &x);
		str_adds(&x, "\r\n");
	}
	if (write(p[1], x.s, x.n) < 0 && x.n > 0)
		abort();
	close(p[1]);
	io_init(&io, p[0], out);
	proven = false;
	end = sasl_run(&s, cur_of(names[how & 3]),
	               how & 4 ? str_cur(&first) : (struct cur){0});
	if (end == SASL_OK && (!proven || !*s.name))
		abort();
	io_free(&io);
	str_free(&first);
	str_free(&x);
	close(p[0]);
	close(out);
	return 0;
}
