#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"

enum { BACKLOG = 1024, DATAGRAM_MAX = 65535 };

struct listener {
	struct source source;
	struct listener *next;
	int type, port;
};

static struct listener *listeners;
/* Given up for a moment to accept, and so refuse, a connection when descriptors run out. */
static int reserve = -1;

static int set(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof on);
}

static int bind_any(int fd, int family, int port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	if (family == AF_INET6)
		return bind(fd, (struct sockaddr *)&six, sizeof six);
	return bind(fd, (struct sockaddr *)&four, sizeof four);
}

static int open_family(int family, int type, int port)
{
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int off = 0;

	if (fd < 0)
		return -1;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (type == SOCK_STREAM)
		set(fd, SOL_SOCKET, SO_REUSEADDR);
	else
		/* A datagram is answered from the address it was sent to. */
		set(fd, family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP, family == AF_INET6 ? IPV6_RECVPKTINFO : IP_PKTINFO);
	if (bind_any(fd, family, port) == 0 && (type == SOCK_DGRAM || listen(fd, BACKLOG) == 0))
		return fd;
	close(fd);
	return -1;
}

static int open_port(int type, int port, void (*ready)(struct source *, uint32_t))
{
	struct listener *listener = listeners;
	int fd;

	while (listener && (listener->type != type || listener->port != port))
		listener = listener->next;
	if (listener)
		return 0;
	fd = open_family(AF_INET6, type, port);
	/* A machine may have IPv6 switched off. */
	if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
		fd = open_family(AF_INET, type, port);
	if (fd < 0) {
		fprintf(stderr, "standin: cannot listen on %s port %d: %s\n", type == SOCK_STREAM ? "TCP" : "UDP", port,
			errno == EADDRINUSE ? "another program of this network has it" : strerror(errno));
		return -1;
	}
	listener = calloc(1, sizeof *listener);
	if (!listener) {
		close(fd);
		return -1;
	}
	listener->source = (struct source){ .fd = fd, .ready = ready };
	listener->type = type;
	listener->port = port;
	listener->next = listeners;
	listeners = listener;
	return loop_add(&listener->source, EPOLLIN);
}

static void refuse_one(int fd)
{
	close(reserve);
	close(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void tcp_ready(struct source *source, uint32_t events)
{
	int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return refuse_one(source->fd);
	if (fd < 0)
		return;
	set(fd, IPPROTO_TCP, TCP_NODELAY);
	connection_open(fd);
}

static void udp_ready(struct source *source, uint32_t events)
{
	static char bytes[DATAGRAM_MAX];
	char control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct sockaddr_storage from;
	struct iovec data = { bytes, sizeof bytes };
	struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &data, .msg_iovlen = 1,
				  .msg_control = control, .msg_controllen = sizeof control };
	ssize_t n = recvmsg(source->fd, &message, 0);

	(void)events;
	if (n < 0)
		return;
	data.iov_len = (size_t)n;
	/* The interface may not lead back to the sender: the address alone is kept. */
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		if (header->cmsg_type == IPV6_PKTINFO && header->cmsg_level == IPPROTO_IPV6) {
			struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(header);

			if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
				info->ipi6_ifindex = 0;
		} else if (header->cmsg_type == IP_PKTINFO && header->cmsg_level == IPPROTO_IP) {
			struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(header);

			info->ipi_ifindex = 0;
			info->ipi_spec_dst = info->ipi_addr;
		}
	}
	if (sendmsg(source->fd, &message, 0) < 0)
		return;
}

int listener_tcp(int port)
{
	if (reserve < 0)
		reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return open_port(SOCK_STREAM, port, tcp_ready);
}

int listener_udp(int port)
{
	return open_port(SOCK_DGRAM, port, udp_ready);
}

void listener_stop_all(void)
{
	/* Their structures go with the process: nothing is accepted any more. */
	for (struct listener *listener = listeners; listener; listener = listener->next) {
		close(listener->source.fd);
		listener->source.fd = -1;
	}
}
