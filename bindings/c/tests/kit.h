/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the C tests share: claims that are counted, a random source, and buffers of exactly the
 * right length. */
#ifndef KIT_H
#define KIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sealwax.h"

static unsigned kit_passed = 0;
static unsigned kit_failed = 0;

#define CLAIM(claim) kit_claim((claim), #claim, __FILE__, __LINE__)
#define STATUS(call, status) kit_status((call), (status), #call, __FILE__, __LINE__)

static int kit_claim(int holds, const char *claim, const char *file, int line)
{
    if (holds) {
        kit_passed++;
    } else {
        kit_failed++;
        (void)printf("%s:%d: %s\n", file, line, claim);
    }
    return holds;
}

static int kit_status(int32_t got, int32_t expected, const char *call, const char *file, int line)
{
    if (got != expected) {
        (void)printf("%s, not %s: ", sealwax_status_name(got), sealwax_status_name(expected));
    }
    return kit_claim(got == expected, call, file, line);
}

static int kit_end(void)
{
    (void)printf("%u passed, %u failed\n", kit_passed, kit_failed);
    return (kit_failed == 0U) ? 0 : 1;
}

/* A buffer on the heap, so that valgrind and the address sanitizer see both its ends. */
static uint8_t *kit_buffer(size_t len)
{
    uint8_t *buffer = malloc((len == 0U) ? 1U : len);
    if (buffer == NULL) {
        abort();
    }
    (void)memset(buffer, 0xcc, (len == 0U) ? 1U : len);
    return buffer;
}

static uint8_t *kit_copy(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = kit_buffer(len);
    if (len != 0U) {
        (void)memcpy(copy, bytes, len);
    }
    return copy;
}

/* Whether all bytes are what kit_buffer wrote, or all are zero. */
static int kit_untouched_or_wiped(const uint8_t *bytes, size_t len)
{
    size_t same = 0;
    size_t zero = 0;
    size_t at;
    for (at = 0; at < len; at++) {
        same += (bytes[at] == 0xccU) ? 1U : 0U;
        zero += (bytes[at] == 0U) ? 1U : 0U;
    }
    return (same == len) || (zero == len);
}

typedef struct kit_source {
    uint32_t state;
    /* How many calls succeed before one fails; negative: all. */
    int calls;
} kit_source;

/* Repeats itself in every run; for tests only. */
static int32_t kit_fill(void *context, uint8_t *out, size_t out_len)
{
    kit_source *source = context;
    size_t at;
    if (source->calls == 0) {
        return -1;
    }
    if (source->calls > 0) {
        source->calls--;
    }
    for (at = 0; at < out_len; at++) {
        source->state ^= source->state << 13;
        source->state ^= source->state >> 17;
        source->state ^= source->state << 5;
        out[at] = (uint8_t)(source->state >> 24);
    }
    return 0;
}

#endif
