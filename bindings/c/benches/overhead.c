/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The C half of scripts/overhead: overhead seal|open ROUNDS CALLS KEYSET seals or opens a token of
 * 16 bytes so many times, and prints the nanoseconds of a call in the fastest round. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sealwax.h"

static const uint8_t plaintext[16] = {7};
static uint8_t context[64];
static size_t context_len = 0;
static uint8_t sealed[sizeof plaintext + SEALWAX_TOKEN_OVERHEAD];
static uint8_t opened[sizeof plaintext];

static double now(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return ((double)at.tv_sec * 1e9) + (double)at.tv_nsec;
}

static int32_t once(const sealwax_key *key, int seals)
{
    size_t len = 0;
    if (seals) {
        return sealwax_key_seal_token(key, context, context_len, plaintext, sizeof plaintext,
                                      sealed, sizeof sealed, &len);
    }
    return sealwax_key_open_token(key, context, context_len, sealed, sizeof sealed, opened,
                                  sizeof opened, &len);
}

int main(int argc, char **argv)
{
    sealwax_key *key = NULL;
    double fastest = 1e18;
    long rounds = (argc == 5) ? strtol(argv[2], NULL, 10) : 0;
    long calls = (argc == 5) ? strtol(argv[3], NULL, 10) : 0;
    int seals = (argc == 5) && (strcmp(argv[1], "seal") == 0);
    long round;
    int32_t status = (argc == 5) ? sealwax_key_load_keyset(argv[4], NULL, &key) : -1;
    if (status == SEALWAX_OK) {
        status = sealwax_context_insert(context, sizeof context, &context_len, "table", 5,
                                        (const uint8_t *)"users", 5);
    }
    if (status == SEALWAX_OK) {
        status = once(key, 1);
    }
    for (round = 0; round < rounds; round++) {
        double begin = now();
        long call;
        for (call = 0; (call < calls) && (status == SEALWAX_OK); call++) {
            status = once(key, seals);
        }
        begin = (now() - begin) / (double)calls;
        fastest = (begin < fastest) ? begin : fastest;
    }
    (void)printf("%.1f\n", fastest);
    sealwax_key_free(key);
    return (status == SEALWAX_OK) ? 0 : 1;
}
