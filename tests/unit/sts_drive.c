/* sts_drive - ask for the MTA-STS policy of a domain, from mtasts.bats:
 *
 *	sts_drive CONF DOMAIN [HOST...]
 *
 * prints the mode, why, and each pattern; then for each host whether it matches.
 * With: queuerun/sts.c queuerun/stsparse.c */
#include "log.h"
#include "mem.h"
#include "queuerun/sts.h"

#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
	struct sts *s = mem_alloc(sizeof *s);
	struct conf conf;
	size_t i;
	int k;

	if (argc < 3)
		return 0;
	log_open("queuerun");
	conf_use(&conf, argv[1]);
	if (dns_init(&conf) < 0)
		return 1;
	sts_find(&conf, argv[2], s);
	printf("%s: %s\n", sts_mode(s->mode), s->why);
	for (i = 0; i < s->nmx; i++)
		printf("mx %s\n", s->mx[i]);
	for (k = 3; k < argc; k++)
		printf("%s %s\n", argv[k],
		       sts_match(s, argv[k]) ? "yes" : "no");
	free(s);
	return 0;
}
