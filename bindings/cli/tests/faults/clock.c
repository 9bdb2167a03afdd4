/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A clock of the day that is off by SEALWAX_TEST_CLOCK seconds, to be loaded before the C library. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    const char *off = getenv("SEALWAX_TEST_CLOCK");
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && off != NULL) {
        time->tv_sec += atoll(off);
    }
    return result;
}
