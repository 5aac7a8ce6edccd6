/* A process that has this library before its C library (LD_PRELOAD) sees the wall clock of a host that is wrong.
 *
 * By how much, in nanoseconds, is the one int64 of the file that CHAOS_CLOCK_FILE names; it is mapped, so a change is
 * a jump at once. Nothing else is touched: CLOCK_MONOTONIC never jumps on a host either. Built by chaos/clock.py.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000LL

static const int64_t none = 0;
static const volatile int64_t *wrong_by = &none;

__attribute__((constructor)) static void map_the_file(void) {
    const char *path = getenv("CHAOS_CLOCK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (map != MAP_FAILED) wrong_by = map;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *out) {
    int failed = (int)syscall(SYS_clock_gettime, clock, out);
    int64_t by = *wrong_by;
    if (!failed && by && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t now = out->tv_sec * NANOSECONDS + out->tv_nsec + by;
        out->tv_sec = now / NANOSECONDS;
        out->tv_nsec = now % NANOSECONDS;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
