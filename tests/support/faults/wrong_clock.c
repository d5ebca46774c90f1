/* A wrong wall clock for one process, preloaded: the seconds in the file that $WRONG_CLOCK names
 * are added to it. Monotonic time and the dates of files stay real, and so does the clock of
 * librdkafka, whose waits end at a wall time that the kernel would then know better. (libfaketime 0.9.10 cannot
 * leave monotonic time alone: Python's sleep then fails with EINVAL.) */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset_s(void) {
    char text[32] = {0};
    const char *name = getenv("WRONG_CLOCK");
    int file = name ? (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    long got = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    return got > 0 ? strtol(text, NULL, 10) : 0;
}

static int is_spared(void *caller) {
    Dl_info found;
    return dladdr(caller, &found) && found.dli_fname && strstr(found.dli_fname, "rdkafka");
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, id, now);
    int is_wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
    if (!failed && is_wall && !is_spared(__builtin_return_address(0))) now->tv_sec += offset_s();
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    (void)zone;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec + (is_spared(__builtin_return_address(0)) ? 0 : offset_s());
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec exact;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &exact);
    exact.tv_sec += is_spared(__builtin_return_address(0)) ? 0 : offset_s();
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
