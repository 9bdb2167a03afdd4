/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Vectors of what the hosted profile alone has: usage files beside keyset files, backups and their
 * shares, keys of providers. */
#ifndef VECTORS_HOSTED_H
#define VECTORS_HOSTED_H

#include "vector.h"

#ifdef SEALWAX_HOSTED
#include <inttypes.h>

static const char *place(const char *name)
{
    static char paths[4][400];
    static unsigned next = 0;
    const char *folder = getenv("SEALWAX_TEST_FOLDER");
    next = (next + 1U) % 4U;
    (void)snprintf(paths[next], sizeof paths[next], "%s/%s", (folder == NULL) ? "." : folder, name);
    return paths[next];
}

static void put_file(const char *path, bytes content)
{
    FILE *out = fopen(path, "wb");
    CLAIM((out != NULL) && (fwrite(content.at, 1, content.len, out) == content.len) &&
          (fclose(out) == 0));
}

/* A file appears all at once, as a writer of the format puts it. */
static void put_usage(bytes content)
{
    put_file(place("aside"), content);
    CLAIM(rename(place("aside"), place("billing.swxl")) == 0);
}

static int holds(const char *path, bytes content)
{
    FILE *in = fopen(path, "rb");
    uint8_t *read = kit_buffer(content.len + 1U);
    size_t got = (in != NULL) ? fread(read, 1, content.len + 1U, in) : 0U;
    int same = (got == content.len) && (memcmp(read, content.at, got) == 0);
    if (in != NULL) {
        (void)fclose(in);
    }
    free(read);
    return same;
}

static sealwax_store_options unprotected(void)
{
    sealwax_store_options options;
    (void)memset(&options, 0, sizeof options);
    options.flags = SEALWAX_STORE_UNPROTECTED;
    return options;
}

/* The usage file that a store writes next is known to the byte. */
static void check_next(const sealwax_store *store)
{
    int32_t status = sealwax_store_record_backup(store, vector.next_revision, 9);
    if (vector.next.len == 0U) {
        CLAIM((status == SEALWAX_ERROR_LIMIT) && holds(place("billing.swxl"), vector.input));
    } else if (!CLAIM((status == SEALWAX_OK) && holds(place("billing.swxl"), vector.next))) {
        (void)printf("%s: %s\n", vector.name, sealwax_status_name(status));
    } else {
        /* As it should be. */
    }
}

static int32_t run_usage(void)
{
    sealwax_store_options options = unprotected();
    sealwax_version_usage used[MAX_USED];
    sealwax_store *store = NULL;
    size_t count = 0;
    uint64_t revision = 7;
    uint64_t at = 7;
    int32_t status;
    (void)remove(place("billing.swxl"));
    put_file(place("billing.swxk"), vector.keyset_file);
    put_usage((vector.seen.len != 0U) ? vector.seen : vector.input);
    status = sealwax_store_open(place("billing.swxk"), &options, &store);
    if (status == SEALWAX_OK) {
        put_usage(vector.input);
        status = sealwax_store_usage(store, used, MAX_USED, &count);
    }
    if (status == SEALWAX_ERROR_BUFFER_TOO_SMALL) {
        /* A vector has more than a test looks at. */
        sealwax_version_usage *all = calloc(count, sizeof *all);
        CLAIM((vector.used_count == 0U) && (all != NULL));
        status = sealwax_store_usage(store, all, count, &count);
        vector.used_count = count;
        free(all);
    } else if (status == SEALWAX_OK) {
        CLAIM((count == vector.used_count) &&
              (memcmp(used, vector.used, count * sizeof used[0]) == 0));
    } else {
        CLAIM(count == 0U);
    }
    if (status == SEALWAX_OK) {
        status = sealwax_store_backed_up(store, &revision, &at);
        CLAIM((revision == vector.backup_revision) && (at == vector.backup_at));
        check_next(store);
    }
    CLAIM((store != NULL) || (status != SEALWAX_OK));
    sealwax_store_free(store);
    return status;
}

/* What a keyset is, against what the vector says. */
static void check_keyset(const sealwax_key *keyset)
{
    sealwax_keyset_description description;
    sealwax_version_description *versions = calloc(vector.version_count + 1U, sizeof *versions);
    uint8_t fingerprint[SEALWAX_KEYSET_FINGERPRINT_LEN] = {0};
    size_t count = 0;
    STATUS(sealwax_key_describe(keyset, &description), SEALWAX_OK);
    check_description(&description);
    if (CLAIM(versions != NULL)) {
        STATUS(sealwax_key_versions(keyset, versions, vector.version_count, &count), SEALWAX_OK);
        CLAIM((count == vector.version_count) &&
              ((count == 0U) ||
               (memcmp(versions, vector.versions, count * sizeof *versions) == 0)));
        if (count > 0U) {
            STATUS(sealwax_key_versions(keyset, versions, count - 1U, &count),
                   SEALWAX_ERROR_BUFFER_TOO_SMALL);
            CLAIM(count == vector.version_count);
        }
    }
    STATUS(sealwax_key_fingerprint(keyset, fingerprint), SEALWAX_OK);
    CLAIM((vector.fingerprint.len == sizeof fingerprint) &&
          (memcmp(fingerprint, vector.fingerprint.at, sizeof fingerprint) == 0));
    free(versions);
}

static int32_t run_share(void)
{
    const char *text = (const char *)vector.input.at;
    sealwax_backup *backup = NULL;
    sealwax_share_description description;
    char again[SEALWAX_SHARE_LEN];
    size_t len = 0;
    int32_t status;
    (void)memset(&description, 0, sizeof description);
    STATUS(sealwax_backup_from_file(NULL, 0, &backup), SEALWAX_OK);
    status = sealwax_share_describe(text, vector.input.len, &description);
    STATUS(sealwax_backup_add_share(backup, text, vector.input.len), status);
    if (status == SEALWAX_OK) {
        CLAIM(memcmp(&description, &vector.described, sizeof description) == 0);
        STATUS(sealwax_backup_share(backup, 0, again, sizeof again - 1U, &len),
               SEALWAX_ERROR_BUFFER_TOO_SMALL);
        CLAIM(len == sizeof again);
        STATUS(sealwax_backup_share(backup, 0, again, sizeof again, &len), SEALWAX_OK);
        CLAIM((len == strlen(vector.text)) && (memcmp(again, vector.text, len) == 0));
    }
    sealwax_backup_free(backup);
    return status;
}

static int32_t run_backup(void)
{
    sealwax_store_options options = unprotected();
    sealwax_backup *backup = NULL;
    sealwax_key *keyset = NULL;
    sealwax_store *store = NULL;
    size_t which;
    int32_t status = sealwax_backup_from_file(vector.input.at, vector.input.len, &backup);
    for (which = 0; (which < vector.share_count) && (status == SEALWAX_OK); which++) {
        const bytes *share = &vector.shares[which];
        status = sealwax_backup_add_share(backup, (const char *)share->at, share->len);
    }
    if (status == SEALWAX_OK) {
        const sealwax_key *keys[MAX_KEYS] = {NULL};
        for (which = 0; which < vector.hosted_count; which++) {
            keys[which] = vector.hosted[which];
        }
        status = sealwax_backup_restore(backup, keys, vector.hosted_count, &keyset);
    }
    CLAIM((keyset != NULL) == (status == SEALWAX_OK));
    if (status == SEALWAX_OK) {
        check_keyset(keyset);
        (void)remove(place("restored.swxk"));
        (void)remove(place("restored.swxl"));
        STATUS(sealwax_store_restore(place("restored.swxk"), keyset, &options, &store), SEALWAX_OK);
        CLAIM(holds(place("restored.swxk"), vector.restored));
    }
    sealwax_store_free(store);
    sealwax_key_free(keyset);
    sealwax_backup_free(backup);
    return status;
}

/* A provider that gives whatever the vector says that it gives. */
static int32_t provide(void *context, const uint8_t *blob, size_t blob_len, uint8_t *out,
                       size_t out_size, size_t *out_len)
{
    const bytes *key = context;
    CLAIM((blob != NULL) && (blob_len > 0U));
    if (key->len > out_size) {
        return -1;
    }
    (void)memcpy(out, key->at, key->len);
    *out_len = key->len;
    return 0;
}

/* What providers unwrap of this envelope; a name that it does not have is no key at hand. */
static void ask_providers(void)
{
    size_t which;
    for (which = 0; which < vector.provided_count; which++) {
        provided *from = &vector.provided[which];
        sealwax_key *made = NULL;
        int32_t status = sealwax_key_unwrapped_by_provider(
            vector.input.at, vector.input.len, (const char *)from->provider.at, from->provider.len,
            (const char *)from->key_name.at, from->key_name.len, provide, &from->key, &made);
        if (status == SEALWAX_OK) {
            vector.hosted[vector.hosted_count] = made;
            vector.hosted_count++;
        } else {
            CLAIM((status == SEALWAX_ERROR_UNKNOWN_KEY) && (made == NULL));
        }
    }
}
#endif

#endif
