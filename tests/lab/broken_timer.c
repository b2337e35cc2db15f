/* Preloaded into a node: once the file NAME.now lies beside this object NAME, timers cannot be set any more. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <unistd.h>

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *before)
{
	static int (*next)(int, int, const struct itimerspec *, struct itimerspec *);
	char path[4096];
	Dl_info own;

	if (dladdr((void *)timerfd_settime, &own)) {
		snprintf(path, sizeof path, "%s.now", own.dli_fname);
		if (!access(path, F_OK)) {
			errno = EINVAL;
			return -1;
		}
	}
	if (!next)
		next = dlsym(RTLD_NEXT, "timerfd_settime");
	return next(fd, flags, value, before);
}
