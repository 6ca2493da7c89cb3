/* serve-hostname: the host's name, over HTTP, or raw over TCP and UDP. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "address.h"
#include "commands.h"
#include "datagrams.h"
#include "flags.h"
#include "report.h"
#include "server.h"

static int close_each;

static void answer(struct exchange *exchange, void *context)
{
	(void)context;
	exchange->close |= close_each;
	answer_text(exchange, report_hostname());
}

int serve_hostname(int argc, char **argv)
{
	int tcp = 0, udp = 0, http = 1, port = 9376, fd, received;
	const struct flag flags[] = {
		{ "tcp", FLAG_BOOL, &tcp, 0 },	 { "udp", FLAG_BOOL, &udp, 0 },		 { "http", FLAG_BOOL, &http, 0 },
		{ "port", FLAG_INT, &port, 0 }, { "close", FLAG_BOOL, &close_each, 0 }, { 0 },
	};

	if (flags_read(flags, argc, argv) > 0)
		report_usage("unknown command \"%s\" for \"agnhost serve-hostname\"", argv[0]);
	if (http && (tcp || udp))
		report_fatal("Can't server TCP/UDP mode and HTTP mode at the same time");
	if (tcp) {
		if ((fd = address_listen(SOCK_STREAM, 0, port)) < 0)
			report_fatal("Error from net.Listen(): listen tcp :%d: bind: %s", port, address_error(errno));
		/* Each connection gets the text at once, and ends. */
		connections_serve(fd, respond_with_text, (void *)report_hostname(), 1);
	}
	if (udp) {
		if ((fd = address_listen(SOCK_DGRAM, 0, port)) < 0)
			report_fatal("Error from ListenUDP(): listen udp :%d: bind: %s", port, address_error(errno));
		datagrams_serve(fd, respond_with_text, (void *)report_hostname());
	}
	if (http && server_start(port, answer, NULL, NULL) != 0)
		report_fatal("listen tcp :%d: bind: %s", port, address_error(errno));
	report("Serving on port %d.", port);
	received = commands_wait();
	if (received != SIGTERM)
		commands_die(received);
	report("Shutting down after receiving signal: terminated.");
	report("Awaiting pod deletion.");
	sleep(60);
	_exit(0);
}
