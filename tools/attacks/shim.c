/* A library preloaded into the process under attack. It counts system calls on files in one folder,
 * and at the n-th call raises a signal, makes the call fail, or writes half of the data. attack_arm
 * starts it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN = 1, WRITE = 2, FSYNC = 4, RENAME = 8, UNLINK = 16, MKDIR = 32 };
enum { COUNT, BEFORE, AFTER, HALF, ERROR, SHORT };

static int *count, calls, at, action, value, always;
static char folder[PATH_MAX], only[256];
static unsigned char watched[4096];  /* indexed by file descriptor */

#define REAL(name) static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name)) dlsym(RTLD_NEXT, #name)

/* `n` starts at 1. `with` is a signal or an errno. If `more` is set, the calls after the n-th are
 * attacked too. Only calls on paths that contain `part` are counted, in `*counter`. */
void attack_arm(const char *in, const char *part, int on, int n, int what, int with, int more,
                int *counter)
{
    snprintf(folder, sizeof folder, "%s/", in);
    snprintf(only, sizeof only, "%s", part);
    calls = on, at = n, action = what, value = with, always = more, count = counter;
}

static int inside(const char *path)
{
    char complete[2 * PATH_MAX], here[PATH_MAX];
    if (!count || !path) return 0;
    if (*path == '/')
        snprintf(complete, sizeof complete, "%s/", path);
    else
        snprintf(complete, sizeof complete, "%s/%s/", getcwd(here, sizeof here) ? here : "", path);
    return !strncmp(complete, folder, strlen(folder)) && strstr(complete, only);
}

static int is_watched(int handle)
{
    return count && handle >= 0 && handle < (int) sizeof watched && watched[handle];
}

static void watch(int handle, int on)
{
    if (handle >= 0 && handle < (int) sizeof watched) watched[handle] = on;
}

/* Return the action for this call, or COUNT if there is none. If it is BEFORE, raise the signal. */
static int hit(int call)
{
    if (!(calls & call)) return COUNT;
    int n = __sync_add_and_fetch(count, 1);
    if (always ? n < at : n != at) return COUNT;
    if (action == BEFORE) kill(getpid(), value);
    return action;
}

static int failed(int what)
{
    if (what == ERROR) errno = value;
    return what == ERROR;
}

static void afterwards(int what)
{
    int number = errno;
    if (what == AFTER || what == HALF) kill(getpid(), value);
    errno = number;
}

#define ON_OPEN(name) int name(const char *path, int flags, ...) { \
    REAL(name); mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list a; va_start(a, flags); mode = va_arg(a, int); va_end(a); } \
    if (!inside(path)) return real(path, flags, mode); \
    int what = flags & (O_WRONLY | O_RDWR | O_CREAT) ? hit(OPEN) : COUNT; \
    if (failed(what)) return -1; \
    int handle = real(path, flags, mode); watch(handle, 1); afterwards(what); return handle; }
ON_OPEN(open)
ON_OPEN(open64)

int close(int handle) { REAL(close); watch(handle, 0); return real(handle); }

ssize_t write(int handle, const void *data, size_t size)
{
    REAL(write);
    int what = is_watched(handle) ? hit(WRITE) : COUNT;
    if (failed(what)) return -1;
    ssize_t done = real(handle, data, what == HALF || what == SHORT ? (size + 1) / 2 : size);
    afterwards(what);
    return done;
}

#define ON_CALL(name, call, is_ours, parameters, arguments) int name parameters { \
    REAL(name); int what = is_ours ? hit(call) : COUNT; if (failed(what)) return -1; \
    int done = real arguments; afterwards(what); return done; }
ON_CALL(fsync, FSYNC, is_watched(handle), (int handle), (handle))
ON_CALL(rename, RENAME, inside(to), (const char *from, const char *to), (from, to))
ON_CALL(unlink, UNLINK, inside(path), (const char *path), (path))
ON_CALL(mkdir, MKDIR, inside(path), (const char *path, mode_t mode), (path, mode))
