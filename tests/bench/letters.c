/* letters - write an mbox of many letters, always the same ones: the mailbox of
 * the benchmarks of popd.
 *
 *	letters [-p] count bytes > mbox
 *
 * Sizes are those of real mail: many short letters, a few long ones.  Each has some
 * fifteen header fields, the last of which is a line of blanks, as deliver writes it;
 * with -p not, as procmail leaves it. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t seed = 1;

/* A number below n. */
static uint64_t
pick(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static void
header(long i, bool room)
{
	static const char *const who[] = {"alice", "bob", "kim", "lee", "jo"};
	const char *from = who[pick(5)];
	time_t t = (time_t)(1700000000 + i * 600);
	char up[32], date[64];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(up, sizeof up, "%a %b %e %H:%M:%S %Y", &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	printf("From %s@far.test %s\n", from, up);
	printf("Return-Path: <%s@far.test>\n", from);
	printf("Delivered-To: bob@a.test\n");
	printf("Received: from mx.far.test (mx.far.test [192.0.2.%d])\n"
	       "\tby a.test with ESMTP id %016llx\n"
	       "\tfor <bob@a.test>; %s\n",
	       (int)pick(256), (unsigned long long)pick(UINT64_MAX), date);
	printf("Received: by mx.far.test (Postfix, from userid 1000)\n"
	       "\tid %08llX; %s\n",
	       (unsigned long long)pick(UINT32_MAX), date);
	printf("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple;\n"
	       "\td=far.test; s=mail; t=%lld; h=Date:From:To:Subject;\n"
	       "\tb=%016llx%016llx%016llx%016llx\n",
	       (long long)t, (unsigned long long)pick(UINT64_MAX),
	       (unsigned long long)pick(UINT64_MAX),
	       (unsigned long long)pick(UINT64_MAX),
	       (unsigned long long)pick(UINT64_MAX));
	printf("Date: %s\n", date);
	printf("From: %s <%s@far.test>\nTo: Bob Test <bob@a.test>\n", from,
	       from);
	printf("Message-ID: <%ld.%016llx@far.test>\n", i,
	       (unsigned long long)pick(UINT64_MAX));
	if (pick(2))
		printf("In-Reply-To: <%016llx@a.test>\n",
		       (unsigned long long)pick(UINT64_MAX));
	printf("Subject: la lettre %ld\nMIME-Version: 1.0\n"
	       "Content-Type: text/plain; charset=utf-8\n"
	       "Content-Transfer-Encoding: 8bit\n"
	       "User-Agent: Mutt/2.2.9 (2022-11-12)\n",
	       i);
	if (room)
		printf("X-Keywords:%65s\n", "");
	putchar('\n');
}

static void
body(long i, uint64_t bytes)
{
	static const char line[] =
	    "Dix mille lettres par jour, et aucune qui se perde en chemin.";

	do {
		printf("%s %ld\n", line, i);
		bytes -= bytes < sizeof line ? bytes : sizeof line;
	} while (bytes > 0);
	putchar('\n');
}

int
main(int argc, char **argv)
{
	bool room = true;
	long count, i;
	uint64_t mean;

	if (argc > 1 && strcmp(argv[1], "-p") == 0) {
		room = false;
		argv++;
		argc--;
	}
	if (argc != 3 || (count = strtol(argv[1], NULL, 10)) < 1)
		return 64;
	mean = strtoull(argv[2], NULL, 10) / (uint64_t)count;
	mean -= mean < 1300 ? mean : 1200; /* the header */
	for (i = 1; i <= count; i++) {
		/* Of eight letters one is of five times the mean, the others
		 * are of three sevenths, more or less. */
		uint64_t size = i % 8 == 0 ? mean * 5 : mean * 3 / 7;

		header(i, room);
		body(i, size / 2 + pick(size + 1));
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
