/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hosted profile: keysets in their files, backups, providers, and jobs that are watched. */
#include <unistd.h>

#include "kit.h"
#include "fixtures.h"

static char folder[256];

static const char *file(const char *name)
{
    static char paths[4][400];
    static unsigned next = 0;
    next = (next + 1U) % 4U;
    (void)snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static int exists(const char *name) { return access(file(name), F_OK) == 0; }

static sealwax_options with(const sealwax_key *const *keys, size_t count)
{
    sealwax_options options;
    (void)memset(&options, 0, sizeof options);
    options.keys = keys;
    options.key_count = count;
    return options;
}

static sealwax_store_options guarded_by(const sealwax_key *const *keys, size_t count)
{
    sealwax_store_options options;
    (void)memset(&options, 0, sizeof options);
    options.keys = keys;
    options.key_count = count;
    return options;
}

static sealwax_key *new_keyset(const char *name)
{
    sealwax_key *keyset = NULL;
    STATUS(sealwax_key_generate_keyset(name, strlen(name), SEALWAX_ALGORITHM_CHACHA20_POLY1305,
                                       &keyset),
           SEALWAX_OK);
    return keyset;
}

/* A store of a fresh keyset whose guard's keys are freed already. */
static sealwax_store *new_store(const char *name)
{
    sealwax_key *keyset = new_keyset("orders");
    sealwax_key *guard = NULL;
    const sealwax_key *keys[1];
    sealwax_store_options options;
    sealwax_store *store = NULL;
    STATUS(sealwax_key_from_device_key(device_key_id, device_key, &guard), SEALWAX_OK);
    keys[0] = guard;
    options = guarded_by(keys, 1);
    STATUS(sealwax_store_create(file(name), keyset, &options, &store), SEALWAX_OK);
    sealwax_key_free(guard);
    sealwax_key_free(keyset);
    return store;
}

static sealwax_store *open_again(const char *name)
{
    sealwax_key *guard = NULL;
    const sealwax_key *keys[1];
    sealwax_store_options options;
    sealwax_store *store = NULL;
    STATUS(sealwax_key_from_device_key(device_key_id, device_key, &guard), SEALWAX_OK);
    keys[0] = guard;
    options = guarded_by(keys, 1);
    STATUS(sealwax_store_open(file(name), &options, &store), SEALWAX_OK);
    sealwax_key_free(guard);
    return store;
}

static uint8_t state_of(const sealwax_store *store, uint32_t version)
{
    sealwax_key *keyset = NULL;
    sealwax_version_description versions[8];
    size_t count = 0;
    size_t at;
    uint8_t state = 0;
    STATUS(sealwax_store_keyset(store, &keyset), SEALWAX_OK);
    STATUS(sealwax_key_versions(keyset, versions, 8, &count), SEALWAX_OK);
    for (at = 0; at < count; at++) {
        state = (versions[at].id == version) ? versions[at].state : state;
    }
    sealwax_key_free(keyset);
    return state;
}

static void a_store_is_asked_for_its_protection(void)
{
    sealwax_key *keyset = new_keyset("orders");
    sealwax_key *guard = NULL;
    const sealwax_key *keys[1];
    sealwax_store_options options = guarded_by(NULL, 0);
    sealwax_store *store = (sealwax_store *)&options;
    STATUS(sealwax_key_from_device_key(device_key_id, device_key, &guard), SEALWAX_OK);
    keys[0] = guard;
    STATUS(sealwax_store_create(file("guarded"), keyset, &options, &store),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    CLAIM(store == NULL);
    options = guarded_by(keys, 1);
    options.flags = SEALWAX_STORE_UNPROTECTED;
    STATUS(sealwax_store_create(file("guarded"), keyset, &options, &store),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    options.flags = 8;
    STATUS(sealwax_store_create(file("guarded"), keyset, &options, &store),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    options.flags = 0;
    options.reserved = 1;
    STATUS(sealwax_store_create(file("guarded"), keyset, &options, &store),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    options.reserved = 0;
    STATUS(sealwax_store_create(file("guarded"), guard, &options, &store),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_store_create(file("guarded"), keyset, NULL, &store),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_store_create(NULL, keyset, &options, &store), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_store_create(file("guarded"), keyset, &options, NULL),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    CLAIM(!exists("guarded"));
    STATUS(sealwax_store_create(file("guarded"), keyset, &options, &store), SEALWAX_OK);
    sealwax_store_free(store);
    STATUS(sealwax_store_create(file("guarded"), keyset, &options, &store), SEALWAX_ERROR_IO);
    CLAIM(store == NULL);
    options = guarded_by(NULL, 0);
    options.flags = SEALWAX_STORE_UNPROTECTED;
    STATUS(sealwax_store_open(file("guarded"), &options, &store), SEALWAX_ERROR_FORMAT);
    options = guarded_by(keys, 1);
    options.min_revision = 9;
    STATUS(sealwax_store_open(file("guarded"), &options, &store), SEALWAX_ERROR_BAD_STATE);
    CLAIM(store == NULL);
    sealwax_store_free(NULL);
    sealwax_key_free(guard);
    sealwax_key_free(keyset);
}

static void a_store_seals_rotates_and_is_followed(void)
{
    sealwax_store *store = new_store("orders.swxk");
    sealwax_store *other = open_again("orders.swxk");
    sealwax_keyset_description description;
    sealwax_key *revision = NULL;
    const sealwax_key *keys[1];
    sealwax_options options;
    uint8_t token[128];
    uint8_t out[400];
    uint32_t first = 0;
    uint32_t second = 0;
    size_t token_len = 9;
    size_t len = 0;
    STATUS(sealwax_store_seal_token(store, token_context, sizeof token_context,
                                    (const uint8_t *)"4111", 4, token,
                                    SEALWAX_TOKEN_OVERHEAD + 3, &token_len),
           SEALWAX_ERROR_BUFFER_TOO_SMALL);
    CLAIM(token_len == SEALWAX_TOKEN_OVERHEAD + 4U);
    STATUS(sealwax_store_seal_token(store, token_context, sizeof token_context,
                                    (const uint8_t *)"4111", 4, token, sizeof token, &token_len),
           SEALWAX_OK);
    STATUS(sealwax_token_version(token, token_len, &first), SEALWAX_OK);
    STATUS(sealwax_store_rotate(store, 0, &second), SEALWAX_OK);
    CLAIM((second != 0U) && (second != first));
    STATUS(sealwax_store_rotate_if_due(store, &first), SEALWAX_OK);
    CLAIM(first == 0U);
    STATUS(sealwax_store_rotate(store, SEALWAX_ALGORITHM_X25519, &first),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_store_refresh(other, &description), SEALWAX_OK);
    CLAIM((description.primary == second) && (description.version_count == 2U) &&
          (description.family == SEALWAX_FAMILY_SYMMETRIC));
    STATUS(sealwax_store_open_token(other, token_context, sizeof token_context, token, token_len,
                                    out, 3, &len),
           SEALWAX_ERROR_BUFFER_TOO_SMALL);
    CLAIM(len == 4U);
    STATUS(sealwax_store_open_token(other, token_context, sizeof token_context, token, token_len,
                                    out, sizeof out, &len),
           SEALWAX_OK);
    CLAIM((len == 4U) && (memcmp(out, "4111", 4) == 0));
    STATUS(sealwax_store_open_token(other, NULL, 0, token, token_len, out, sizeof out, &len),
           SEALWAX_ERROR_DECRYPT);
    /* A revision is a key like others, but for changing it. */
    STATUS(sealwax_store_keyset(store, &revision), SEALWAX_OK);
    STATUS(sealwax_key_rotate(revision, SEALWAX_ALGORITHM_CHACHA20_POLY1305),
           SEALWAX_ERROR_BAD_STATE);
    keys[0] = revision;
    options = with(keys, 1);
    STATUS(sealwax_seal_message(&options, (const uint8_t *)"4111", 4, out, sizeof out, &len),
           SEALWAX_OK);
    STATUS(sealwax_store_release(store), SEALWAX_OK);
    sealwax_store_free(store);
    STATUS(sealwax_open_message(&options, out, len, token, sizeof token, &token_len), SEALWAX_OK);
    CLAIM((token_len == 4U) && (memcmp(token, "4111", 4) == 0));
    sealwax_key_free(revision);
    sealwax_store_free(other);
}

static void states_change_as_the_table_says(void)
{
    sealwax_store *store = new_store("states.swxk");
    uint32_t primary = 0;
    uint32_t next = 0;
    uint8_t token[128];
    size_t len = 0;
    char reason[256];
    (void)memset(reason, 'r', sizeof reason);
    STATUS(sealwax_store_rotate(store, 0, &primary), SEALWAX_OK);
    STATUS(sealwax_store_prepare(store, SEALWAX_ALGORITHM_COBBLESTONE_256, &next), SEALWAX_OK);
    CLAIM(state_of(store, next) == SEALWAX_STATE_PRE_ACTIVE);
    STATUS(sealwax_store_change_state(store, next, SEALWAX_MOVE_SUSPEND, NULL, 0),
           SEALWAX_ERROR_BAD_STATE);
    STATUS(sealwax_store_change_state(store, next, 0, NULL, 0), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_store_change_state(store, 0, SEALWAX_MOVE_ACTIVATE, NULL, 0),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_store_change_state(store, next ^ primary ^ 1U, SEALWAX_MOVE_ACTIVATE, NULL, 0),
           SEALWAX_ERROR_UNKNOWN_KEY);
    STATUS(sealwax_store_change_state(store, next, SEALWAX_MOVE_ACTIVATE, reason, 256),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_store_change_state(store, next, SEALWAX_MOVE_ACTIVATE, reason, 255), SEALWAX_OK);
    CLAIM(state_of(store, next) == SEALWAX_STATE_ACTIVE);
    STATUS(sealwax_store_change_state(store, next, SEALWAX_MOVE_SUSPEND, "look", 4), SEALWAX_OK);
    CLAIM(state_of(store, next) == SEALWAX_STATE_SUSPENDED);
    /* Nothing takes the place of a primary that somebody suspended. */
    STATUS(sealwax_store_seal_token(store, NULL, 0, NULL, 0, token, sizeof token, &len),
           SEALWAX_ERROR_BAD_STATE);
    STATUS(sealwax_store_change_state(store, next, SEALWAX_MOVE_RESUME, "fine", 4), SEALWAX_OK);
    STATUS(sealwax_store_seal_token(store, NULL, 0, NULL, 0, token, sizeof token, &len),
           SEALWAX_OK);
    STATUS(sealwax_store_change_state(store, next, SEALWAX_MOVE_DEACTIVATE, NULL, 0),
           SEALWAX_ERROR_BAD_STATE);
    STATUS(sealwax_store_change_state(store, primary, SEALWAX_MOVE_DEACTIVATE, NULL, 0),
           SEALWAX_OK);
    CLAIM(state_of(store, primary) == SEALWAX_STATE_DEACTIVATED);
    STATUS(sealwax_store_schedule(store, next, 20, 20), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_store_schedule(store, next, 0, UINT64_MAX), SEALWAX_OK);
    STATUS(sealwax_store_change_state(store, primary, SEALWAX_MOVE_MARK_COMPROMISED, "lost", 4),
           SEALWAX_OK);
    CLAIM(state_of(store, primary) == SEALWAX_STATE_COMPROMISED);
    STATUS(sealwax_store_danger_destroy_without_census(store, next, NULL, 0),
           SEALWAX_ERROR_BAD_STATE);
    STATUS(sealwax_store_danger_destroy_without_census(store, primary, "gone", 4), SEALWAX_OK);
    CLAIM(state_of(store, primary) == SEALWAX_STATE_DESTROYED);
    sealwax_store_free(store);
    store = open_again("states.swxk");
    CLAIM(state_of(store, primary) == SEALWAX_STATE_DESTROYED);
    sealwax_store_free(store);
}

static void usage_backups_and_protection_are_in_the_files(void)
{
    sealwax_store *store = new_store("usage.swxk");
    sealwax_version_usage used[2];
    sealwax_key *other_guard = NULL;
    const sealwax_key *keys[1];
    sealwax_store_options options;
    uint8_t token[128];
    uint64_t revision = 9;
    uint64_t at = 9;
    size_t len = 0;
    size_t count = 9;
    uint8_t other_key[SEALWAX_DEVICE_KEY_LEN] = {7};
    STATUS(sealwax_store_usage(store, used, 2, &count), SEALWAX_OK);
    CLAIM(count == 0U);
    STATUS(sealwax_store_seal_token(store, NULL, 0, (const uint8_t *)"4111", 4, token, sizeof token,
                                    &len),
           SEALWAX_OK);
    STATUS(sealwax_store_usage(store, used, 0, &count), SEALWAX_ERROR_BUFFER_TOO_SMALL);
    CLAIM(count == 1U);
    STATUS(sealwax_store_usage(store, used, 2, &count), SEALWAX_OK);
    CLAIM((count == 1U) && (used[0].messages == 1048576U));
    STATUS(sealwax_store_release(store), SEALWAX_OK);
    STATUS(sealwax_store_usage(store, used, 2, &count), SEALWAX_OK);
    CLAIM((count == 1U) && (used[0].messages == 1U) && (used[0].bytes == 4U));
    STATUS(sealwax_store_backed_up(store, &revision, &at), SEALWAX_OK);
    CLAIM((revision == 0U) && (at == 0U));
    STATUS(sealwax_store_record_backup(store, 99, 1), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_store_record_backup(store, 1, 1767225600), SEALWAX_OK);
    STATUS(sealwax_store_backed_up(store, &revision, &at), SEALWAX_OK);
    CLAIM((revision == 1U) && (at == 1767225600U));
    STATUS(sealwax_key_from_device_key(device_key_id, other_key, &other_guard), SEALWAX_OK);
    keys[0] = other_guard;
    STATUS(sealwax_store_protect(store, NULL, 0, 0), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_store_protect(store, keys, 1, 0), SEALWAX_OK);
    sealwax_store_free(store);
    options = guarded_by(keys, 1);
    STATUS(sealwax_store_open(file("usage.swxk"), &options, &store), SEALWAX_OK);
    sealwax_store_free(store);
    sealwax_key_free(other_guard);
}

static void a_backup_comes_back_with_enough_shares(void)
{
    sealwax_key *keyset = new_keyset("billing");
    sealwax_key *restored = NULL;
    sealwax_backup *backup = NULL;
    sealwax_backup *mine = NULL;
    sealwax_share_description description;
    char shares[3][SEALWAX_SHARE_LEN];
    uint8_t *bytes;
    uint8_t fingerprint[SEALWAX_KEYSET_FINGERPRINT_LEN];
    uint8_t again[SEALWAX_KEYSET_FINGERPRINT_LEN];
    size_t len = 0;
    size_t which;
    STATUS(sealwax_backup_in_shares(keyset, 1, 3, &backup), SEALWAX_ERROR_INVALID_ARGUMENT);
    CLAIM(backup == NULL);
    STATUS(sealwax_backup_in_shares(keyset, 2, 65, &backup), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_backup_in_shares(keyset, 2, 3, &backup), SEALWAX_OK);
    for (which = 0; which < 3U; which++) {
        STATUS(sealwax_backup_share(backup, which, shares[which], sizeof shares[which], &len),
               SEALWAX_OK);
        CLAIM(len == SEALWAX_SHARE_LEN);
    }
    STATUS(sealwax_backup_share(backup, 3, shares[0], sizeof shares[0], &len),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_share_describe(shares[2], SEALWAX_SHARE_LEN, &description), SEALWAX_OK);
    CLAIM((description.number == 3U) && (description.threshold == 2U) &&
          (description.share_count == 3U));
    STATUS(sealwax_backup_file(backup, NULL, 0, &len), SEALWAX_ERROR_BUFFER_TOO_SMALL);
    bytes = kit_buffer(len);
    STATUS(sealwax_backup_file(backup, bytes, len, &len), SEALWAX_OK);
    sealwax_backup_free(backup);
    STATUS(sealwax_backup_from_file(bytes, len, &mine), SEALWAX_OK);
    STATUS(sealwax_backup_restore(mine, NULL, 0, &restored), SEALWAX_ERROR_UNKNOWN_KEY);
    STATUS(sealwax_backup_add_share(mine, shares[2], SEALWAX_SHARE_LEN), SEALWAX_OK);
    STATUS(sealwax_backup_restore(mine, NULL, 0, &restored), SEALWAX_ERROR_UNKNOWN_KEY);
    CLAIM(restored == NULL);
    STATUS(sealwax_backup_add_share(mine, shares[0], SEALWAX_SHARE_LEN - 1), SEALWAX_ERROR_FORMAT);
    STATUS(sealwax_backup_add_share(mine, shares[0], SEALWAX_SHARE_LEN), SEALWAX_OK);
    STATUS(sealwax_backup_restore(mine, NULL, 0, &restored), SEALWAX_OK);
    STATUS(sealwax_key_fingerprint(keyset, fingerprint), SEALWAX_OK);
    STATUS(sealwax_key_fingerprint(restored, again), SEALWAX_OK);
    CLAIM(memcmp(fingerprint, again, sizeof again) == 0);
    sealwax_backup_free(mine);
    sealwax_backup_free(NULL);
    free(bytes);
    sealwax_key_free(restored);
    sealwax_key_free(keyset);
}

static void a_backup_comes_back_with_a_recovery_key(void)
{
    sealwax_key *keyset = new_keyset("billing");
    sealwax_key *recovery = NULL;
    sealwax_key *restored = NULL;
    sealwax_backup *backup = NULL;
    const sealwax_key *keys[1];
    sealwax_keyset_description one;
    sealwax_keyset_description other;
    STATUS(sealwax_key_generate_keyset("recovery", 8, SEALWAX_ALGORITHM_X25519, &recovery),
           SEALWAX_OK);
    keys[0] = recovery;
    STATUS(sealwax_backup_for_keys(keyset, NULL, 0, &backup), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_backup_for_keys(keyset, keys, 1, &backup), SEALWAX_OK);
    STATUS(sealwax_backup_restore(backup, NULL, 0, &restored), SEALWAX_ERROR_FORMAT);
    STATUS(sealwax_backup_restore(backup, keys, 1, &restored), SEALWAX_OK);
    STATUS(sealwax_key_describe(keyset, &one), SEALWAX_OK);
    STATUS(sealwax_key_describe(restored, &other), SEALWAX_OK);
    CLAIM(memcmp(&one, &other, sizeof one) == 0);
    sealwax_key_free(restored);
    sealwax_backup_free(backup);
    sealwax_key_free(recovery);
    sealwax_key_free(keyset);
}

/* What stands for a KMS: it knows one key by its name, and how it answers is up to the test. */
typedef struct kms {
    size_t answer_len;
    int32_t answer;
    unsigned asked;
} kms;

static int32_t kms_answer(void *context, const uint8_t *bytes, size_t bytes_len, uint8_t *out,
                          size_t out_size, size_t *out_len)
{
    kms *answering = context;
    size_t at;
    answering->asked++;
    for (at = 0; (at < answering->answer_len) && (at < out_size); at++) {
        out[at] = (uint8_t)(((at < bytes_len) ? bytes[at] : 0U) ^ 0x5aU);
    }
    *out_len = answering->answer_len;
    return answering->answer;
}

static sealwax_key *unwrapped(kms *asked, const uint8_t *envelope, size_t len, const char *name,
                              int32_t expected)
{
    sealwax_key *key = NULL;
    STATUS(sealwax_key_unwrapped_by_provider(envelope, len, "kms", 3, name, strlen(name),
                                             kms_answer, asked, &key),
           expected);
    CLAIM((key != NULL) == (expected == SEALWAX_OK));
    return key;
}

static void a_provider_wraps_and_unwraps(void)
{
    kms good = {32, 0, 0};
    kms refusing = {32, 1, 0};
    kms silent = {0, 0, 0};
    kms wordy = {SEALWAX_PROVIDER_BLOB_MAX_LEN + 1, 0, 0};
    kms short_one = {31, 0, 0};
    kms long_one = {33, 0, 0};
    kms *wrong[2];
    sealwax_key *key = NULL;
    const sealwax_key *keys[1];
    sealwax_options options;
    uint8_t envelope[1024];
    uint8_t out[64];
    size_t len = 0;
    size_t out_len = 0;
    size_t which;
    FILE *written;
    wrong[0] = &short_one;
    wrong[1] = &long_one;
    STATUS(sealwax_key_wrapped_by_provider("kms", 3, "", 0, kms_answer, &good, &key),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_key_wrapped_by_provider("kms", 3, "key/1", 5, NULL, &good, &key),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_key_wrapped_by_provider("kms", 3, "key/1", 5, kms_answer, &refusing, &key),
           SEALWAX_ERROR_PROVIDER);
    STATUS(sealwax_key_wrapped_by_provider("kms", 3, "key/1", 5, kms_answer, &silent, &key),
           SEALWAX_ERROR_PROVIDER);
    STATUS(sealwax_key_wrapped_by_provider("kms", 3, "key/1", 5, kms_answer, &wordy, &key),
           SEALWAX_ERROR_PROVIDER);
    CLAIM(key == NULL);
    STATUS(sealwax_key_wrapped_by_provider("kms", 3, "key/1", 5, kms_answer, &good, &key),
           SEALWAX_OK);
    CLAIM(good.asked == 1U);
    keys[0] = key;
    options = with(keys, 1);
    STATUS(sealwax_seal_message(&options, (const uint8_t *)"4111", 4, envelope, sizeof envelope,
                                &len),
           SEALWAX_OK);
    /* It only seals. */
    STATUS(sealwax_open_message(&options, envelope, len, out, sizeof out, &out_len),
           SEALWAX_ERROR_UNKNOWN_KEY);
    sealwax_key_free(key);
    good.asked = 0;
    (void)unwrapped(&good, envelope, len, "key/2", SEALWAX_ERROR_UNKNOWN_KEY);
    CLAIM(good.asked == 0U);
    (void)unwrapped(&refusing, envelope, len, "key/1", SEALWAX_ERROR_PROVIDER);
    (void)unwrapped(&good, envelope, 20, "key/1", SEALWAX_ERROR_TRUNCATED);
    for (which = 0; which < 2U; which++) {
        key = unwrapped(wrong[which], envelope, len, "key/1", SEALWAX_OK);
        keys[0] = key;
        STATUS(sealwax_open_message(&options, envelope, len, out, sizeof out, &out_len),
               SEALWAX_ERROR_DECRYPT);
        sealwax_key_free(key);
    }
    key = unwrapped(&good, envelope, len, "key/1", SEALWAX_OK);
    keys[0] = key;
    STATUS(sealwax_open_message(&options, envelope, len, out, sizeof out, &out_len), SEALWAX_OK);
    CLAIM((out_len == 4U) && (memcmp(out, "4111", 4) == 0));
    sealwax_key_free(key);
    written = fopen(file("provided"), "wb");
    CLAIM((written != NULL) && (fwrite(envelope, 1, len, written) == len) &&
          (fclose(written) == 0));
    STATUS(sealwax_key_unwrapped_by_provider_for_path(file("absent"), "kms", 3, "key/1", 5,
                                                      kms_answer, &good, &key),
           SEALWAX_ERROR_IO);
    STATUS(sealwax_key_unwrapped_by_provider_for_path(file("provided"), "kms", 3, "key/1", 5,
                                                      kms_answer, &good, &key),
           SEALWAX_OK);
    keys[0] = key;
    STATUS(sealwax_open_path(&options, file("provided"), file("provided-open")), SEALWAX_OK);
    sealwax_key_free(key);
}

/* What a job told, and when it is to stop. */
typedef struct told {
    uint64_t done;
    uint64_t total;
    uint64_t stop_at;
    unsigned calls;
    int fell;
} told;

static int32_t hear(void *context, uint64_t done, uint64_t total)
{
    told *heard = context;
    heard->fell = heard->fell || (done < heard->done) || (done > total);
    heard->done = done;
    heard->total = total;
    heard->calls++;
    return (done >= heard->stop_at) ? 1 : 0;
}

static void jobs_are_watched_and_stopped(void)
{
    static const uint64_t len = 5000000;
    sealwax_key *keyset = new_keyset("files");
    sealwax_key *backup = NULL;
    const sealwax_key *keys[1];
    sealwax_options options;
    told all = {0, 0, UINT64_MAX, 0, 0};
    told early = {0, 0, 1, 0, 0};
    told late = {0, 0, 5000000, 0, 0};
    uint8_t *plain = kit_buffer((size_t)len);
    FILE *out = fopen(file("plain"), "wb");
    uint32_t changed = 9;
    CLAIM((out != NULL) && (fwrite(plain, 1, (size_t)len, out) == len) && (fclose(out) == 0));
    free(plain);
    keys[0] = keyset;
    options = with(keys, 1);
    options.progress = hear;
    options.progress_context = &early;
    STATUS(sealwax_seal_path(&options, file("plain"), file("sealed")), SEALWAX_ERROR_IO);
    CLAIM(!exists("sealed") && (early.calls == 1U) && (early.total == len));
    /* The last word counts too. */
    options.progress_context = &late;
    STATUS(sealwax_seal_path(&options, file("plain"), file("sealed")), SEALWAX_ERROR_IO);
    CLAIM(!exists("sealed") && (late.done == len));
    options.progress_context = &all;
    STATUS(sealwax_seal_path(&options, file("plain"), file("sealed")), SEALWAX_OK);
    CLAIM((all.done == len) && (all.total == len) && (all.calls > 1U) && !all.fell);
    early.calls = 0;
    options.progress_context = &early;
    STATUS(sealwax_open_path(&options, file("sealed"), file("opened")), SEALWAX_ERROR_IO);
    CLAIM(!exists("opened") && (early.calls == 1U));
    STATUS(sealwax_verify_path(&options, file("sealed")), SEALWAX_ERROR_IO);
    all.done = 0;
    options.progress_context = &all;
    STATUS(sealwax_open_path(&options, file("sealed"), file("opened")), SEALWAX_OK);
    CLAIM((all.done == len) && !all.fell);
    /* A copy is watched too: a recipient that is so long does not fit in place. */
    STATUS(sealwax_key_generate_keyset("backup", 6, SEALWAX_ALGORITHM_X_WING, &backup), SEALWAX_OK);
    options.flags = SEALWAX_GROW;
    early.calls = 0;
    early.done = 0;
    options.progress_context = &early;
    STATUS(sealwax_rewrap_path(&options, backup, file("sealed"), &changed), SEALWAX_ERROR_IO);
    CLAIM((changed == 0U) && (early.calls == 1U));
    options.progress = NULL;
    STATUS(sealwax_rewrap_path(&options, backup, file("sealed"), &changed), SEALWAX_OK);
    CLAIM(changed == 1U);
    sealwax_key_free(backup);
    sealwax_key_free(keyset);
}

static void a_rewrap_without_the_key_says_so(void)
{
    sealwax_key *keyset = new_keyset("files");
    sealwax_key *stranger = new_keyset("strangers");
    const sealwax_key *keys[1];
    sealwax_options options;
    uint32_t changed = 9;
    keys[0] = keyset;
    options = with(keys, 1);
    STATUS(sealwax_seal_path(&options, file("plain"), file("theirs")), SEALWAX_OK);
    keys[0] = stranger;
    STATUS(sealwax_rewrap_path(&options, NULL, file("theirs"), &changed),
           SEALWAX_ERROR_UNKNOWN_KEY);
    CLAIM(changed == 0U);
    sealwax_key_free(stranger);
    sealwax_key_free(keyset);
}

int main(void)
{
    const char *given = getenv("SEALWAX_TEST_FOLDER");
    (void)snprintf(folder, sizeof folder, "%s", (given == NULL) ? "." : given);
    a_store_is_asked_for_its_protection();
    a_store_seals_rotates_and_is_followed();
    states_change_as_the_table_says();
    usage_backups_and_protection_are_in_the_files();
    a_backup_comes_back_with_enough_shares();
    a_backup_comes_back_with_a_recovery_key();
    a_provider_wraps_and_unwraps();
    jobs_are_watched_and_stopped();
    a_rewrap_without_the_key_says_so();
    return kit_end();
}
