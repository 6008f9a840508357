/* asan - linked into the programs of make asan: programs end without freeing
 * what ends with them, and deliver(8) starts with an environment of its own, so
 * that the options must be built in. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0:exitcode=99";
}
