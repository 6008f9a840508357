/* ask - what a static program cannot know.  smtpd is linked statically, since
 * its start is most of what it costs, and so has neither the name service nor
 * the IDNA library.  For accounts that are not in /etc/passwd it asks
 * "deliver -u NAME", for domains beyond ASCII "queuerun -i DOMAIN". */
#include "ask.h"
#include "mem.h"
#include "smtp.h"
#include "user.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

/* Run "PROGRAM -C FILE OPTION WORD"; as ask_program(). */
static int
ask(const struct conf *c, const char *program, const char *option,
    const char *word, char buf[ASK_LINE], struct cur *line)
{
	const char *words[] = {"-C", c->file, option, word};
	char *argv[6] = {conf_program(c, program)};
	int i, status;

	for (i = 0; i < 4; i++)
		argv[i + 1] = mem_dup(words[i], strlen(words[i]));
	status = ask_program(argv, NULL, buf, line);
	for (i = 0; i < 5; i++)
		free(argv[i]);
	return status;
}

int
user_ask(const struct conf *c, const char *name, uid_t uid, struct user *u)
{
	char buf[ASK_LINE];
	struct cur line;
	int status;

	(void)uid;
	if (!name) /* as whom a program would run is not for us to know */
		return 0;
	status = ask(c, "deliver", "-u", name, buf, &line);
	if (status == EX_NOUSER)
		return 0;
	if (status == EX_OK && user_parse(line, u) == 0)
		return 1;
	errno = EAGAIN;
	return -1;
}

int
ask_domain(const struct conf *c, char name[ADDR_DOMAIN_MAX + 1])
{
	char buf[ASK_LINE];
	struct cur line;

	if (ask(c, "queuerun", "-i", name, buf, &line) != EX_OK ||
	    cur_len(&line) == 0 || cur_len(&line) > ADDR_DOMAIN_MAX)
		return -1;
	memcpy(name, line.p, cur_len(&line));
	name[cur_len(&line)] = '\0';
	return 0;
}
