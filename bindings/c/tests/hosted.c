/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hosted profile: keys of every kind, files, streams, messages, inspect, rewrap. */
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

static void write_file(const char *path, const uint8_t *bytes, size_t len)
{
    FILE *out = fopen(path, "wb");
    CLAIM((out != NULL) && (fwrite(bytes, 1, len, out) == len) && (fclose(out) == 0));
}

static int holds(const char *path, const uint8_t *bytes, size_t len)
{
    FILE *in = fopen(path, "rb");
    uint8_t *read = kit_buffer(len + 1U);
    size_t got = (in != NULL) ? fread(read, 1, len + 1U, in) : 0U;
    int same = (got == len) && (memcmp(read, bytes, len) == 0);
    if (in != NULL) {
        (void)fclose(in);
    }
    free(read);
    return same;
}

static sealwax_options with(const sealwax_key *const *keys, size_t count)
{
    sealwax_options options;
    (void)memset(&options, 0, sizeof options);
    options.keys = keys;
    options.key_count = count;
    return options;
}

static void keysets_are_made_saved_and_loaded(void)
{
    sealwax_key *passphrase = NULL;
    sealwax_key *wrong = NULL;
    sealwax_key *keyset = NULL;
    sealwax_key *loaded = (sealwax_key *)&passphrase;
    uint8_t token[128];
    uint8_t out[64];
    size_t token_len = 0;
    size_t out_len = 0;
    STATUS(sealwax_key_from_passphrase("correct horse", 13, &passphrase), SEALWAX_OK);
    STATUS(sealwax_key_from_passphrase("wrong horse", 11, &wrong), SEALWAX_OK);
    STATUS(sealwax_key_generate_keyset("orders", 6, SEALWAX_ALGORITHM_COBBLESTONE_256, &keyset),
           SEALWAX_OK);
    STATUS(sealwax_key_save_keyset(keyset, file("keyset"), passphrase), SEALWAX_OK);
    STATUS(sealwax_key_save_keyset(keyset, file("keyset"), passphrase), SEALWAX_ERROR_IO);
    STATUS(sealwax_key_load_keyset(file("keyset"), NULL, &loaded), SEALWAX_ERROR_FORMAT);
    CLAIM(loaded == NULL);
    STATUS(sealwax_key_load_keyset(file("keyset"), wrong, &loaded), SEALWAX_ERROR_DECRYPT);
    STATUS(sealwax_key_load_keyset(file("absent"), wrong, &loaded), SEALWAX_ERROR_IO);
    STATUS(sealwax_key_load_keyset(file("keyset"), passphrase, &loaded), SEALWAX_OK);
    STATUS(sealwax_key_seal_token(keyset, token_context, sizeof token_context,
                                  (const uint8_t *)"4111", 4, token, sizeof token, &token_len),
           SEALWAX_OK);
    STATUS(sealwax_key_rotate(loaded, SEALWAX_ALGORITHM_COBBLESTONE_256), SEALWAX_OK);
    STATUS(sealwax_key_open_token(loaded, token_context, sizeof token_context, token, token_len,
                                  out, 3, &out_len),
           SEALWAX_ERROR_BUFFER_TOO_SMALL);
    STATUS(sealwax_key_open_token(loaded, token_context, sizeof token_context, token, token_len,
                                  out, sizeof out, &out_len),
           SEALWAX_OK);
    CLAIM((out_len == 4U) && (memcmp(out, "4111", 4) == 0));
    STATUS(sealwax_key_open_token(loaded, NULL, 0, token, token_len, out, sizeof out, &out_len),
           SEALWAX_ERROR_DECRYPT);
    STATUS(sealwax_key_rotate(passphrase, 1), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_key_rotate(loaded, 9), SEALWAX_ERROR_FORMAT);
    sealwax_key_free(loaded);
    STATUS(sealwax_key_parse_keyset(keyset_blob, sizeof keyset_blob, NULL, &loaded), SEALWAX_OK);
    STATUS(sealwax_key_open_token(loaded, token_context, sizeof token_context, new_token,
                                  sizeof new_token, out, sizeof out, &out_len),
           SEALWAX_OK);
    sealwax_key_free(loaded);
    sealwax_key_free(keyset);
    sealwax_key_free(wrong);
    sealwax_key_free(passphrase);
    sealwax_key_free(NULL);
}

static void files_are_sealed_inspected_rewrapped_and_opened(void)
{
    sealwax_key *keyset = NULL;
    sealwax_key *backup = NULL;
    const sealwax_key *keys[2];
    const sealwax_key *backup_keys[1];
    sealwax_options options;
    sealwax_options by_backup;
    sealwax_envelope_description description;
    sealwax_recipient_description recipients[4];
    uint8_t stored[64];
    size_t stored_len = 0;
    uint32_t changed = 9;
    STATUS(sealwax_key_generate_keyset("files", 5, SEALWAX_ALGORITHM_COBBLESTONE_256, &keyset),
           SEALWAX_OK);
    STATUS(sealwax_key_from_device_key(device_key_id, device_key, &backup), SEALWAX_OK);
    keys[0] = keyset;
    keys[1] = backup;
    backup_keys[0] = backup;
    options = with(keys, 1);
    by_backup = with(backup_keys, 1);
    options.stored = token_context;
    options.stored_len = sizeof token_context;
    write_file(file("plain"), image, sizeof image);
    STATUS(sealwax_seal_path(&options, file("absent"), file("sealed")), SEALWAX_ERROR_IO);
    STATUS(sealwax_seal_path(&options, file("plain"), file("sealed")), SEALWAX_OK);
    STATUS(sealwax_seal_path(&options, file("plain"), file("sealed")), SEALWAX_ERROR_IO);
    options.flags = SEALWAX_REPLACE;
    STATUS(sealwax_seal_path(&options, file("plain"), file("sealed")), SEALWAX_OK);
    STATUS(
        sealwax_inspect_path(file("sealed"), &description, recipients, 4, stored, 3, &stored_len),
        SEALWAX_ERROR_BUFFER_TOO_SMALL);
    CLAIM(stored_len == sizeof token_context);
    STATUS(sealwax_inspect_path(file("sealed"), &description, recipients, 4, stored, sizeof stored,
                                &stored_len),
           SEALWAX_OK);
    CLAIM((description.suite == 1U) && (description.kind == 1U) && (description.slots == 2U));
    CLAIM((description.recipient_count == 1U) && (recipients[0].kind == 1U));
    CLAIM((description.chunk_len == 16384U) && (description.epoch == 1U));
    CLAIM(memcmp(stored, token_context, stored_len) == 0);
    STATUS(sealwax_inspect_path(file("plain"), &description, recipients, 4, stored, sizeof stored,
                                &stored_len),
           SEALWAX_ERROR_FORMAT);
    /* What is given as stored is not checked when opening, so it is refused. */
    options.flags = 0;
    STATUS(sealwax_verify_path(&options, file("sealed")), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_open_path(&options, file("sealed"), file("opened")),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_rewrap_path(&options, NULL, file("sealed"), &changed),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    options.flags = SEALWAX_REPLACE;
    options.stored_len = 0;
    options.reserved[5] = 1;
    STATUS(sealwax_verify_path(&options, file("sealed")), SEALWAX_ERROR_INVALID_ARGUMENT);
    options.reserved[5] = 0;
    /* Room for recipients that cannot be is found before anything is written. */
    stored[0] = 0xcc;
    stored_len = 9;
    STATUS(sealwax_inspect_path(file("sealed"), &description, NULL, 1, stored, sizeof stored,
                                &stored_len),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    CLAIM((stored[0] == 0xccU) && (stored_len == 0U));
    options.external = token_context;
    options.external_len = sizeof token_context;
    STATUS(sealwax_verify_path(&options, file("sealed")), SEALWAX_OK);
    STATUS(sealwax_verify_path(&by_backup, file("sealed")), SEALWAX_ERROR_UNKNOWN_KEY);
    STATUS(sealwax_rewrap_path(&options, NULL, file("sealed"), &changed), SEALWAX_OK);
    CLAIM(changed == 0U);
    STATUS(sealwax_rewrap_path(&options, backup, file("sealed"), &changed), SEALWAX_OK);
    CLAIM(changed == 1U);
    STATUS(sealwax_verify_path(&by_backup, file("sealed")), SEALWAX_OK);
    STATUS(sealwax_key_rotate(keyset, SEALWAX_ALGORITHM_COBBLESTONE_256), SEALWAX_OK);
    STATUS(sealwax_rewrap_path(&options, NULL, file("sealed"), &changed), SEALWAX_OK);
    CLAIM(changed == 1U);
    options.min_epoch = 4;
    STATUS(sealwax_open_path(&options, file("sealed"), file("opened")), SEALWAX_ERROR_DECRYPT);
    options.min_epoch = 3;
    STATUS(sealwax_open_path(&options, file("sealed"), file("opened")), SEALWAX_OK);
    CLAIM(holds(file("opened"), image, sizeof image));
    options.flags = 64;
    STATUS(sealwax_open_path(&options, file("sealed"), file("opened")),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    options.flags = SEALWAX_REPLACE;
    CLAIM(truncate(file("sealed"), 20000) == 0);
    STATUS(sealwax_open_path(&options, file("sealed"), file("opened")), SEALWAX_ERROR_DECRYPT);
    CLAIM(holds(file("opened"), image, sizeof image));
    CLAIM(truncate(file("sealed"), 100) == 0);
    STATUS(sealwax_open_path(&options, file("sealed"), file("opened")), SEALWAX_ERROR_TRUNCATED);
    options = with(keys, 2);
    STATUS(sealwax_seal_path(&options, file("plain"), file("both")), SEALWAX_OK);
    STATUS(sealwax_verify_path(&by_backup, file("both")), SEALWAX_OK);
    options.flags = SEALWAX_REMOVE_OTHERS;
    options.key_count = 1;
    STATUS(sealwax_rewrap_path(&options, NULL, file("both"), &changed), SEALWAX_OK);
    STATUS(sealwax_verify_path(&by_backup, file("both")), SEALWAX_ERROR_UNKNOWN_KEY);
    sealwax_key_free(keyset);
    sealwax_key_free(backup);
}

typedef struct pipe_end {
    uint8_t *bytes;
    size_t len;
    size_t at;
    size_t stop_at;
} pipe_end;

static int64_t read_some(void *context, uint8_t *out, size_t out_size)
{
    pipe_end *from = context;
    size_t left = from->len - from->at;
    size_t len = (left < 777U) ? left : 777U;
    len = (len < out_size) ? len : out_size;
    if (from->at >= from->stop_at) {
        return -1;
    }
    (void)memcpy(out, &from->bytes[from->at], len);
    from->at += len;
    return (int64_t)len;
}

static int64_t read_too_much(void *context, uint8_t *out, size_t out_size)
{
    (void)context;
    (void)out;
    return (int64_t)out_size + 1;
}

static int32_t write_all(void *context, const uint8_t *bytes, size_t bytes_len)
{
    pipe_end *to = context;
    if ((to->at + bytes_len) > to->stop_at) {
        return 5;
    }
    (void)memcpy(&to->bytes[to->at], bytes, bytes_len);
    to->at += bytes_len;
    return 0;
}

static pipe_end pipe_over(uint8_t *bytes, size_t len)
{
    pipe_end end;
    end.bytes = bytes;
    end.len = len;
    end.at = 0;
    end.stop_at = (size_t)-1;
    return end;
}

static void streams_and_messages_round_trip(void)
{
    sealwax_key *identity = NULL;
    sealwax_key *recipient = NULL;
    const sealwax_key *seal_keys[1];
    const sealwax_key *open_keys[1];
    sealwax_options seal_options;
    sealwax_options open_options;
    char text[4096];
    size_t text_len = 0;
    uint8_t *plaintext = kit_copy(image, sizeof image);
    uint8_t *sealed = kit_buffer(sizeof image + 9000U);
    uint8_t *opened = kit_buffer(sizeof image + 1U);
    pipe_end from = pipe_over(plaintext, sizeof image);
    pipe_end to = pipe_over(sealed, 0);
    size_t len = 0;
    STATUS(sealwax_key_generate_keyset("me", 2, SEALWAX_ALGORITHM_X_WING, &identity), SEALWAX_OK);
    STATUS(sealwax_key_recipient(identity, text, 10, &text_len), SEALWAX_ERROR_BUFFER_TOO_SMALL);
    STATUS(sealwax_key_recipient(identity, text, sizeof text, &text_len), SEALWAX_OK);
    STATUS(sealwax_key_from_recipient(text, text_len - 1U, &recipient), SEALWAX_ERROR_FORMAT);
    STATUS(sealwax_key_from_identity(text, text_len, &recipient), SEALWAX_ERROR_FORMAT);
    STATUS(sealwax_key_from_recipient(text, text_len, &recipient), SEALWAX_OK);
    seal_keys[0] = recipient;
    open_keys[0] = identity;
    seal_options = with(seal_keys, 1);
    open_options = with(open_keys, 1);
    seal_options.suite = SEALWAX_SUITE_CHACHA20_POLY1305;
    seal_options.log2chunk = 10;
    STATUS(sealwax_seal_stream(&seal_options, read_some, &from, write_all, &to), SEALWAX_OK);
    from = pipe_over(sealed, to.at);
    to = pipe_over(opened, 0);
    STATUS(sealwax_open_stream(&open_options, read_some, &from, write_all, &to), SEALWAX_OK);
    CLAIM((to.at == sizeof image) && (memcmp(opened, image, sizeof image) == 0));
    /* Cut: what was written is true, and the status says that it is not all. */
    from.len -= 5000U;
    from.at = 0;
    to.at = 0;
    STATUS(sealwax_open_stream(&open_options, read_some, &from, write_all, &to),
           SEALWAX_ERROR_DECRYPT);
    CLAIM((to.at < sizeof image) && (memcmp(opened, image, to.at) == 0));
    from.at = 0;
    from.stop_at = 9000;
    STATUS(sealwax_open_stream(&open_options, read_some, &from, write_all, &to), SEALWAX_ERROR_IO);
    from.at = 0;
    from.stop_at = (size_t)-1;
    to.at = 0;
    to.stop_at = 3000;
    STATUS(sealwax_open_stream(&open_options, read_some, &from, write_all, &to), SEALWAX_ERROR_IO);
    STATUS(sealwax_open_stream(&open_options, read_too_much, NULL, write_all, &to),
           SEALWAX_ERROR_IO);
    STATUS(sealwax_open_stream(&open_options, NULL, NULL, write_all, &to),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_open_stream(&open_options, read_some, NULL, NULL, NULL),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_seal_stream(&open_options, NULL, NULL, NULL, NULL),
           SEALWAX_ERROR_INVALID_ARGUMENT);

    STATUS(sealwax_seal_message(&seal_options, settings, sizeof settings, NULL, 0, &len),
           SEALWAX_ERROR_BUFFER_TOO_SMALL);
    STATUS(sealwax_seal_message(&seal_options, settings, sizeof settings, sealed, len - 1U, &len),
           SEALWAX_ERROR_BUFFER_TOO_SMALL);
    STATUS(sealwax_seal_message(&seal_options, settings, sizeof settings, sealed, len, &len),
           SEALWAX_OK);
    STATUS(
        sealwax_open_message(&open_options, sealed, len, opened, sizeof settings - 1U, &text_len),
        SEALWAX_ERROR_BUFFER_TOO_SMALL);
    CLAIM(text_len == sizeof settings);
    STATUS(sealwax_open_message(&open_options, sealed, len, opened, sizeof settings, &text_len),
           SEALWAX_OK);
    CLAIM(memcmp(opened, settings, sizeof settings) == 0);
    open_options.stored = token_context;
    open_options.stored_len = sizeof token_context;
    STATUS(sealwax_open_message(&open_options, sealed, len, opened, sizeof settings, &text_len),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    from = pipe_over(sealed, len);
    to = pipe_over(opened, 0);
    STATUS(sealwax_open_stream(&open_options, read_some, &from, write_all, &to),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    CLAIM(to.at == 0U);
    open_options.stored_len = 0;
    sealed[len - 1U] ^= 1U;
    STATUS(sealwax_open_message(&open_options, sealed, len, opened, sizeof settings, &text_len),
           SEALWAX_ERROR_DECRYPT);
    CLAIM(text_len == 0U);
    seal_options.log2chunk = 11;
    STATUS(sealwax_seal_message(&seal_options, settings, 1, sealed, 9000, &len),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    free(plaintext);
    free(sealed);
    free(opened);
    sealwax_key_free(identity);
    sealwax_key_free(recipient);
}

static void wrong_calls_are_refused(void)
{
    sealwax_key *key = NULL;
    const sealwax_key *keys[1] = {NULL};
    sealwax_options options = with(keys, 1);
    char *long_path = malloc(5000);
    size_t len = 0;
    uint8_t out[64];
    uint32_t changed = 0;
    STATUS(sealwax_key_generate_keyset("a", 1, 1, NULL), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_key_generate_keyset(NULL, 1, 1, &key), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_key_generate_keyset("", 0, 1, &key), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_key_generate_keyset("\xff", 1, 1, &key), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_key_generate_keyset("a", 1, 0, &key), SEALWAX_ERROR_FORMAT);
    STATUS(sealwax_key_from_passphrase("", 0, &key), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_key_from_device_key(NULL, device_key, &key), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_key_load_keyset(NULL, NULL, &key), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_key_parse_keyset(keyset_blob, SIZE_MAX, NULL, &key),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_seal_path(NULL, "a", "b"), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_seal_path(&options, "a", "b"), SEALWAX_ERROR_INVALID_ARGUMENT);
    options.key_count = SIZE_MAX;
    STATUS(sealwax_seal_path(&options, "a", "b"), SEALWAX_ERROR_INVALID_ARGUMENT);
    options.key_count = 0;
    write_file(file("some"), out, 0);
    STATUS(sealwax_seal_path(&options, file("some"), file("none")), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_seal_path(&options, NULL, "b"), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_rewrap_path(&options, NULL, "b", NULL), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_rewrap_path(&options, NULL, file("absent"), &changed), SEALWAX_ERROR_IO);
    STATUS(sealwax_key_seal_token(NULL, NULL, 0, NULL, 0, out, 64, &len),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_key_recipient(NULL, NULL, 0, &len), SEALWAX_ERROR_INVALID_ARGUMENT);
    CLAIM(long_path != NULL);
    if (long_path != NULL) {
        (void)memset(long_path, 'a', 4999);
        long_path[4999] = '\0';
        STATUS(sealwax_key_load_keyset(long_path, NULL, &key), SEALWAX_ERROR_INVALID_ARGUMENT);
    }
    CLAIM(key == NULL);
    free(long_path);
}

int main(void)
{
    const char *given = getenv("SEALWAX_TEST_FOLDER");
    (void)snprintf(folder, sizeof folder, "%s", (given == NULL) ? "." : given);
    keysets_are_made_saved_and_loaded();
    files_are_sealed_inspected_rewrapped_and_opened();
    streams_and_messages_round_trip();
    wrong_calls_are_refused();
    return kit_end();
}
