/* peer - see peer.h.  Called by main.c; reads nothing yet.
 * What is said to be a network client and cannot be read is a network client
 * without rights: never taken for a local one. */
#include "peer.h"

#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* An IPv4 address in IPv6 clothes is shown as what it is. */
static void
show_six(const struct in6_addr *a, char ip[INET6_ADDRSTRLEN])
{
	if (IN6_IS_ADDR_V4MAPPED(a))
		inet_ntop(AF_INET, &a->s6_addr[12], ip, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, a, ip, INET6_ADDRSTRLEN);
}

/* An address as text, in brackets or not. */
static void
from_text(struct peer *p, const char *text)
{
	char s[INET6_ADDRSTRLEN + 2];
	struct in6_addr six;
	struct in_addr four;
	struct cur c = cur_of(text), w;

	cur_take(&c, '[');
	cur_until(&c, "]", &w);
	if (cur_copy(w, s, sizeof s) < 0)
		return;
	if (inet_pton(AF_INET, s, &four) == 1)
		inet_ntop(AF_INET, &four, p->ip, sizeof p->ip);
	else if (inet_pton(AF_INET6, s, &six) == 1)
		show_six(&six, p->ip);
}

/* tcpserver, systemd, xinetd, socat: each where it hands us no socket. */
static bool
from_environment(struct peer *p)
{
	static const char *const names[] = {"TCPREMOTEIP", "REMOTE_ADDR",
	                                    "REMOTE_HOST", "SOCAT_PEERADDR"};
	const char *text = NULL;
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0] && !text; i++)
		text = getenv(names[i]);
	if (text)
		from_text(p, text);
	return text != NULL;
}

/* What the rules of tcpserver(1) decided. */
static void
ask_tcpserver(struct peer *p)
{
	const char *name = getenv("TCPREMOTEHOST");

	if (!getenv("TCPREMOTEIP"))
		return;
	p->relay = getenv("RELAYCLIENT") != NULL;
	if (name && strlen(name) < sizeof p->host &&
	    addr_is_domain(cur_of(name)))
		memcpy(p->host, name, strlen(name) + 1);
}

int
peer_find(struct peer *p)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage ss;
	} u;
	socklen_t len = sizeof u;
	const int on = 1;

	*p = (struct peer){.uid = p->uid, .ip = "unknown", .host = "unknown"};
	u.sa.sa_family = AF_UNSPEC;
	if (getpeername(STDIN_FILENO, &u.sa, &len) < 0 && errno != ENOTSOCK)
		return -1;
	if (u.sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &u.in.sin_addr, p->ip, sizeof p->ip);
	else if (u.sa.sa_family == AF_INET6)
		show_six(&u.in6.sin6_addr, p->ip);
	else if (!from_environment(p))
		p->local = true;
	if (u.sa.sa_family == AF_INET || u.sa.sa_family == AF_INET6)
		setsockopt(STDOUT_FILENO, IPPROTO_TCP, TCP_NODELAY, &on,
		           sizeof on);
	ask_tcpserver(p);
	if (p->local) {
		snprintf(p->host, sizeof p->host, "local");
		snprintf(p->ip, sizeof p->ip, "local");
	}
	return 0;
}

/* Is input a socket, neither end of which has a name? */
static bool
is_pair(void)
{
	struct sockaddr_storage ss;
	const socklen_t none = offsetof(struct sockaddr, sa_data);
	socklen_t here = sizeof ss, there = sizeof ss;

	return getsockname(STDIN_FILENO, (struct sockaddr *)&ss, &here) == 0 &&
	       ss.ss_family == AF_UNIX && here <= none &&
	       getpeername(STDIN_FILENO, (struct sockaddr *)&ss, &there) == 0 &&
	       there <= none;
}

bool
peer_is_self(const struct peer *p, bool pair)
{
	struct stat st;

	return getuid() != 0 && p->local && fstat(STDIN_FILENO, &st) == 0 &&
	       (!S_ISSOCK(st.st_mode) || (pair && is_pair()));
}
