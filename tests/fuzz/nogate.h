/* nogate - a gate.h for fuzz targets: the first byte of the password is the answer, and
 * TLS begins without a word.  Included once. */
#include "gate.h"

bool
gate_is_safe(const struct judge *j)
{
	return *j->tls.version || j->end < 0;
}

bool
gate_has_tls(const struct judge *j)
{
	return !*j->tls.version && j->end >= 0;
}

int
gate_ask(const struct judge *j, struct claim *k, struct grant *g)
{
	const char *answers = "ynld", *a = strchr(answers, k->secret[0]);

	(void)j;
	*g = (struct grant){.verdict = AUTH_NO};
	if (a && *a == 'd')
		return -1;
	if (a && *a)
		g->verdict = (signed char)(a - answers);
	return 0;
}

void
gate_leave(const struct judge *j, const struct io *io)
{
	(void)j;
	(void)io;
}

int
gate_start_tls(struct judge *j, struct io *io, const char *ready)
{
	io_puts(io, ready);
	j->tls.version[0] = '1';
	return io_flush(io);
}
