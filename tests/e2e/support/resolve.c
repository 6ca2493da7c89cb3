/* Prints the addresses of a name as getaddrinfo gives them, one a line, in its order; the exit status tells of none. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	char text[INET6_ADDRSTRLEN];

	if (argc != 2 || getaddrinfo(argv[1], NULL, &hints, &list) != 0)
		return 2;
	for (struct addrinfo *one = list; one; one = one->ai_next) {
		const void *ip = one->ai_family == AF_INET
			? (const void *)&((struct sockaddr_in *)one->ai_addr)->sin_addr
			: (const void *)&((struct sockaddr_in6 *)one->ai_addr)->sin6_addr;

		puts(inet_ntop(one->ai_family, ip, text, sizeof(text)));
	}
	freeaddrinfo(list);
	return 0;
}
