/* userfar - what the name service knows, for a program that is linked statically and
 * so has none; see user.h.  Another program tells: "queuerun -u NAME". */
#include "ask.h"
#include "user.h"

#include <errno.h>
#include <sysexits.h>

int
user_ask(const struct conf *c, const char *name, uid_t uid, struct user *u)
{
	const char *const words[] = {"queuerun", "-C", c->file,
	                             "-u",       name, NULL};
	char buf[ASK_LINE];
	struct cur line;
	int status;

	(void)uid;
	if (!name) /* as whom a program would run is not for us to know */
		return 0;
	status = ask_ours(c, words, NULL, buf, &line);
	if (status == EX_NOUSER)
		return 0;
	if (status == EX_OK && user_parse(line, u) == 0)
		return 1;
	errno = EAGAIN;
	return -1;
}
