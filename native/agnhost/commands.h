/* agnhost's commands. Each gets what follows its name, and returns the exit status. */
#ifndef COMMANDS_H
#define COMMANDS_H

typedef int command(int argc, char **argv);

command netexec, connect_command, porter, serve_hostname, pause_command, liveness, test_webserver, logs_generator;
command nettest, dns_suffix, dns_server_list, etc_hosts, entrypoint_tester;

/* Waits for SIGTERM or SIGINT, which main has blocked. */
int commands_wait(void);
/* Ends as a Go program does that handles no signal: by it, or with 2 as the first process of a container. */
void commands_die(int signal) __attribute__((noreturn));

/* Takes signals as a program does that knows of none, for commands that serve nobody. */
void commands_default_signals(void);

#endif
