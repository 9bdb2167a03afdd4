/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Seals a file with a passphrase, or opens one. The passphrase is the first line of standard input: arguments are for
 * everybody on the machine to see.
 *
 *     seal_file seal SOURCE TARGET < PASSPHRASE
 *     seal_file open SOURCE TARGET < PASSPHRASE
 *
 * cc seal_file.c $(pkg-config --cflags --libs sealwax)
 */
#include <stdio.h>
#include <string.h>

#include "sealwax.h"

/* Through a volatile pointer, so that the compiler cannot leave it out. */
static void wipe(char *bytes, size_t len)
{
    volatile char *at = bytes;
    while (len != 0U) {
        *at = '\0';
        at++;
        len--;
    }
}

int main(int argc, char **argv)
{
    sealwax_key *passphrase = NULL;
    const sealwax_key *keys[1];
    sealwax_options options;
    int32_t status = SEALWAX_ERROR_INVALID_ARGUMENT;
    char line[1024];

    if (argc != 4) {
        (void)fprintf(stderr, "usage: %s seal|open SOURCE TARGET < PASSPHRASE\n", argv[0]);
        return 2;
    }
    if (fgets(line, (int)sizeof line, stdin) == NULL) {
        (void)fprintf(stderr, "%s: no passphrase on standard input\n", argv[0]);
        return 2;
    }
    line[strcspn(line, "\r\n")] = '\0';
    status = sealwax_key_from_passphrase(line, strlen(line), &passphrase);
    wipe(line, sizeof line);
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
