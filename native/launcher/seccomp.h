/* The system calls that no container needs and that reach the machine's kernel. */
#ifndef SECCOMP_H
#define SECCOMP_H

/* Installs the filter on this thread for good; no_new_privs must be set. -1 with errno. */
int seccomp_install(void);

#endif
