/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Envelopes sealed chunk by chunk, for every kind of recipient; what is printed is opened by the
 * Rust face. */
#include "kit.h"
#include "fixtures.h"

static sealwax_key_version versions[2];
static sealwax_keyset keyset = SEALWAX_KEYSET_INIT;
static sealwax_key_version pair_versions[1];
static sealwax_keyset identity = SEALWAX_KEYSET_INIT;
static kit_source source = {0x2545f491U, -1};
static sealwax_random randomness = {kit_fill, &source};

typedef int32_t (*begin_call)(sealwax_sealing *sealing, const sealwax_plan *plan, uint8_t *out,
                              size_t out_size, size_t *out_len);

static int32_t for_keyset(sealwax_sealing *sealing, const sealwax_plan *plan, uint8_t *out,
                          size_t out_size, size_t *out_len)
{
    return sealwax_sealing_begin(sealing, &keyset, plan, &randomness, out, out_size, out_len);
}

static int32_t for_device_key(sealwax_sealing *sealing, const sealwax_plan *plan, uint8_t *out,
                              size_t out_size, size_t *out_len)
{
    return sealwax_sealing_begin_with_device_key(sealing, device_key_id, device_key, plan,
                                                 &randomness, out, out_size, out_len);
}

static int32_t for_pair(sealwax_sealing *sealing, const sealwax_plan *plan, uint8_t *out,
                        size_t out_size, size_t *out_len)
{
    uint8_t public_key[SEALWAX_X25519_PUBLIC_KEY_LEN];
    STATUS(sealwax_identity_public_key(&identity, public_key), SEALWAX_OK);
    return sealwax_sealing_begin_for_x25519(sealing, public_key, plan, &randomness, out, out_size,
                                            out_len);
}

#ifdef SEALWAX_X_WING
static int32_t for_x_wing(sealwax_sealing *sealing, const sealwax_plan *plan, uint8_t *out,
                          size_t out_size, size_t *out_len)
{
    return sealwax_sealing_begin_for_x_wing(sealing, x_wing_public, plan, &randomness, out,
                                            out_size, out_len);
}
#endif

/* Seals `len` bytes that begin with "sealed in C"; prints the envelope under `kind`. */
static void seal(begin_call begin, const char *kind, const sealwax_plan *plan, size_t chunk_len,
                 size_t len)
{
    sealwax_sealing sealing = SEALWAX_SEALING_INIT;
    uint8_t *plaintext = kit_buffer(len + 11U);
    uint8_t *chunk = kit_buffer(chunk_len + SEALWAX_CHUNK_OVERHEAD);
    uint8_t *front;
    size_t front_len = 0;
    size_t at;
    size_t out_len = 0;
    (void)memcpy(plaintext, "sealed in C", 11);
    STATUS(begin(&sealing, plan, NULL, 0, &front_len), SEALWAX_ERROR_BUFFER_TOO_SMALL);
    front = kit_buffer(front_len);
    STATUS(begin(&sealing, plan, front, front_len - 1U, &out_len), SEALWAX_ERROR_BUFFER_TOO_SMALL);
    CLAIM((out_len == front_len) && kit_untouched_or_wiped(front, front_len));
    STATUS(begin(&sealing, plan, front, front_len, &out_len), SEALWAX_OK);
    STATUS(begin(&sealing, plan, front, front_len, &out_len), SEALWAX_ERROR_BAD_STATE);
    /* begin wrote 0 to the length, and nothing else. */
    CLAIM(out_len == 0U);
    (void)printf("%s ", kind);
    for (at = 0; at < front_len; at++) {
        (void)printf("%02x", front[at]);
    }
    for (at = 0; at <= len; at += chunk_len) {
        size_t piece = ((len - at) < chunk_len) ? (len - at) : chunk_len;
        size_t byte;
        STATUS(sealwax_sealing_finish(&sealing), SEALWAX_ERROR_BAD_STATE);
        STATUS(sealwax_sealing_seal_chunk(&sealing, &plaintext[at], chunk_len + 1U, chunk,
                                          chunk_len + 16U, &out_len),
               SEALWAX_ERROR_INVALID_ARGUMENT);
        STATUS(sealwax_sealing_seal_chunk(&sealing, &plaintext[at], piece, chunk, piece + 15U,
                                          &out_len),
               SEALWAX_ERROR_BUFFER_TOO_SMALL);
        CLAIM(out_len == (piece + 16U));
        if ((at % 2U) == 0U) {
            (void)memcpy(chunk, &plaintext[at], piece);
            STATUS(sealwax_sealing_seal_chunk(&sealing, chunk, piece, chunk, piece + 16U, &out_len),
                   SEALWAX_OK);
        } else {
            STATUS(sealwax_sealing_seal_chunk(&sealing, &plaintext[at], piece, chunk, piece + 16U,
                                              &out_len),
                   SEALWAX_OK);
        }
        for (byte = 0; byte < out_len; byte++) {
            (void)printf("%02x", chunk[byte]);
        }
    }
    (void)printf("\n");
    STATUS(sealwax_sealing_seal_chunk(&sealing, plaintext, 1, chunk, 17, &out_len),
           SEALWAX_ERROR_BAD_STATE);
    STATUS(sealwax_sealing_finish(&sealing), SEALWAX_OK);
    STATUS(sealwax_sealing_finish(&sealing), SEALWAX_ERROR_BAD_STATE);
    free(plaintext);
    free(chunk);
    free(front);
}

static void plans_that_do_not_fit_together_are_refused(void)
{
    sealwax_plan plan;
    uint8_t context[64];
    size_t context_len = 0;
    uint8_t out[600];
    size_t out_len = 0;
    sealwax_sealing sealing = SEALWAX_SEALING_INIT;
    (void)memset(&plan, 0, sizeof plan);
    plan.log2chunk = 11;
    STATUS(for_keyset(&sealing, &plan, out, sizeof out, &out_len), SEALWAX_ERROR_INVALID_ARGUMENT);
    plan.log2chunk = 10;
    plan.suite = 3;
    STATUS(for_keyset(&sealing, &plan, out, sizeof out, &out_len), SEALWAX_ERROR_INVALID_ARGUMENT);
    plan.suite = 2;
    plan.place = 2;
    STATUS(for_keyset(&sealing, &plan, out, sizeof out, &out_len), SEALWAX_ERROR_INVALID_ARGUMENT);
    plan.place = 0;
    plan.reserved = 1;
    STATUS(for_keyset(&sealing, &plan, out, sizeof out, &out_len), SEALWAX_ERROR_INVALID_ARGUMENT);
    plan.reserved = 0;
    STATUS(
        sealwax_context_insert(context, sizeof context, &context_len, "sealwax.other", 13, NULL, 0),
        SEALWAX_OK);
    plan.stored = context;
    plan.stored_len = context_len;
    STATUS(for_keyset(&sealing, &plan, out, sizeof out, &out_len), SEALWAX_ERROR_INVALID_ARGUMENT);
    context_len = 0;
    STATUS(sealwax_context_insert(context, sizeof context, &context_len, "twice", 5, NULL, 0),
           SEALWAX_OK);
    plan.stored_len = context_len;
    plan.external = context;
    plan.external_len = context_len;
    STATUS(for_keyset(&sealing, &plan, out, sizeof out, &out_len), SEALWAX_ERROR_INVALID_ARGUMENT);
    plan.stored_len = context_len - 1U;
    STATUS(for_keyset(&sealing, &plan, out, sizeof out, &out_len), SEALWAX_ERROR_FORMAT);
    (void)memset(out, 0, 32);
    STATUS(sealwax_sealing_begin_for_x25519(&sealing, out, NULL, &randomness, &out[32],
                                            sizeof out - 32U, &out_len),
           SEALWAX_ERROR_FORMAT);
}

static void a_random_source_that_fails_at_any_call_seals_nothing(void)
{
    static const begin_call begins[] = {for_keyset, for_device_key, for_pair};
    size_t which;
    for (which = 0; which < 3U; which++) {
        int calls = 0;
        int32_t status = SEALWAX_ERROR_RANDOM;
        while (status == SEALWAX_ERROR_RANDOM) {
            sealwax_sealing sealing = SEALWAX_SEALING_INIT;
            uint8_t out[600];
            size_t out_len = 9;
            (void)memset(out, 0xcc, sizeof out);
            source.calls = calls;
            status = begins[which](&sealing, NULL, out, sizeof out, &out_len);
            calls++;
            if (status == SEALWAX_ERROR_RANDOM) {
                CLAIM(out_len == 0U);
                CLAIM(kit_untouched_or_wiped(out, 200));
                STATUS(sealwax_sealing_finish(&sealing), SEALWAX_ERROR_BAD_STATE);
            }
            (void)sealwax_sealing_wipe(&sealing);
        }
        CLAIM((status == SEALWAX_OK) && (calls > 3));
    }
    source.calls = -1;
}

/* The salt of an envelope's one entry, which is for a device key; `external` is in no byte of the
 * header, `stored` is. */
static const uint8_t *salt_in(const uint8_t *front, size_t stored_len)
{
    return &front[29U + stored_len + 5U + 5U + 3U + SEALWAX_ID_LEN];
}

static void a_source_that_repeats_itself_repeats_no_salt(void)
{
    sealwax_plan plan;
    uint8_t fronts[2][512];
    size_t len = 0;
    size_t which;
    (void)memset(&plan, 0, sizeof plan);
    plan.stored = token_context;
    for (which = 0; which < 2U; which++) {
        sealwax_sealing sealing = SEALWAX_SEALING_INIT;
        source.state = 0x2545f491U;
        plan.stored_len = (which == 0U) ? 0U : sizeof token_context;
        STATUS(for_device_key(&sealing, &plan, fronts[which], sizeof fronts[which], &len),
               SEALWAX_OK);
        (void)sealwax_sealing_wipe(&sealing);
    }
    CLAIM(memcmp(&fronts[0][9], &fronts[1][9], 16) == 0);
    CLAIM(memcmp(salt_in(fronts[0], 0), salt_in(fronts[1], sizeof token_context), 24) != 0);
}

int main(void)
{
    static const size_t lengths[] = {11, 1023, 1024, 1025, 3072};
    size_t which;
    size_t needed = 0;
    sealwax_plan plan;
    STATUS(
        sealwax_keyset_load(&keyset, versions, 2, keyset_blob, sizeof keyset_blob, NULL, &needed),
        SEALWAX_OK);
    STATUS(sealwax_identity_load(&identity, pair_versions, 1, identity_blob, sizeof identity_blob,
                                 NULL, &needed),
           SEALWAX_OK);
    (void)memset(&plan, 0, sizeof plan);
    for (which = 0; which < sizeof lengths / sizeof lengths[0]; which++) {
        plan.log2chunk = 10;
        plan.suite = SEALWAX_SUITE_CHACHA20_POLY1305;
        plan.place = (uint8_t)(which % 2U);
        seal(for_keyset, "message", &plan, 1024, lengths[which]);
        seal(for_device_key, "device", &plan, 1024, lengths[which]);
        seal(for_pair, "pair", &plan, 1024, lengths[which]);
    }
    seal(for_keyset, "message", NULL, 4096, 5000);
#ifdef SEALWAX_X_WING
    plan.log2chunk = 12;
    plan.place = SEALWAX_PLACE_MEMORY;
    seal(for_x_wing, "wing", &plan, 4096, 5000);
#endif
#ifdef SEALWAX_HOSTED
    plan.suite = SEALWAX_SUITE_COBBLESTONE_256;
    plan.log2chunk = 0;
    plan.place = SEALWAX_PLACE_FILE;
    seal(for_device_key, "device", &plan, 16384, 20000);
#endif
    plans_that_do_not_fit_together_are_refused();
    a_random_source_that_fails_at_any_call_seals_nothing();
    STATUS(sealwax_keyset_wipe(&keyset), SEALWAX_OK);
    STATUS(sealwax_keyset_wipe(&identity), SEALWAX_OK);
    a_source_that_repeats_itself_repeats_no_salt();
    return kit_end();
}
