/* Preloaded into a node: answers BPF_LINK_CREATE for tcx as Linux before 6.6 does, so that the node
 * falls back to a filter of the clsact qdisc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/syscall.h>

enum { LINK_CREATE = 28, TCX_INGRESS = 46, TCX_EGRESS = 47 };

long syscall(long number, ...)
{
	static long (*next)(long, ...);
	long a[6];
	va_list arguments;

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	if (number == SYS_bpf && a[0] == LINK_CREATE) {
		/* prog_fd, target_ifindex, attach_type */
		uint32_t type = ((const uint32_t *)a[1])[2];
		if (type == TCX_INGRESS || type == TCX_EGRESS) {
			errno = EINVAL;
			return -1;
		}
	}
	if (!next)
		next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
