/* serv - see serv.h.  The loop of smtpd and popd: it alone decides what is a
 * command and whether its time has come. */
#include "serv.h"

static bool
has_control(const struct cur *c)
{
	const char *p;

	for (p = c->p; p < c->e; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return true;
	return false;
}

static const struct serv_cmd *
find(const struct serv *s, const struct cur *name)
{
	const struct serv_cmd *c;

	for (c = s->cmds; c->name; c++)
		if (cur_is(name, c->name))
			return c;
	return NULL;
}

static int
run_line(struct serv *s, struct cur line)
{
	struct cur name, args = line;
	const struct serv_cmd *c = NULL;
	int r, d;

	cur_until(&args, " \t", &name);
	cur_get(&args);
	if (has_control(&line))
		r = s->garbage(s->session);
	else if (!(c = find(s, &name)))
		r = s->unknown(s->session, &line);
	else if (!(c->states & *s->state))
		r = s->bad_state(s->session, c);
	else
		r = c->run(s->session, &args);
	d = s->done(s->session, c);
	return r ? r : d;
}

int
serv_loop(struct serv *s)
{
	struct cur line;
	ssize_t n;
	int r;

	do {
		n = io_line(s->io, &line, s->line_max);
		if (n >= 0)
			r = run_line(s, line);
		else if (n != IO_LONG)
			r = (int)n;
		else if ((r = s->too_long(s->session)) == 0)
			r = s->done(s->session, NULL);
	} while (r == 0);
	return r;
}
