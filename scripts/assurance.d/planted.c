/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One mistake of each kind, by name: the sanitizers must report each. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sealwax.h"

/* As long as the allocator's unit, so that the byte after it is no padding. */
#define NAME_LEN 16U

int main(int argc, char **argv)
{
    const char *mistake = (argc > 1) ? argv[1] : "";
    uint8_t context[64];
    size_t len = 0;
    volatile int sum = INT_MAX;
    volatile char *name = malloc(NAME_LEN);

    if (name == NULL) {
        return 0;
    }
    (void)memset((char *)name, 'n', NAME_LEN);
    if (strcmp(mistake, "c") == 0) {
        context[0] = (uint8_t)name[NAME_LEN];
    } else if (strcmp(mistake, "rust") == 0) {
        /* The length is not true: it is Rust that reads beyond the block. */
        (void)sealwax_context_insert(context, sizeof context, &len, (const char *)name, NAME_LEN + 1U, NULL, 0);
    } else if (strcmp(mistake, "freed") == 0) {
        free((char *)name);
        (void)sealwax_context_insert(context, sizeof context, &len, (const char *)name, NAME_LEN, NULL, 0);
        return 0;
    } else if (strcmp(mistake, "leak") == 0) {
        name = NULL;
    } else {
        sum = sum + argc;
    }
    free((char *)name);
    return 0;
}
