/*
 * The CNI plugin that container runtimes execute: it hands environment and configuration to the node's agent
 * and prints the answer. A static program, since a runtime starts one per pod and a Node.js would take 57 ms.
 *
 * The agent's socket: $TENDRIL_CNI_SOCKET, else "socket" in the configuration, which the agent itself wrote. While no
 * agent answers STATUS is well where what the last one put into the kernel is in force ("complete", "pins"): a runtime
 * that hears of a failure calls the node's network broken, and its pods run well.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "frame.h"
#include "in-force.h"
#include "json.h"

/* CNI specification 1.1.0, "Error": well-known codes. */
enum { CNI_BAD_ENVIRONMENT = 4, CNI_IO = 5, CNI_BAD_CONFIG = 6, CNI_TRY_AGAIN = 11 };

static const char newest_version[] = "1.1.0";
static const char supported_versions[] = "[\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]";

static char cni_version[32];
static char deadline_message[256];
/* Asked for STATUS, and what is in the kernel needs no agent. */
static int well_without;

static int fail(int code, const char *message, const char *details)
{
	printf("{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":", cni_version, code);
	json_print_string(stdout, message, strlen(message));
	fputs(",\"details\":", stdout);
	json_print_string(stdout, details, strlen(details));
	fputs("}\n", stdout);
	return 1;
}

static void on_deadline(int signal)
{
	(void)signal;
	if (well_without)
		_exit(0);
	if (write(STDOUT_FILENO, deadline_message, strlen(deadline_message)) < 0)
		_exit(2);
	_exit(1);
}

/* The deadline covers stdin too: a runtime that never closes it must not leave a plugin behind. */
static void set_deadline(const char *command)
{
	unsigned int seconds = strcmp(command, "STATUS") == 0 ? 2 : 60;

	snprintf(deadline_message, sizeof deadline_message,
		 "{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":\"the Tendril agent of this node did not answer %s\","
		 "\"details\":\"no answer within %u s\"}\n",
		 cni_version, CNI_TRY_AGAIN, strcmp(command, "STATUS") == 0 ? "STATUS" : "the request", seconds);
	signal(SIGALRM, on_deadline);
	alarm(seconds);
}

/* Reads stdin whole; -1 when it is longer than the bound or cannot be read. */
static ssize_t read_config(char *config)
{
	size_t have = 0;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, config + have, FRAME_CONFIG_MAX + 1 - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || have + (size_t)n > FRAME_CONFIG_MAX)
			return -1;
		if (n == 0)
			return (ssize_t)have;
		have += (size_t)n;
	}
}

/* Errors carry the version of the configuration; what does not look like one is not echoed. */
static void learn_version(const char *config, size_t length)
{
	if (json_find_string(config, length, "cniVersion", cni_version, sizeof cni_version) != 0 ||
	    strspn(cni_version, "0123456789.") != strlen(cni_version) || !*cni_version)
		strcpy(cni_version, newest_version);
}

static int find_socket(const char *config, size_t length, struct sockaddr_un *address)
{
	const char *from_environment = getenv("TENDRIL_CNI_SOCKET");

	address->sun_family = AF_UNIX;
	if (!from_environment || !*from_environment)
		return json_find_string(config, length, "socket", address->sun_path, sizeof address->sun_path);
	if (strlen(from_environment) >= sizeof address->sun_path)
		return -1;
	strcpy(address->sun_path, from_environment);
	return 0;
}

/* Where no agent answers. */
static int unanswered(const char *message, const char *details)
{
	return well_without ? 0 : fail(CNI_TRY_AGAIN, message, details);
}

static int ask_agent(const struct sockaddr_un *address, const char *config, size_t length)
{
	struct answer answer;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fail(CNI_IO, "cannot make a socket", strerror(errno));
	if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
		char details[256];

		snprintf(details, sizeof details, "connect %s: %s", address->sun_path, strerror(errno));
		return unanswered("the Tendril agent of this node is not running", details);
	}
	if (frame_send(fd, environ, config, length) != 0 || frame_receive(fd, &answer) != 0)
		return unanswered("the Tendril agent of this node ended before it answered", strerror(errno));
	if (fwrite(answer.json, 1, answer.length, stdout) != answer.length || fflush(stdout) != 0)
		return 1;
	return answer.status == 0 ? 0 : answer.status > 255 ? 1 : (int)answer.status;
}

int main(void)
{
	static char config[FRAME_CONFIG_MAX + 1];
	const char *command = getenv("CNI_COMMAND");
	struct sockaddr_un address = { 0 };
	ssize_t length;

	strcpy(cni_version, newest_version);
	if (!command || !*command)
		return fail(CNI_BAD_ENVIRONMENT, "CNI_COMMAND is not set",
			    "this program is a CNI plugin; container runtimes execute it");
	set_deadline(command);
	length = read_config(config);
	if (length < 0)
		return fail(CNI_BAD_CONFIG, "the network configuration cannot be read", "stdin failed or exceeds 1 MiB");
	learn_version(config, (size_t)length);
	set_deadline(command);
	if (strcmp(command, "VERSION") == 0) {
		printf("{\"cniVersion\":\"%s\",\"supportedVersions\":%s}\n", cni_version, supported_versions);
		return 0;
	}
	if (find_socket(config, (size_t)length, &address) != 0)
		return fail(CNI_BAD_CONFIG, "the network configuration names no agent socket",
			    "\"socket\" is missing or longer than 107 bytes");
	well_without = strcmp(command, "STATUS") == 0 && is_in_force(config, (size_t)length);
	return ask_agent(&address, config, (size_t)length);
}
