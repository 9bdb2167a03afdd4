/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keysets and tokens: what works, every truncation, every flipped byte, and a random source that
 * fails. */
#include "kit.h"
#include "fixtures.h"

#define VERSIONS 2U

static sealwax_key_version versions[VERSIONS];
static sealwax_keyset keyset = SEALWAX_KEYSET_INIT;
static kit_source source = {0x12345678U, -1};
static sealwax_random randomness = {kit_fill, &source};

static void a_keyset_is_loaded_and_described(void)
{
    size_t needed = 99;
    sealwax_keyset_description description;
    STATUS(sealwax_keyset_load(&keyset, versions, VERSIONS, keyset_blob, sizeof keyset_blob, NULL,
                               &needed),
           SEALWAX_OK);
    CLAIM(needed == 2U);
    STATUS(sealwax_keyset_describe(&keyset, &description), SEALWAX_OK);
    CLAIM(description.version_count == 2U);
    CLAIM(description.revision == 2U);
    CLAIM(description.family == SEALWAX_FAMILY_SYMMETRIC);
    CLAIM(memcmp(description.id, keyset_id, sizeof keyset_id) == 0);
}

static void tokens_of_the_rust_face_open(void)
{
    uint8_t out[64];
    size_t out_len = 0;
    uint32_t version = 0;
    sealwax_keyset_description description;
    STATUS(sealwax_token_open(&keyset, token_context, sizeof token_context, old_token,
                              sizeof old_token, out, sizeof out, &out_len),
           SEALWAX_OK);
    CLAIM((out_len == 20U) && (memcmp(out, "made by Rust, before", 20) == 0));
    STATUS(sealwax_token_open(&keyset, token_context, sizeof token_context, new_token,
                              sizeof new_token, out, sizeof out, &out_len),
           SEALWAX_OK);
    CLAIM((out_len == 19U) && (memcmp(out, "made by Rust, after", 19) == 0));
    STATUS(sealwax_token_version(new_token, sizeof new_token, &version), SEALWAX_OK);
    STATUS(sealwax_keyset_describe(&keyset, &description), SEALWAX_OK);
    CLAIM(version == description.primary);
}

static void a_token_is_refused_with_every_byte_flipped_and_every_end_cut(void)
{
    size_t at;
    for (at = 0; at < sizeof new_token; at++) {
        uint8_t *token = kit_copy(new_token, sizeof new_token);
        uint8_t *cut = kit_copy(new_token, at);
        uint8_t *out = kit_buffer(sizeof new_token);
        size_t out_len = 9;
        int32_t status;
        token[at] ^= 1U;
        status = sealwax_token_open(&keyset, token_context, sizeof token_context, token,
                                    sizeof new_token, out, sizeof new_token, &out_len);
        CLAIM((status == SEALWAX_ERROR_DECRYPT) || (status == SEALWAX_ERROR_UNKNOWN_KEY) ||
              (status == SEALWAX_ERROR_FORMAT));
        CLAIM(out_len == 0U);
        CLAIM(kit_untouched_or_wiped(out, sizeof new_token - SEALWAX_TOKEN_OVERHEAD));
        status = sealwax_token_open(&keyset, token_context, sizeof token_context, cut, at, out,
                                    sizeof new_token, &out_len);
        CLAIM(status == ((at < 77U) ? SEALWAX_ERROR_FORMAT : SEALWAX_ERROR_DECRYPT));
        CLAIM(out_len == 0U);
        free(token);
        free(cut);
        free(out);
    }
}

static void a_token_is_bound_to_its_context(void)
{
    uint8_t context[64];
    size_t context_len = 0;
    uint8_t out[64];
    size_t out_len = 0;
    static const uint8_t board[] = "board-7";
    static const uint8_t sensor[] = "4";
    STATUS(sealwax_token_open(&keyset, NULL, 0, new_token, sizeof new_token, out, sizeof out,
                              &out_len),
           SEALWAX_ERROR_DECRYPT);
    /* Names may come in any order. */
    STATUS(sealwax_context_insert(context, sizeof context, &context_len, "sensor", 6, sensor, 1),
           SEALWAX_OK);
    STATUS(sealwax_context_insert(context, sizeof context, &context_len, "device", 6, board, 7),
           SEALWAX_OK);
    CLAIM((context_len == sizeof token_context) &&
          (memcmp(context, token_context, context_len) == 0));
    STATUS(sealwax_context_insert(context, sizeof context, &context_len, "device", 6, board, 7),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_context_insert(context, context_len + 3U, &context_len, "a", 1, NULL, 0),
           SEALWAX_ERROR_BUFFER_TOO_SMALL);
    STATUS(sealwax_context_insert(context, context_len + 4U, &context_len, "a", 1, NULL, 0),
           SEALWAX_OK);
    STATUS(sealwax_context_insert(context, sizeof context, &context_len, "", 0, NULL, 0),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_context_insert(context, sizeof context, &context_len, "\xff", 1, NULL, 0),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_context_insert(context, sizeof context, &context_len, "b\n", 2, NULL, 0),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_token_open(&keyset, context, context_len, new_token, sizeof new_token, out,
                              sizeof out, &out_len),
           SEALWAX_ERROR_DECRYPT);
    /* Not canonical: refused before there is anything to open. */
    STATUS(sealwax_token_open(&keyset, context, context_len - 1U, new_token, sizeof new_token, out,
                              sizeof out, &out_len),
           SEALWAX_ERROR_FORMAT);
}

static void lengths_round_trip(void)
{
    static const size_t lengths[] = {0, 1, 15, 16, 63, 64, 65, 1000, 65535, 65536, 65537};
    size_t which;
    for (which = 0; which < sizeof lengths / sizeof lengths[0]; which++) {
        size_t len = lengths[which];
        uint8_t *plaintext = kit_buffer(len);
        uint8_t *token = kit_buffer(len + SEALWAX_TOKEN_OVERHEAD);
        uint8_t *out = kit_buffer(len);
        size_t token_len = 9;
        size_t out_len = 9;
        if (len > SEALWAX_TOKEN_MAX_PLAINTEXT_LEN) {
            STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, plaintext, len, token,
                                      len + SEALWAX_TOKEN_OVERHEAD, &token_len),
                   SEALWAX_ERROR_LIMIT);
            CLAIM(token_len == 0U);
        } else {
            STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, plaintext, len, token,
                                      len + SEALWAX_TOKEN_OVERHEAD - 1U, &token_len),
                   SEALWAX_ERROR_BUFFER_TOO_SMALL);
            CLAIM(token_len == (len + SEALWAX_TOKEN_OVERHEAD));
            CLAIM(kit_untouched_or_wiped(token, len + SEALWAX_TOKEN_OVERHEAD));
            STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, plaintext, len, token,
                                      len + SEALWAX_TOKEN_OVERHEAD, &token_len),
                   SEALWAX_OK);
            CLAIM(token_len == (len + SEALWAX_TOKEN_OVERHEAD));
            if (len > 0U) {
                STATUS(
                    sealwax_token_open(&keyset, NULL, 0, token, token_len, out, len - 1U, &out_len),
                    SEALWAX_ERROR_BUFFER_TOO_SMALL);
                CLAIM(out_len == len);
            }
            STATUS(sealwax_token_open(&keyset, NULL, 0, token, token_len, out, len, &out_len),
                   SEALWAX_OK);
            CLAIM((out_len == len) && (memcmp(out, plaintext, len) == 0));
        }
        free(plaintext);
        free(token);
        free(out);
    }
}

static void a_random_source_that_fails_seals_nothing(void)
{
    uint8_t out[100];
    size_t out_len = 9;
    (void)memset(out, 0xcc, sizeof out);
    source.calls = 0;
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, (const uint8_t *)"x", 1, out,
                              sizeof out, &out_len),
           SEALWAX_ERROR_RANDOM);
    CLAIM(out_len == 0U);
    CLAIM(kit_untouched_or_wiped(out, sizeof out));
    source.calls = -1;
}

static void other_keysets_are_refused(void)
{
    sealwax_keyset other = SEALWAX_KEYSET_INIT;
    sealwax_key_version room[1];
    sealwax_expected_keyset expected = {keyset_id, 0};
    size_t needed = 0;
    uint8_t out[64];
    size_t out_len = 0;
    STATUS(sealwax_keyset_load(&other, room, 1, other_keyset_blob, sizeof other_keyset_blob,
                               &expected, &needed),
           SEALWAX_ERROR_DECRYPT);
    STATUS(sealwax_keyset_load(&other, room, 1, other_keyset_blob, sizeof other_keyset_blob, NULL,
                               &needed),
           SEALWAX_OK);
    STATUS(sealwax_token_open(&other, token_context, sizeof token_context, new_token,
                              sizeof new_token, out, sizeof out, &out_len),
           SEALWAX_ERROR_UNKNOWN_KEY);
    STATUS(sealwax_keyset_wipe(&other), SEALWAX_OK);
    expected.min_revision = 2;
    STATUS(
        sealwax_keyset_load(&other, room, 1, keyset_blob, sizeof keyset_blob, &expected, &needed),
        SEALWAX_ERROR_BUFFER_TOO_SMALL);
    CLAIM(needed == 2U);
    expected.min_revision = 3;
    STATUS(
        sealwax_keyset_load(&other, room, 1, keyset_blob, sizeof keyset_blob, &expected, &needed),
        SEALWAX_ERROR_BAD_STATE);
    STATUS(sealwax_keyset_load(&other, room, 1, identity_blob, sizeof identity_blob, NULL, &needed),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_identity_load(&other, room, 1, other_keyset_blob, sizeof other_keyset_blob, NULL,
                                 &needed),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_keyset_load(&other, room, 1, sealed_keyset_blob, sizeof sealed_keyset_blob, NULL,
                               &needed),
           SEALWAX_ERROR_FORMAT);
}

static void a_keyset_blob_is_refused_with_every_byte_flipped_and_every_end_cut(void)
{
    size_t at;
    for (at = 0; at < sizeof keyset_blob; at++) {
        sealwax_keyset damaged = SEALWAX_KEYSET_INIT;
        sealwax_key_version room[VERSIONS];
        uint8_t *blob = kit_copy(keyset_blob, sizeof keyset_blob);
        uint8_t *cut = kit_copy(keyset_blob, at);
        size_t needed = 0;
        int32_t status;
        size_t byte;
        uint8_t seen = 0;
        blob[at] ^= 0x10U;
        status =
            sealwax_keyset_load(&damaged, room, VERSIONS, blob, sizeof keyset_blob, NULL, &needed);
        CLAIM(status == SEALWAX_ERROR_FORMAT);
        status = sealwax_keyset_load(&damaged, room, VERSIONS, cut, at, NULL, &needed);
        CLAIM((status == SEALWAX_ERROR_TRUNCATED) || (status == SEALWAX_ERROR_FORMAT));
        for (byte = 0; byte < sizeof damaged; byte++) {
            seen |= ((const uint8_t *)&damaged)[byte];
        }
        CLAIM(seen == 0U);
        free(blob);
        free(cut);
    }
}

static void a_keyset_sealed_under_a_device_key_loads(void)
{
    sealwax_keyset sealed = SEALWAX_KEYSET_INIT;
    sealwax_key_version room[VERSIONS];
    uint8_t wrong[SEALWAX_DEVICE_KEY_LEN] = {1};
    uint8_t *scratch = kit_buffer(sizeof sealed_keyset_blob);
    uint8_t out[64];
    size_t out_len = 0;
    size_t needed = 0;
    size_t at;
    STATUS(sealwax_keyset_load_sealed(&sealed, room, VERSIONS, sealed_keyset_blob,
                                      sizeof sealed_keyset_blob, device_key_id, device_key, NULL,
                                      scratch, sizeof sealed_keyset_blob - 1U, &needed),
           SEALWAX_ERROR_BUFFER_TOO_SMALL);
    STATUS(sealwax_keyset_load_sealed(&sealed, room, VERSIONS, sealed_keyset_blob,
                                      sizeof sealed_keyset_blob, device_key_id, wrong, NULL,
                                      scratch, sizeof sealed_keyset_blob, &needed),
           SEALWAX_ERROR_DECRYPT);
    STATUS(sealwax_keyset_load_sealed(&sealed, room, VERSIONS, sealed_keyset_blob,
                                      sizeof sealed_keyset_blob, wrong, device_key, NULL, scratch,
                                      sizeof sealed_keyset_blob, &needed),
           SEALWAX_ERROR_UNKNOWN_KEY);
    STATUS(sealwax_keyset_load_sealed(&sealed, room, 1, sealed_keyset_blob,
                                      sizeof sealed_keyset_blob, device_key_id, device_key, NULL,
                                      scratch, sizeof sealed_keyset_blob, &needed),
           SEALWAX_ERROR_BUFFER_TOO_SMALL);
    CLAIM(needed == 2U);
    for (at = 0; at < sizeof sealed_keyset_blob; at++) {
        uint8_t *blob = kit_copy(sealed_keyset_blob, sizeof sealed_keyset_blob);
        uint8_t *cut = kit_copy(sealed_keyset_blob, at);
        blob[at] ^= 1U;
        CLAIM(sealwax_keyset_load_sealed(&sealed, room, VERSIONS, blob, sizeof sealed_keyset_blob,
                                         device_key_id, device_key, NULL, scratch,
                                         sizeof sealed_keyset_blob, &needed) != SEALWAX_OK);
        CLAIM(sealwax_keyset_load_sealed(&sealed, room, VERSIONS, cut, at, device_key_id,
                                         device_key, NULL, scratch, sizeof sealed_keyset_blob,
                                         &needed) != SEALWAX_OK);
        free(blob);
        free(cut);
    }
    STATUS(sealwax_keyset_load_sealed(&sealed, room, VERSIONS, sealed_keyset_blob,
                                      sizeof sealed_keyset_blob, device_key_id, device_key, NULL,
                                      scratch, sizeof sealed_keyset_blob, &needed),
           SEALWAX_OK);
    CLAIM(kit_untouched_or_wiped(scratch, sizeof sealed_keyset_blob));
    STATUS(sealwax_token_open(&sealed, token_context, sizeof token_context, new_token,
                              sizeof new_token, out, sizeof out, &out_len),
           SEALWAX_OK);
    STATUS(sealwax_keyset_wipe(&sealed), SEALWAX_OK);
    for (at = 0; at < sizeof room; at++) {
        CLAIM(((const uint8_t *)room)[at] == 0U);
    }
    free(scratch);
}

static void the_rust_face_is_given_a_token(void)
{
    uint8_t out[128];
    size_t out_len = 0;
    size_t at;
    STATUS(sealwax_token_seal(&keyset, &randomness, token_context, sizeof token_context,
                              (const uint8_t *)"sealed in C, a token", 20, out, sizeof out,
                              &out_len),
           SEALWAX_OK);
    (void)printf("token ");
    for (at = 0; at < out_len; at++) {
        (void)printf("%02x", out[at]);
    }
    (void)printf("\n");
}

int main(void)
{
    a_keyset_is_loaded_and_described();
    tokens_of_the_rust_face_open();
    a_token_is_refused_with_every_byte_flipped_and_every_end_cut();
    a_token_is_bound_to_its_context();
    lengths_round_trip();
    a_random_source_that_fails_seals_nothing();
    other_keysets_are_refused();
    a_keyset_blob_is_refused_with_every_byte_flipped_and_every_end_cut();
    a_keyset_sealed_under_a_device_key_loads();
    the_rust_face_is_given_a_token();
    STATUS(sealwax_keyset_wipe(&keyset), SEALWAX_OK);
    return kit_end();
}
