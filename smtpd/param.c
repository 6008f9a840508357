/* param - see param.h.  Called by smtp.c; RFC 5321 4.1.1.11.
 * A parameter given twice and a value that is not what its RFC says are 501,
 * a parameter that nobody offered is 555. */
#include "param.h"

#include "addr.h"
#include "code.h"

#include <stdint.h>

enum {
	SIZE_DIGITS = 20,   /* RFC 1870 6.1 */
	ENVID_LENGTH = 100, /* RFC 3461 4.4 */
	ORCPT_LENGTH = 500, /* RFC 3461 4.2 */
	AUTH_LENGTH = 500   /* RFC 4954 5 */
};

static int
take_size(struct params *p, struct cur v)
{
	struct cur c = v;

	if (cur_len(&v) > SIZE_DIGITS)
		return -1;
	/* 20 digits can say more than we can count: too big in any case. */
	if (cur_number(&c, UINT64_MAX, &p->size) < 0)
		p->size = UINT64_MAX;
	while (str_isdigit(cur_peek(&v)))
		cur_get(&v);
	return cur_len(&v) == 0 ? 0 : -1;
}

static int
take_body(struct params *p, struct cur v)
{
	p->eightbit = cur_is(&v, "8BITMIME");
	return p->eightbit || cur_is(&v, "7BIT") ? 0 : -1;
}

static int
take_utf8(struct params *p, struct cur v)
{
	p->utf8 = true;
	return cur_len(&v) == 0 ? 0 : -1;
}

static int
take_ret(struct params *p, struct cur v)
{
	p->ret = cur_is(&v, "FULL") ? RET_FULL : RET_HDRS;
	return p->ret == RET_FULL || cur_is(&v, "HDRS") ? 0 : -1;
}

static int
take_envid(struct params *p, struct cur v)
{
	if (cur_len(&v) > ENVID_LENGTH)
		return -1;
	return code_unxtext(&p->envid, v);
}

/* Who another host says has sent it: read, and not believed (RFC 4954 5). */
static int
take_auth(struct params *p, struct cur v)
{
	char addr[ADDR_MAX + 1];
	struct str s = {0};
	int r = -1;

	(void)p;
	if (cur_is(&v, "<>"))
		return 0;
	if (cur_len(&v) <= AUTH_LENGTH && code_unxtext(&s, v) == 0)
		r = addr_parse(str_cur(&s), addr);
	str_free(&s);
	return r;
}

static int
take_notify(struct params *p, struct cur v)
{
	if (notify_parse(v, &p->notify) < 0)
		return -1;
	/* RFC 3461 4.1: NEVER stands alone. */
	return p->notify & NOTIFY_NEVER && p->notify != NOTIFY_NEVER ? -1 : 0;
}

/* Only bytes from ! up to max, DEL never. */
static bool
is_graphic(struct cur c, int max)
{
	int b;

	while ((b = cur_get(&c)) > ' ' && b <= max && b != 0x7f)
		;
	return b < 0;
}

static int
take_orcpt(struct params *p, struct cur v)
{
	struct cur type;

	if (cur_len(&v) > ORCPT_LENGTH || cur_until(&v, ";", &type) == 0 ||
	    !cur_take(&v, ';') || cur_len(&v) == 0 || !is_graphic(type, '~'))
		return -1;
	str_add(&p->orcpt, type.p, cur_len(&type));
	str_addc(&p->orcpt, ';');
	if (is_graphic(v, '~') || !cur_is(&type, "utf-8"))
		return code_unxtext(&p->orcpt, v);
	/* RFC 6533 3: the utf-8 type may come as it is; it is kept in the form that
	 * any host, and any report, may have. */
	code_unitext(&p->orcpt, v, "");
	return is_graphic(v, 0xff) && code_is_utf8(v) ? 0 : -1;
}

static const struct param {
	const char *name;
	int command;
	bool value; /* has one, and must */
	int (*take)(struct params *p, struct cur v);
	const char *error;
} params[] = {
    {"SIZE",     PARAM_MAIL, true,  take_size,   "5.5.4 SIZE takes a number"     },
    {"BODY",     PARAM_MAIL, true,  take_body,   "5.5.4 BODY is 7BIT or 8BITMIME"},
    {"SMTPUTF8", PARAM_MAIL, false, take_utf8,   "5.5.4 SMTPUTF8 takes no value" },
    {"RET",      PARAM_MAIL, true,  take_ret,    "5.5.4 RET is FULL or HDRS"     },
    {"ENVID",    PARAM_MAIL, true,  take_envid,  "5.5.4 ENVID is not xtext"      },
    {"AUTH",     PARAM_AUTH, true,  take_auth,   "5.5.4 AUTH is not xtext"       },
    {"NOTIFY",   PARAM_RCPT, true,  take_notify, "5.5.4 cannot read NOTIFY"      },
    {"ORCPT",    PARAM_RCPT, true,  take_orcpt,  "5.5.4 ORCPT is not type;xtext" },
    {NULL,       0,          false, NULL,        NULL                            },
};

static int
fail(struct params *p, int code, const char *error)
{
	p->code = code;
	p->error = error;
	return -1;
}

/* esmtp-keyword of RFC 5321 4.1.2. */
static bool
is_keyword(struct cur c)
{
	const char *p;

	for (p = c.p; p < c.e; p++)
		if (!str_isalpha(*p) && !str_isdigit(*p) &&
		    (*p != '-' || p == c.p))
			return false;
	return p > c.p;
}

static int
take_one(struct params *p, struct cur word, int command)
{
	const struct param *k;
	struct cur name;
	unsigned bit;
	bool value;

	cur_until(&word, "=", &name);
	if (!is_keyword(name))
		return fail(p, 501, "5.5.4 cannot read the parameters");
	value = cur_take(&word, '=');
	for (k = params; k->name; k++)
		if (k->command & command && cur_is(&name, k->name))
			break;
	if (!k->name) /* RFC 5321 4.1.1.11 */
		return fail(p, 555, "5.5.4 unknown parameter");
	bit = 1u << (k - params);
	if (p->seen & bit)
		return fail(p, 501, "5.5.4 parameter given twice");
	p->seen |= bit;
	if (value != k->value || value != (cur_len(&word) > 0) ||
	    k->take(p, word) < 0)
		return fail(p, 501, k->error);
	return 0;
}

int
param_parse(struct params *p, struct cur args, int command)
{
	struct cur word;

	*p = (struct params){0};
	if (cur_len(&args) > 0 && *args.p != ' ' && *args.p != '\t')
		return fail(p, 501, "5.5.4 no blank behind the address");
	while (cur_word(&args, &word) > 0)
		if (take_one(p, word, command) < 0)
			return -1;
	return 0;
}

void
param_free(struct params *p)
{
	str_free(&p->envid);
	str_free(&p->orcpt);
}
