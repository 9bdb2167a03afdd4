/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Seals a file with a passphrase, or opens one:
 *
 *     seal_file seal SOURCE TARGET PASSPHRASE
 *     seal_file open SOURCE TARGET PASSPHRASE
 *
 * cc seal_file.c $(pkg-config --cflags --libs sealwax)
 */
#include <stdio.h>
#include <string.h>

#include "sealwax.h"

int main(int argc, char **argv)
{
    sealwax_key *passphrase = NULL;
    const sealwax_key *keys[1];
    sealwax_options options;
    int32_t status = SEALWAX_ERROR_INVALID_ARGUMENT;

    if (argc != 5) {
        (void)fprintf(stderr, "usage: %s seal|open SOURCE TARGET PASSPHRASE\n", argv[0]);
        return 2;
    }
    status = sealwax_key_from_passphrase(argv[4], strlen(argv[4]), &passphrase);
    if (status == SEALWAX_OK) {
        keys[0] = passphrase;
        (void)memset(&options, 0, sizeof options);
        options.keys = keys;
        options.key_count = 1;
        if (strcmp(argv[1], "seal") == 0) {
            status = sealwax_seal_path(&options, argv[2], argv[3]);
        } else {
            status = sealwax_open_path(&options, argv[2], argv[3]);
        }
    }
    sealwax_key_free(passphrase);
    if (status != SEALWAX_OK) {
        (void)fprintf(stderr, "%s: %s\n", argv[0], sealwax_status_name(status));
        return 1;
    }
    return 0;
}
