#include "capability.h"

#include <linux/capability.h>
#include <stddef.h>
#include <string.h>

/*
 * The defaults of container runtimes without MKNOD (no device cgroup stands behind it), and those whose reach
 * ends at a namespace. All others reach the machine: SYS_ADMIN mounts, SYS_PTRACE enters a helper that is still
 * privileged while it joins the container, SYS_NICE and SYS_TIME are everybody's, BPF and PERFMON read the kernel.
 */
static const char *const grantable[CAPABILITY_LAST + 1] = {
	[CAP_CHOWN] = "CHOWN",
	[CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
	[CAP_FOWNER] = "FOWNER",
	[CAP_FSETID] = "FSETID",
	[CAP_KILL] = "KILL",
	[CAP_SETGID] = "SETGID",
	[CAP_SETUID] = "SETUID",
	[CAP_SETPCAP] = "SETPCAP",
	[CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "NET_BROADCAST",
	[CAP_NET_ADMIN] = "NET_ADMIN",
	[CAP_NET_RAW] = "NET_RAW",
	[CAP_IPC_LOCK] = "IPC_LOCK",
	[CAP_IPC_OWNER] = "IPC_OWNER",
	[CAP_SYS_CHROOT] = "SYS_CHROOT",
	[CAP_AUDIT_WRITE] = "AUDIT_WRITE",
	[CAP_SETFCAP] = "SETFCAP",
};

uint64_t capability_grantable(const char *name)
{
	uint64_t all = 0;

	if (strncmp(name, "CAP_", 4) == 0)
		name += 4;
	for (int i = 0; i <= CAPABILITY_LAST; i++) {
		if (grantable[i] && strcmp(grantable[i], name) == 0)
			return 1ULL << i;
		if (grantable[i])
			all |= 1ULL << i;
	}
	return strcmp(name, "ALL") == 0 ? all : 0;
}

const char *capability_name(int number)
{
	return number >= 0 && number <= CAPABILITY_LAST ? grantable[number] : NULL;
}
