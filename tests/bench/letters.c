/* letters - write an mbox of many letters, always the same ones: the mailbox of
 * the benchmarks of popd and imapd.
 *
 *	letters [-p | -r] count bytes > mbox
 *
 * Sizes are those of real mail: many short letters, a few long ones.  Each has some
 * fifteen header fields, the last of which is a line of blanks, as deliver writes it;
 * with -p not, as procmail leaves it.
 *
 * With -r they are as those of a list in our days, for IMAP: headers of 2 to 3 kB
 * with four Received fields and a signature, threads, texts as they are, in
 * quoted-printable and in base64, with HTML beside them, and in the eighth letter an
 * attachment.  Twenty texts hold the word "aiguille", a tenth of the subjects
 * "needle". */
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

/* --- letters of a list --- */

enum { AGO = 300, CHAIN = 8, NEEDLES = 20, LINE = 76 };

static long parents[1 << 20]; /* by letter; 0: it begins a thread */
static char noise[1 << 16];   /* base64 */

static const char *const words[] = {
    "release", "mailbox",  "patch",    "question", "index",   "server",
    "summer",  "invoice",  "meeting",  "draft",    "problem", "build",
    "Lyon",    "delivery", "postage",  "stamp",    "letter",  "harbour",
    "morning", "schedule", "contract", "review",   "garden",  "station",
};

/* The n-th number of a row of its own, which does not move seed. */
static unsigned long long
mix(uint64_t n)
{
	n = (n + 1) * 0x9e3779b97f4a7c15;
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
	n = (n ^ n >> 27) * 0x94d049bb133111eb;
	return n ^ n >> 31;
}

static const char *
word(uint64_t n)
{
	return words[n % (sizeof words / sizeof *words)];
}

/* n bytes of base64 in lines that begin with before. */
static void
random_lines(uint64_t n, const char *before)
{
	uint64_t part;

	for (; n > 0; n -= part) {
		part = n < LINE ? n : LINE;
		fputs(before, stdout);
		fwrite(noise + pick(sizeof noise - LINE), 1, part, stdout);
		putchar('\n');
	}
}

static void
message_id(long i)
{
	printf("<%ld.%016llx@host%llu.far.test>", i, mix((uint64_t)i),
	       mix((uint64_t)i) % 40);
}

/* Of which letter is this the answer?  Half of them begin anew. */
static void
family(long i)
{
	long up = parents[i], chain[CHAIN], n = 0;

	if (up == 0)
		return;
	printf("In-Reply-To: ");
	message_id(up);
	for (; up != 0 && n < CHAIN; up = parents[up])
		chain[n++] = up;
	printf("\nReferences:");
	while (n-- > 0) {
		printf("%s ", n % 2 ? "" : "\n");
		message_id(chain[n]);
	}
	putchar('\n');
}

static void
subject(long i)
{
	long root = i;
	uint64_t n;

	while (parents[root] != 0)
		root = parents[root];
	n = mix((uint64_t)root + 7);
	printf("Subject: %s[list] %s", root == i ? "" : "Re: ", word(n));
	for (n >>= 8; n % 8 != 0; n >>= 8)
		printf(" %s", word(n));
	printf("%s%ld\n", root % 10 == 3 ? " needle " : " ", root);
}

static void
received(const char *from, const char *by, const char *date)
{
	unsigned long long id = pick(UINT64_MAX) >> 20;

	printf("Received: from %s (%s [192.0.2.%d])\n"
	       "\tby %s (Postfix) with ESMTPS id %011llX\n"
	       "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 "
	       "bits)\n\t key-exchange X25519 server-signature RSA-PSS)\n"
	       "\tfor <bob@a.test>; %s (UTC)\n",
	       from, from, (int)pick(256), by, id, date);
}

/* What servers say of a letter. */
static void
travel(long i, const char *from, const char *date)
{
	int score = (int)pick(6);
	const char *surname = word(pick(99));

	printf("Return-Path: <list-bounces+%ld@list.test>\n"
	       "X-Original-To: bob@a.test\nDelivered-To: bob@a.test\n",
	       i);
	received("mx.list.test", "a.test", date);
	received("list.test", "mx.list.test", date);
	received("mx.far.test", "list.test", date);
	received("laptop.far.test", "mx.far.test", date);
	printf("Authentication-Results: a.test;\n"
	       "\tdkim=pass (2048-bit key) header.d=far.test "
	       "header.s=mail;\n\tspf=pass smtp.mailfrom=list.test;\n"
	       "\tdmarc=pass (p=none) header.from=far.test\n"
	       "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\n"
	       "\td=far.test; s=mail; "
	       "h=from:from:reply-to:subject:subject:date:date:\n"
	       "\t message-id:message-id:to:to:cc:mime-version:\n"
	       "\t content-type:in-reply-to:references; bh=");
	random_lines(43, "");
	printf("\tb=\n");
	random_lines(344, "\t ");
	printf("X-Spam-Status: No, score=-%d.1 required=5.0 tests=BAYES_00,\n"
	       "\tDKIM_SIGNED,DKIM_VALID,DKIM_VALID_AU,RCVD_IN_DNSWL_MED,\n"
	       "\tSPF_PASS autolearn=ham autolearn_force=no version=3.4.6\n"
	       "From: \"%s %s\" <%s.%ld@far.test>\n",
	       score, from, surname, from, (long)pick(999));
}

static void
list_header(long i, const char *type)
{
	static const char *const who[] = {"Alice", "Jo", "Kim", "Lee", "Zoe"};
	time_t t = (time_t)(1600000000 + i * 600);
	char up[32], date[64];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(up, sizeof up, "%a %b %e %H:%M:%S %Y", &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	printf("From list-bounces+%ld@list.test %s\n", i, up);
	travel(i, who[pick(5)], date);
	printf("To: The list <list@list.test>\n");
	if (pick(3) == 0)
		printf("Cc: Bob Test <bob@a.test>,\n"
		       "\t\"Test, Kim\" <kim.%d@a.test>, lee@b.test\n",
		       (int)pick(99));
	printf("Date: %s\nMessage-ID: ", date);
	message_id(i);
	putchar('\n');
	family(i);
	subject(i);
	printf("User-Agent: Mutt/2.2.9 (2022-11-12)\n"
	       "List-Id: The list <list.list.test>\n"
	       "List-Unsubscribe: <mailto:list-leave@list.test>\n"
	       "List-Post: <mailto:list@list.test>\n"
	       "List-Archive: <https://list.test/archives/list/>\n"
	       "Precedence: list\nMIME-Version: 1.0\n%s"
	       "X-Keywords:%65s\n\n",
	       type, "");
}

/* Some text; in quoted-printable with soft line ends.  The word that is sought for is
 * never cut. */
static void
text(uint64_t bytes, bool quoted, const char *extra)
{
	uint64_t n = 0;
	int i;

	while (n < bytes) {
		for (i = 0; i < 8; i++)
			n += (uint64_t)printf("%s ", word(pick(99)));
		n += (uint64_t)printf(quoted ? "l=C3=A9gume=\n" : "plain\n");
	}
	printf("%s\n", extra);
}

/* 57 bytes make a line of base64. */
static void
coded_text(uint64_t bytes, bool needle)
{
	uint64_t n;

	if (needle)
		puts("TCdhaWd1aWxsZSBkYW5zIGxhIGJvdHRlIGRlIGZvaW4uICAgICAK");
	for (n = 0; n < bytes; n += LINE)
		puts(
		    "RGl4IG1pbGxlIGxldHRyZXMgcGFyIGpvdXIsIGV0IGF1Y3VuZSBxdWkgc2"
		    "UgcGVyZGUu");
}

static void
list_letter(long i, uint64_t size, bool needle)
{
	static const char alternative[] =
	    "--0000000000b=_alt\n"
	    "Content-Type: text/%s; charset=\"UTF-8\"\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n";
	const char *const extra = needle ? "L'aiguille dans le foin." : "";
	const long kind = i % 8;

	parents[i] = i > 1 && pick(2)
	                 ? i - 1 - (long)pick((uint64_t)(i < AGO ? i - 1 : AGO))
	                 : 0;
	if (kind == 0) {
		list_header(i, "Content-Type: multipart/mixed;\n"
		               "\tboundary=\"0000000000b=_mix\"\n");
		printf("--0000000000b=_mix\nContent-Type: text/plain\n\n");
		text(1000, false, extra);
		printf("--0000000000b=_mix\n"
		       "Content-Type: application/pdf; name=\"%ld.pdf\"\n"
		       "Content-Disposition: attachment; filename=\"%ld.pdf\"\n"
		       "Content-Transfer-Encoding: base64\n\n",
		       i, i);
		random_lines(size, "");
		printf("\n--0000000000b=_mix--\n");
	} else if (kind < 3) {
		list_header(i, "Content-Type: multipart/alternative;\n"
		               "\tboundary=\"0000000000b=_alt\"\n");
		printf(alternative, "plain");
		text(size / 3, true, extra);
		printf(alternative, "html");
		printf("<html><body><p class=3D\"MsoNormal\">");
		text(size * 2 / 3, true, extra);
		printf("</body></html>\n--0000000000b=_alt--\n");
	} else if (kind == 3) {
		list_header(i, "Content-Type: text/plain; charset=utf-8\n"
		               "Content-Transfer-Encoding: base64\n");
		coded_text(size, needle);
	} else {
		list_header(i, "Content-Type: text/plain; charset=utf-8\n"
		               "Content-Transfer-Encoding: 8bit\n");
		text(size, false, extra);
	}
	putchar('\n');
}

static void
list_begin(void)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl"
	                             "mnopqrstuvwxyz0123456789+/";
	size_t i;

	for (i = 0; i < sizeof noise; i++)
		noise[i] = digits[pick(64)];
}

int
main(int argc, char **argv)
{
	bool room = true, list = false;
	long count, i, every;
	uint64_t mean;

	if (argc > 1 && argv[1][0] == '-') {
		list = strcmp(argv[1], "-r") == 0;
		room = list;
		argv++;
		argc--;
	}
	if (argc != 3 || (count = strtol(argv[1], NULL, 10)) < 1 ||
	    count >= (long)(sizeof parents / sizeof *parents))
		return 64;
	every = count / NEEDLES + 1;
	mean = strtoull(argv[2], NULL, 10) / (uint64_t)count;
	mean -= mean < 1300 ? mean : list ? 2900 : 1200; /* the header */
	if (list)
		list_begin();
	for (i = 1; i <= count; i++) {
		/* Of eight letters one is of five times the mean, the others
		 * are of three sevenths, more or less. */
		uint64_t size = i % 8 == 0 ? mean * 5 : mean * 3 / 7;

		if (list) {
			size = size / 2 + pick(size + 1);
			list_letter(i, size, i % every == 1);
			continue;
		}
		header(i, room);
		body(i, size / 2 + pick(size + 1));
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
