/* Preloaded into a node: the service that knows the users never answers about one of them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

int getpwnam_r(const char *name, struct passwd *found, char *room, size_t size, struct passwd **result)
{
	static int (*next)(const char *, struct passwd *, char *, size_t, struct passwd **);

	while (strcmp(name, "slow") == 0)
		pause();
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "getpwnam_r");
	return next(name, found, room, size, result);
}
