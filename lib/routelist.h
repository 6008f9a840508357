/* routelist - a file that :include: names: whose it is, and who leads there.  Called
 * by route.c, which reads it. */
#ifndef ROUTELIST_H
#define ROUTELIST_H

#include <stdbool.h>
#include <sys/stat.h>

struct route_list {
	int fd; /* the caller closes it */
	struct stat st;
	uid_t trusted; /* beside root */
	/* Somebody leads there whose it is not: it can name addresses, no programs and
	 * files. */
	bool lent;
};

/* Open the list at path; namer owns what names it, the table or another list.  The
 * table, and root, may name any file that we can read; who owns a list, or a symbolic
 * link on the way, his own, or one that everybody can read, which lends him no
 * rights.  0, or -1 with errno: EACCES for what he may not, EAGAIN when it is being
 * replaced. */
int route_list_open(struct route_list *l, const char *path, uid_t namer,
                    bool table);

#endif
