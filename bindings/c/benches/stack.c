/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How much stack the calls of the hosted profile use, with an optimised library: stack FOLDER. Each
 * runs on a stack that was painted, and must stay below what the header says. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sealwax.h"

#define STACK_LEN (4U * 1024U * 1024U)
#define PAINT 0xa5U
#define KIB 1024U

static sealwax_key *symmetric = NULL;
static sealwax_key *pair = NULL;
static sealwax_key *passphrase = NULL;
static sealwax_store *store = NULL;
static sealwax_backup *backup = NULL;
static const sealwax_key *by_keyset[1];
static const sealwax_key *by_pair[1];
static const sealwax_key *by_passphrase[1];
static uint8_t message[65536];
static uint8_t sealed[70000];
static size_t sealed_len = 0;
static uint8_t token[128];
static size_t token_len = 0;
static size_t len = 0;
static int32_t status = 0;
static char folder[256];
static unsigned failures = 0;

static const char *file(const char *name)
{
    static char paths[4][400];
    static unsigned next = 0;
    next = (next + 1U) % 4U;
    (void)snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static sealwax_options with(const sealwax_key *const *keys)
{
    sealwax_options options;
    (void)memset(&options, 0, sizeof options);
    options.keys = keys;
    options.key_count = 1;
    options.flags = SEALWAX_REPLACE;
    options.threads = 1;
    return options;
}

static void generate_symmetric(void)
{
    status = sealwax_key_generate_keyset("a", 1, SEALWAX_ALGORITHM_COBBLESTONE_256, &symmetric);
}

static void generate_pair(void)
{
    status = sealwax_key_generate_keyset("b", 1, SEALWAX_ALGORITHM_X_WING, &pair);
}

static void take_passphrase(void)
{
    status = sealwax_key_from_passphrase("correct horse", 13, &passphrase);
}

static void save(void)
{
    (void)remove(file("keyset"));
    status = sealwax_key_save_keyset(symmetric, file("keyset"), passphrase);
}

static void load(void)
{
    sealwax_key *key = NULL;
    status = sealwax_key_load_keyset(file("keyset"), passphrase, &key);
    sealwax_key_free(key);
}

static void rotate_pair(void) { status = sealwax_key_rotate(pair, SEALWAX_ALGORITHM_X_WING); }

static void describe(void)
{
    sealwax_keyset_description description;
    status = sealwax_key_describe(symmetric, &description);
}

static void versions(void)
{
    sealwax_version_description described[4];
    status = sealwax_key_versions(symmetric, described, 4, &len);
}

static void fingerprint(void)
{
    uint8_t out[SEALWAX_KEYSET_FINGERPRINT_LEN];
    status = sealwax_key_fingerprint(symmetric, out);
}

static void recipient(void)
{
    char text[4096];
    status = sealwax_key_recipient(pair, text, sizeof text, &len);
}

static void parse_recipient(void)
{
    static char text[4096];
    sealwax_key *key = NULL;
    status = sealwax_key_recipient(pair, text, sizeof text, &len);
    if (status == SEALWAX_OK) {
        status = sealwax_key_from_recipient(text, len, &key);
    }
    sealwax_key_free(key);
}

static void seal_token(void)
{
    status = sealwax_key_seal_token(symmetric, NULL, 0, message, 16, token, sizeof token, &token_len);
}

static void open_token(void)
{
    uint8_t out[16];
    status = sealwax_key_open_token(symmetric, NULL, 0, token, token_len, out, sizeof out, &len);
}

static void seal_message(const sealwax_key *const *keys)
{
    sealwax_options options = with(keys);
    status = sealwax_seal_message(&options, message, sizeof message, sealed, sizeof sealed, &sealed_len);
}

static void open_message(const sealwax_key *const *keys)
{
    sealwax_options options = with(keys);
    status = sealwax_open_message(&options, sealed, sealed_len, message, sizeof message, &len);
}

static void seal_for_keyset(void) { seal_message(by_keyset); }
static void open_with_keyset(void) { open_message(by_keyset); }
static void seal_for_pair(void) { seal_message(by_pair); }
static void open_with_pair(void) { open_message(by_pair); }
static void seal_for_passphrase(void) { seal_message(by_passphrase); }
static void open_with_passphrase(void) { open_message(by_passphrase); }

static void seal_file(void)
{
    sealwax_options options = with(by_pair);
    status = sealwax_seal_path(&options, file("plain"), file("sealed"));
}

static void open_file(void)
{
    sealwax_options options = with(by_pair);
    status = sealwax_open_path(&options, file("sealed"), file("opened"));
}

static void verify_file(void)
{
    sealwax_options options = with(by_pair);
    status = sealwax_verify_path(&options, file("sealed"));
}

static void rewrap_file(void)
{
    sealwax_options options = with(by_pair);
    uint32_t changed = 0;
    options.flags = SEALWAX_GROW;
    status = sealwax_rewrap_path(&options, symmetric, file("sealed"), &changed);
}

static void inspect_file(void)
{
    sealwax_envelope_description description;
    sealwax_recipient_description recipients[4];
    status = sealwax_inspect_path(file("sealed"), &description, recipients, 4, NULL, 0, &len);
}

static FILE *in = NULL;
static FILE *out = NULL;

static int64_t read_in(void *context, uint8_t *into, size_t size)
{
    (void)context;
    return (int64_t)fread(into, 1, size, in);
}

static int32_t write_out(void *context, const uint8_t *bytes, size_t bytes_len)
{
    (void)context;
    return (fwrite(bytes, 1, bytes_len, out) == bytes_len) ? 0 : 1;
}

static void stream(int seals, const char *from, const char *to)
{
    sealwax_options options = with(by_pair);
    in = fopen(file(from), "rb");
    out = fopen(file(to), "wb");
    if ((in == NULL) || (out == NULL)) {
        status = SEALWAX_ERROR_IO;
        return;
    }
    status = seals ? sealwax_seal_stream(&options, read_in, NULL, write_out, NULL)
                   : sealwax_open_stream(&options, read_in, NULL, write_out, NULL);
    (void)fclose(in);
    (void)fclose(out);
}

static void seal_stream(void) { stream(1, "plain", "piped"); }
static void open_stream(void) { stream(0, "piped", "unpiped"); }

static void create_store(void)
{
    sealwax_store_options options;
    (void)memset(&options, 0, sizeof options);
    options.keys = by_passphrase;
    options.key_count = 1;
    (void)remove(file("store.swxk"));
    (void)remove(file("store.swxl"));
    status = sealwax_store_create(file("store.swxk"), symmetric, &options, &store);
}

static void rotate_store(void)
{
    uint32_t version = 0;
    status = sealwax_store_rotate(store, 0, &version);
}

static void refresh_store(void)
{
    sealwax_keyset_description description;
    status = sealwax_store_refresh(store, &description);
}

static void seal_in_store(void)
{
    status = sealwax_store_seal_token(store, NULL, 0, message, 16, token, sizeof token, &token_len);
}

static void open_in_store(void)
{
    uint8_t opened[16];
    status = sealwax_store_open_token(store, NULL, 0, token, token_len, opened, sizeof opened, &len);
}

static void usage(void)
{
    sealwax_version_usage used[4];
    status = sealwax_store_usage(store, used, 4, &len);
}

static void free_store(void) { sealwax_store_free(store); }

static void back_up(void) { status = sealwax_backup_in_shares(symmetric, 2, 3, &backup); }

static void restore(void)
{
    static uint8_t bytes[8192];
    char shares[2][SEALWAX_SHARE_LEN];
    sealwax_backup *again = NULL;
    sealwax_key *key = NULL;
    size_t which;
    status = sealwax_backup_file(backup, bytes, sizeof bytes, &len);
    if (status == SEALWAX_OK) {
        status = sealwax_backup_from_file(bytes, len, &again);
    }
    for (which = 0; (which < 2U) && (status == SEALWAX_OK); which++) {
        status = sealwax_backup_share(backup, which, shares[which], SEALWAX_SHARE_LEN, &len);
        if (status == SEALWAX_OK) {
            status = sealwax_backup_add_share(again, shares[which], SEALWAX_SHARE_LEN);
        }
    }
    if (status == SEALWAX_OK) {
        status = sealwax_backup_restore(again, NULL, 0, &key);
    }
    sealwax_key_free(key);
    sealwax_backup_free(again);
}

static int32_t wrap(void *context, const uint8_t *bytes, size_t bytes_len, uint8_t *blob,
                    size_t blob_size, size_t *blob_len)
{
    (void)context;
    (void)blob_size;
    (void)memcpy(blob, bytes, bytes_len);
    *blob_len = bytes_len;
    return 0;
}

static void provide(void)
{
    sealwax_key *key = NULL;
    status = sealwax_key_wrapped_by_provider("kms", 3, "key", 3, wrap, NULL, &key);
    sealwax_key_free(key);
}

static void free_pair(void) { sealwax_key_free(pair); }

typedef struct row {
    const char *name;
    void (*work)(void);
    size_t most;
} row;

static void *run(void *given)
{
    const row *what = given;
    what->work();
    return NULL;
}

static void measure(const row *what, uint8_t *stack)
{
    pthread_attr_t attributes;
    pthread_t thread;
    size_t untouched = 0;
    (void)memset(stack, (int)PAINT, STACK_LEN);
    status = SEALWAX_OK;
    (void)pthread_attr_init(&attributes);
    if ((pthread_attr_setstack(&attributes, stack, STACK_LEN) != 0) ||
        (pthread_create(&thread, &attributes, run, (void *)(uintptr_t)what) != 0)) {
        (void)printf("no thread\n");
        exit(1);
    }
    (void)pthread_join(thread, NULL);
    (void)pthread_attr_destroy(&attributes);
    while ((untouched < STACK_LEN) && (stack[untouched] == PAINT)) {
        untouched++;
    }
    (void)printf("%-24s %8lu of %8lu  %s\n", what->name, (unsigned long)(STACK_LEN - untouched),
                 (unsigned long)what->most, sealwax_status_name(status));
    if ((status != SEALWAX_OK) || (STACK_LEN - untouched > what->most)) {
        failures++;
    }
}

int main(int argc, char **argv)
{
    static const row rows[] = {
        {"generate_keyset", generate_symmetric, 96U * KIB},
        {"generate_keyset X-Wing", generate_pair, 96U * KIB},
        {"from_passphrase", take_passphrase, 96U * KIB},
        {"save_keyset", save, 96U * KIB},
        {"load_keyset", load, 96U * KIB},
        {"rotate", rotate_pair, 96U * KIB},
        {"describe", describe, 16U * KIB},
        {"versions", versions, 16U * KIB},
        {"fingerprint", fingerprint, 16U * KIB},
        {"recipient", recipient, 96U * KIB},
        {"from_recipient", parse_recipient, 96U * KIB},
        {"seal_token", seal_token, 32U * KIB},
        {"open_token", open_token, 32U * KIB},
        {"seal_message", seal_for_keyset, 96U * KIB},
        {"open_message", open_with_keyset, 96U * KIB},
        {"seal_message X-Wing", seal_for_pair, 96U * KIB},
        {"open_message X-Wing", open_with_pair, 96U * KIB},
        {"seal_message passphrase", seal_for_passphrase, 96U * KIB},
        {"open_message passphrase", open_with_passphrase, 96U * KIB},
        {"seal_path", seal_file, 96U * KIB},
        {"open_path", open_file, 96U * KIB},
        {"verify_path", verify_file, 96U * KIB},
        {"rewrap_path", rewrap_file, 96U * KIB},
        {"inspect_path", inspect_file, 96U * KIB},
        {"seal_stream", seal_stream, 96U * KIB},
        {"open_stream", open_stream, 96U * KIB},
        {"store_create", create_store, 96U * KIB},
        {"store_rotate", rotate_store, 96U * KIB},
        {"store_refresh", refresh_store, 96U * KIB},
        {"store_seal_token", seal_in_store, 96U * KIB},
        {"store_open_token", open_in_store, 96U * KIB},
        {"store_usage", usage, 96U * KIB},
        {"store_free", free_store, 96U * KIB},
        {"backup_in_shares", back_up, 96U * KIB},
        {"backup_restore", restore, 96U * KIB},
        {"wrapped_by_provider", provide, 96U * KIB},
        {"key_free", free_pair, 96U * KIB},
    };
    uint8_t *stack = mmap(NULL, STACK_LEN, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    FILE *plain;
    size_t which;
    if ((argc != 2) || (stack == MAP_FAILED)) {
        return 1;
    }
    (void)snprintf(folder, sizeof folder, "%s", argv[1]);
    plain = fopen(file("plain"), "wb");
    if ((plain == NULL) || (fwrite(message, 1, sizeof message, plain) != sizeof message) ||
        (fclose(plain) != 0)) {
        return 1;
    }
    for (which = 0; which < sizeof rows / sizeof rows[0]; which++) {
        measure(&rows[which], stack);
        by_keyset[0] = symmetric;
        by_pair[0] = pair;
        by_passphrase[0] = passphrase;
    }
    sealwax_backup_free(backup);
    sealwax_key_free(passphrase);
    sealwax_key_free(symmetric);
    return (failures == 0U) ? 0 : 1;
}
