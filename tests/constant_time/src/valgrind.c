/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the program asks of valgrind. Outside valgrind these do nothing. */
#include <stddef.h>
#include <valgrind/memcheck.h>

int requests_are_heard(void) { return RUNNING_ON_VALGRIND != 0; }

unsigned requests_reports(void) { return VALGRIND_COUNT_ERRORS; }

void requests_mark_secret(void *at, size_t len)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(at, len);
}

void requests_mark_public(const void *at, size_t len)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(at, len);
}
