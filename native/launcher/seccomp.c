#include "seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <sys/ioctl.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "no system call numbers for this machine"
#endif

/* x32 programs mark their numbers with this bit and would pass every comparison. */
#define X32_BIT 0x40000000u
#define NAMESPACE_FLAGS                                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define LOAD_ARGUMENT(n) LOAD(offsetof(struct seccomp_data, args[n]))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define ERROR(number) RETURN(SECCOMP_RET_ERRNO | (number))

static const int denied[] = {
	/* The kernel itself. */
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_init_module, SYS_finit_module, SYS_delete_module,
	SYS_kexec_load, SYS_kexec_file_load, SYS_reboot, SYS_syslog, SYS_acct, SYS_quotactl, SYS_quotactl_fd,
	SYS_swapon, SYS_swapoff, SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_lookup_dcookie,
	SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_vhangup, SYS_kcmp, SYS_fanotify_init,
	SYS_move_pages, SYS_mbind, SYS_set_mempolicy, SYS_migrate_pages,
	/* Keyrings know no namespace. */
	SYS_add_key, SYS_request_key, SYS_keyctl,
	/* Mounts and namespaces. */
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_move_mount, SYS_open_tree, SYS_fsopen, SYS_fsconfig,
	SYS_fsmount, SYS_fspick, SYS_mount_setattr, SYS_setns, SYS_open_by_handle_at,
#if defined(__x86_64__)
	SYS_iopl, SYS_ioperm, SYS_uselib, SYS_ustat, SYS_sysfs, SYS__sysctl, SYS_modify_ldt, SYS_create_module,
	SYS_get_kernel_syms, SYS_query_module,
#endif
};

static const struct sock_filter before[] = {
	LOAD(offsetof(struct seccomp_data, arch)),
	/* Another architecture's numbers (32-bit calls) mean something else: none of them. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
	ERROR(ENOSYS),
	LOAD(offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
	ERROR(ENOSYS),
	/* clone3's flags lie in memory, where a filter cannot look: C libraries then fall back to clone. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
	ERROR(ENOSYS),
};

static const struct sock_filter after[] = {
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 4),
	LOAD_ARGUMENT(0),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACE_FLAGS, 0, 1),
	ERROR(EPERM),
	RETURN(SECCOMP_RET_ALLOW),
	/* AF_VSOCK leads to the hypervisor. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 4),
	LOAD_ARGUMENT(0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_VSOCK, 0, 1),
	ERROR(EPERM),
	RETURN(SECCOMP_RET_ALLOW),
	/* Typing into the terminal of whoever runs a command in the container. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4),
	LOAD_ARGUMENT(1),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 0, 1),
	ERROR(EPERM),
	RETURN(SECCOMP_RET_ALLOW),
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

int seccomp_install(void)
{
	struct sock_filter program[COUNT(before) + 2 * COUNT(denied) + COUNT(after)];
	struct sock_fprog filter = { .filter = program };

	for (size_t i = 0; i < COUNT(before); i++)
		program[filter.len++] = before[i];
	for (size_t i = 0; i < COUNT(denied); i++) {
		program[filter.len++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)denied[i], 0, 1);
		program[filter.len++] = (struct sock_filter)ERROR(EPERM);
	}
	for (size_t i = 0; i < COUNT(after); i++)
		program[filter.len++] = after[i];
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}
