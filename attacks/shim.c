/* Preloaded into a process under attack: counts its calls on files within one folder, and at the
 * n-th raises a signal, fails, or does only a part of the call. Idle until attack_arm, or until it
 * is started with ATTACK_SHIM in the environment. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN = 1, WRITE = 2, FSYNC = 4, RENAME = 8, UNLINK = 16, MKDIR = 32, READ = 64 };
enum { COUNT, BEFORE, AFTER, HALF, ERROR, SHORT };

static struct report { int count, fired, loose; } nowhere, *report = &nowhere;
static char folder[PATH_MAX], only[256];
static int armed, calls, at, action, value, always;
static unsigned char watched[4096];

#define REAL(name) static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name)) dlsym(RTLD_NEXT, #name)

/* `at` counts from 1; `value` is a signal or an errno; `always` means that calls after the n-th
 * are attacked too; `only` is what a file's path has to contain (files that are not named count
 * by the path that they were opened by). Returns 0, or -1 where the report cannot be kept. */
int attack_arm(const char *in, const char *file, const char *path_part, int on, int n, int what,
               int with, int more)
{
    int handle = open(file, O_RDWR);
    struct stat state;
    if (handle < 0 || fstat(handle, &state) || state.st_size < (off_t) sizeof *report) return -1;
    void *map = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    close(handle);
    if (map == MAP_FAILED) return -1;
    report = map;
    snprintf(folder, sizeof folder, "%s/", in);
    snprintf(only, sizeof only, "%s", path_part);
    calls = on, at = n, action = what, value = with, always = more, armed = 1;
    return 0;
}

__attribute__((constructor)) static void start(void)
{
    char in[PATH_MAX], file[PATH_MAX], path_part[256];
    int on, n, what, with, more;
    const char *text = getenv("ATTACK_SHIM");
    if (text && sscanf(text, "%d %d %d %d %d %4095[^|]|%4095[^|]|%255[^|]", &on, &n, &what, &with,
                       &more, in, file, path_part) >= 7)
        attack_arm(in, file, strchr(text, '|') == strrchr(text, '|') ? "" : path_part, on, n, what,
                   with, more);
}

static int inside(const char *path)
{
    char whole[2 * PATH_MAX];
    if (!armed || !path) return 0;
    if (*path == '/') {
        snprintf(whole, sizeof whole, "%s/", path);
    } else {
        char here[PATH_MAX];
        snprintf(whole, sizeof whole, "%s/%s/", getcwd(here, sizeof here) ? here : "", path);
    }
    return !strncmp(whole, folder, strlen(folder)) && strstr(whole, only);
}

static int is_watched(int handle)
{
    return armed && handle >= 0 && handle < (int) sizeof watched && watched[handle];
}

static void watch(int handle, int on)
{
    if (handle >= 0 && handle < (int) sizeof watched) watched[handle] = on;
}

/* Whether this call is the one; a signal that comes before it is raised here. */
static int hit(int call)
{
    if (!(calls & call)) return 0;
    int n = __sync_add_and_fetch(&report->count, 1);
    if (action == COUNT || (always ? n < at : n != at)) return 0;
    report->fired = 1;
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

static int open_at(int where, const char *path, int flags, mode_t mode)
{
    REAL(openat);
    int here = where == AT_FDCWD || (path && *path == '/') ? inside(path) : 0;
    if (!here) return real(where, path, flags, mode);
    if ((flags & O_CREAT) && !((flags & O_EXCL) && (flags & O_NOFOLLOW))
        && !strstr(path, "/tensorboard/")) report->loose++;
    int what = hit(flags & (O_WRONLY | O_RDWR | O_CREAT) ? OPEN : READ);
    if (failed(what)) return -1;
    int handle = real(where, path, flags, mode);
    watch(handle, 1);
    afterwards(what);
    return handle;
}

#define MODE(flags) mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list a; va_start(a, flags); mode = va_arg(a, int); va_end(a); }

int open(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int where, const char *path, int flags, ...) { MODE(flags) return open_at(where, path, flags, mode); }
int openat64(int where, const char *path, int flags, ...) { MODE(flags) return open_at(where, path, flags, mode); }

int close(int handle) { REAL(close); watch(handle, 0); return real(handle); }

ssize_t write(int handle, const void *data, size_t size)
{
    REAL(write);
    int what = is_watched(handle) ? hit(WRITE) : 0;
    if (failed(what)) return -1;
    ssize_t done = real(handle, data, what == HALF || what == SHORT ? (size + 1) / 2 : size);
    afterwards(what);
    return done;
}

ssize_t read(int handle, void *data, size_t size)
{
    REAL(read);
    int what = is_watched(handle) ? hit(READ) : 0;
    if (failed(what)) return -1;
    ssize_t done = real(handle, data, what == SHORT ? (size + 1) / 2 : size);
    afterwards(what);
    return done;
}

int fsync(int handle)
{
    REAL(fsync);
    int what = is_watched(handle) ? hit(FSYNC) : 0;
    if (failed(what)) return -1;
    int done = real(handle);
    afterwards(what);
    return done;
}

#define ON_PATH(name, call, path, parameters, arguments) int name parameters { \
    REAL(name); int what = inside(path) ? hit(call) : 0; if (failed(what)) return -1; \
    int done = real arguments; afterwards(what); return done; }
ON_PATH(rename, RENAME, to, (const char *from, const char *to), (from, to))
ON_PATH(unlink, UNLINK, path, (const char *path), (path))
ON_PATH(mkdir, MKDIR, path, (const char *path, mode_t mode), (path, mode))

static FILE *opened(FILE *file, int what)
{
    if (file) watch(fileno(file), 1);
    afterwards(what);
    return file;
}

#define ON_FOPEN(name) FILE *name(const char *path, const char *mode) { \
    REAL(name); if (!inside(path)) return real(path, mode); \
    int what = hit(*mode == 'r' ? READ : OPEN); if (failed(what)) return NULL; \
    return opened(real(path, mode), what); }
ON_FOPEN(fopen)
ON_FOPEN(fopen64)

size_t fwrite(const void *data, size_t size, size_t count, FILE *file)
{
    REAL(fwrite);
    int what = is_watched(fileno(file)) ? hit(WRITE) : 0;
    if (failed(what)) return 0;
    if (what == SHORT) return real(data, size, count / 2, file);
    size_t done = 0;
    if (what == HALF) {
        done = real(data, size, count / 2, file);
        fflush(file);
        afterwards(what);
    }
    return done + real((const char *) data + done * size, size, count - done, file);
}

int fclose(FILE *file) { REAL(fclose); watch(fileno(file), 0); return real(file); }
