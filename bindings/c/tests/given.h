/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a vector gives: bytes as hex, and a random source that has these bytes. */
#ifndef GIVEN_H
#define GIVEN_H

#include "kit.h"

typedef struct bytes {
    uint8_t *at;
    size_t len;
} bytes;

/* Gives these bytes, once. */
typedef struct source {
    bytes drawn;
    size_t used;
} source;

static uint8_t nibble(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = strchr(digits, digit);
    return (uint8_t)((found == NULL) ? 0 : (found - digits));
}

static bytes unhex(const char *hex)
{
    bytes out;
    size_t at;
    out.len = (hex[0] == '-') ? 0U : (strlen(hex) / 2U);
    out.at = kit_buffer(out.len);
    for (at = 0; at < out.len; at++) {
        out.at[at] = (uint8_t)((nibble(hex[2U * at]) << 4) | nibble(hex[(2U * at) + 1U]));
    }
    return out;
}

static int32_t draw(void *context, uint8_t *out, size_t len)
{
    source *from = context;
    if (from->used + len > from->drawn.len) {
        return -1;
    }
    (void)memcpy(out, &from->drawn.at[from->used], len);
    from->used += len;
    return 0;
}

#endif
