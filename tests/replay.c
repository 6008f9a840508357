/* replay - run a fuzz target over the files of a directory.
 * Linked with one target in place of a fuzzer: the corpus is then a regression
 * test that needs no fuzzer.  Each input lies in a block of its own size, so
 * that a sanitizer sees one byte too far. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int
replay(const char *dir, const char *name)
{
	char path[4096];
	struct stat st;
	uint8_t *p;
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f || fstat(fileno(f), &st) < 0) {
		perror(path);
		return -1;
	}
	p = malloc((size_t)st.st_size + !st.st_size);
	n = p ? fread(p, 1, (size_t)st.st_size, f) : 0;
	fclose(f);
	if (n == (size_t)st.st_size)
		LLVMFuzzerTestOneInput(p, n);
	free(p);
	return n == (size_t)st.st_size ? 0 : -1;
}

int
main(int argc, char **argv)
{
	struct dirent *e;
	DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
	int n = 0;

	if (!d) {
		perror(argc == 2 ? argv[1] : "usage: replay DIR");
		return 1;
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.') {
			if (replay(argv[1], e->d_name) < 0)
				return 1;
			n++;
		}
	closedir(d);
	if (n == 0)
		fprintf(stderr, "%s: no files\n", argv[1]);
	return n == 0;
}
