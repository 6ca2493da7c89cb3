/*
 * Traffic at a steady rate, and what became of it: whether a network loses anything while it changes.
 *
 *   traffic load [--seconds N] [--until-eof] [--connects RATE ADDRESS…] [--keep ADDRESS…] [--queries RATE SERVER NAME…]
 *       prints {"ready":true} once all of it has worked, and at the end (SIGTERM, SIGINT) one line of JSON
 *   traffic serve PORT…       the far end of connections
 *   traffic names ADDRESS…    a DNS server that knows every name with a dot
 *
 * Addresses are 1.2.3.4:80 or [fd00::1]:80. Rates are a second's, and go on whether or not answers come. A failure is: a
 * connection that is refused, reset or not answered; a SYN that was sent twice (tcp(7), TCP_INFO), or a connect of more
 * than 900 ms; a question without an answer within a second, or one without a record; a kept connection that breaks, or
 * a byte on it that is not back in 900 ms. Of all times the part is taken off in which this program, or by its own word
 * the far end, was not run by the machine: what is too long only by that is excused, and told; so is whatever becomes of a
 * connection or question that this program could not look at for 900 ms.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load.h"
#include "serve.h"

/* As the first process of a container it must ask for its end: the kernel's default does not apply. */
static void on_end(int signal)
{
	(void)signal;
	_exit(0);
}

/* A descriptor for each that waits: where nothing answers there are some thousands. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int count, char **words)
{
	raise_limit();
	if (count > 2 && strcmp(words[1], "load") == 0)
		return load_run(words + 2);
	signal(SIGTERM, on_end);
	signal(SIGINT, on_end);
	if (count > 2 && strcmp(words[1], "serve") == 0)
		return serve_run(words + 2);
	if (count > 2 && strcmp(words[1], "names") == 0)
		return names_run(words + 2);
	fprintf(stderr, "usage: traffic load OPTIONS… | serve PORT… | names ADDRESS…\n");
	return 2;
}
