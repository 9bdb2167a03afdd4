/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a wrong call gets: NULL, lengths that cannot be, overlap, misaligned values, contexts out of
 * turn. */
#include <pthread.h>

#include "kit.h"
#include "fixtures.h"

#define BAD SEALWAX_ERROR_INVALID_ARGUMENT
#define STATE SEALWAX_ERROR_BAD_STATE

static sealwax_key_version versions[2];
static sealwax_keyset keyset = SEALWAX_KEYSET_INIT;
static kit_source source = {0x1f123bb5U, -1};
static sealwax_random randomness = {kit_fill, &source};
static uint8_t scratch[SEALWAX_FRONT_MAX_LEN];

static void null_and_impossible_lengths_are_refused(void)
{
    uint8_t buffer[256];
    size_t len = 0;
    size_t huge = SIZE_MAX;
    sealwax_keyset fresh = SEALWAX_KEYSET_INIT;
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    sealwax_sealing sealing = SEALWAX_SEALING_INIT;
    sealwax_random hollow = {NULL, NULL};
    sealwax_clock stopped = {NULL, NULL};
    sealwax_key_version room[2];
    const uint8_t *blob = keyset_blob;
    const size_t blob_len = sizeof keyset_blob;

    STATUS(sealwax_context_insert(NULL, 0, &len, "a", 1, NULL, 0), SEALWAX_ERROR_BUFFER_TOO_SMALL);
    STATUS(sealwax_context_insert(NULL, 9, &len, "a", 1, NULL, 0), BAD);
    STATUS(sealwax_context_insert(buffer, 9, NULL, "a", 1, NULL, 0), BAD);
    STATUS(sealwax_context_insert(buffer, 9, &len, NULL, 1, NULL, 0), BAD);
    STATUS(sealwax_context_insert(buffer, 9, &len, "a", 1, NULL, 1), BAD);
    STATUS(sealwax_context_insert(buffer, huge, &len, "a", 1, NULL, 0), BAD);
    STATUS(sealwax_context_insert(buffer, 9, &len, "a", huge, NULL, 0), BAD);
    STATUS(sealwax_context_insert(buffer, 9, &len, "a", 1, buffer, huge), BAD);
    STATUS(sealwax_context_insert(buffer, 9, &huge, "a", 1, NULL, 0), BAD);
    STATUS(sealwax_context_insert(buffer, sizeof buffer, &len, "a", 1, scratch, 40000),
           SEALWAX_ERROR_LIMIT);
    CLAIM(len == 0U);

    STATUS(sealwax_keyset_load(NULL, room, 2, blob, blob_len, NULL, &len), BAD);
    STATUS(sealwax_keyset_load(&fresh, NULL, 2, blob, blob_len, NULL, &len), BAD);
    STATUS(sealwax_keyset_load(&fresh, NULL, 0, blob, blob_len, NULL, &len),
           SEALWAX_ERROR_BUFFER_TOO_SMALL);
    STATUS(sealwax_keyset_load(&fresh, room, SIZE_MAX / 8U, blob, blob_len, NULL, &len), BAD);
    STATUS(sealwax_keyset_load(&fresh, room, SIZE_MAX, blob, blob_len, NULL, &len), BAD);
    STATUS(sealwax_keyset_load(&fresh, room, 2, NULL, blob_len, NULL, &len), BAD);
    STATUS(sealwax_keyset_load(&fresh, room, 2, NULL, 0, NULL, &len), SEALWAX_ERROR_TRUNCATED);
    STATUS(sealwax_keyset_load(&fresh, room, 2, blob, SIZE_MAX, NULL, &len), BAD);
    STATUS(sealwax_keyset_load(&fresh, room, 2, blob, blob_len, NULL, NULL), BAD);
    STATUS(sealwax_keyset_load_sealed(&fresh, room, 2, sealed_keyset_blob,
                                      sizeof sealed_keyset_blob, NULL, device_key, NULL, scratch,
                                      sizeof scratch, &len),
           BAD);
    STATUS(sealwax_keyset_load_sealed(&fresh, room, 2, sealed_keyset_blob,
                                      sizeof sealed_keyset_blob, device_key_id, NULL, NULL, scratch,
                                      sizeof scratch, &len),
           BAD);
    STATUS(sealwax_keyset_load_sealed(&fresh, room, 2, sealed_keyset_blob,
                                      sizeof sealed_keyset_blob, device_key_id, device_key, NULL,
                                      NULL, sizeof scratch, &len),
           BAD);
    STATUS(sealwax_keyset_set_clock(&keyset, &stopped), BAD);
    STATUS(sealwax_keyset_set_clock(NULL, NULL), BAD);
    STATUS(sealwax_keyset_describe(&keyset, NULL), BAD);
    STATUS(sealwax_keyset_describe(NULL, NULL), BAD);
    STATUS(sealwax_identity_public_key(&keyset, buffer), BAD);

    STATUS(sealwax_token_seal(NULL, &randomness, NULL, 0, NULL, 0, buffer, 256, &len), BAD);
    STATUS(sealwax_token_seal(&keyset, NULL, NULL, 0, NULL, 0, buffer, 256, &len), BAD);
    STATUS(sealwax_token_seal(&keyset, &hollow, NULL, 0, NULL, 0, buffer, 256, &len), BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 1, NULL, 0, buffer, 256, &len), BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, NULL, 1, buffer, 256, &len), BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, buffer, SIZE_MAX, scratch, 256, &len),
           BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, NULL, 0, NULL, 256, &len), BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, NULL, 0, buffer, SIZE_MAX, &len), BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, NULL, 0, buffer, 256, NULL), BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, NULL, 0, NULL, 0, &len),
           SEALWAX_ERROR_BUFFER_TOO_SMALL);
    STATUS(sealwax_token_open(&keyset, NULL, 0, NULL, 96, buffer, 256, &len), BAD);
    STATUS(sealwax_token_open(&keyset, NULL, 0, new_token, SIZE_MAX, buffer, 256, &len), BAD);
    STATUS(sealwax_token_open(&keyset, NULL, 0, new_token, 96, NULL, 256, &len), BAD);
    STATUS(sealwax_token_open(&keyset, NULL, 0, NULL, 0, buffer, 256, &len), SEALWAX_ERROR_FORMAT);
    STATUS(sealwax_token_version(new_token, 96, NULL), BAD);

    STATUS(sealwax_envelope_need(NULL, 1, &len), BAD);
    STATUS(sealwax_envelope_need(NULL, 0, &len), SEALWAX_OK);
    STATUS(sealwax_envelope_need(image_envelope, 2000, NULL), BAD);
    STATUS(sealwax_opening_begin(NULL, &keyset, NULL, image_envelope, 2000, scratch, 2048, &len),
           BAD);
    STATUS(sealwax_opening_begin(&opening, NULL, NULL, image_envelope, 2000, scratch, 2048, &len),
           BAD);
    STATUS(sealwax_opening_begin(&opening, &keyset, NULL, NULL, 2000, scratch, 2048, &len), BAD);
    STATUS(sealwax_opening_begin(&opening, &keyset, NULL, NULL, 0, scratch, 2048, &len),
           SEALWAX_ERROR_TRUNCATED);
    STATUS(sealwax_opening_begin(&opening, &keyset, NULL, image_envelope, 2000, NULL, 2048, &len),
           BAD);
    STATUS(
        sealwax_opening_begin(&opening, &keyset, NULL, image_envelope, 2000, scratch, 1999, &len),
        SEALWAX_ERROR_BUFFER_TOO_SMALL);
    STATUS(
        sealwax_opening_begin(&opening, &keyset, NULL, image_envelope, 2000, scratch, 2048, NULL),
        BAD);
    STATUS(
        sealwax_opening_begin(&opening, &keyset, NULL, image_envelope, 2000, scratch, 2048, &len),
        SEALWAX_OK);
    STATUS(sealwax_opening_open_chunk(&opening, 0, NULL, 4112, scratch, 2048, &len), BAD);
    STATUS(sealwax_opening_open_chunk(&opening, 0, image_envelope, 4112, scratch, 2048, &len),
           SEALWAX_ERROR_BUFFER_TOO_SMALL);
    CLAIM(len == 4096U);
    STATUS(sealwax_opening_open_chunk(&opening, 0, NULL, 16, scratch, 2048, &len), BAD);
    STATUS(sealwax_opening_open_chunk(&opening, 0, NULL, 0, scratch, 2048, &len),
           SEALWAX_ERROR_TRUNCATED);
    STATUS(sealwax_opening_open_chunk(&opening, 0, image_envelope, SIZE_MAX, scratch, 2048, &len),
           BAD);
    STATUS(sealwax_opening_open_chunk(&opening, 0, image_envelope, 4112, NULL, 4096, &len), BAD);
    STATUS(sealwax_opening_open_chunk(&opening, 0, image_envelope, 4113, scratch, 2048, &len), BAD);
    STATUS(sealwax_opening_read_chunk(&opening, UINT64_MAX, image_envelope, 16, NULL, 0, &len),
           SEALWAX_ERROR_LIMIT);
    STATUS(sealwax_opening_open_mapped(&opening, 0, image_envelope, 4112, buffer, NULL, NULL), BAD);
    STATUS(sealwax_opening_progress(&opening, NULL), BAD);
    STATUS(sealwax_opening_resume(&opening, NULL), BAD);
    STATUS(sealwax_opening_finish(&opening, NULL), BAD);
    STATUS(sealwax_opening_describe(&opening, NULL), BAD);
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);

    STATUS(sealwax_sealing_begin(NULL, &keyset, NULL, &randomness, scratch, 2048, &len), BAD);
    STATUS(sealwax_sealing_begin(&sealing, NULL, NULL, &randomness, scratch, 2048, &len), BAD);
    STATUS(sealwax_sealing_begin(&sealing, &keyset, NULL, NULL, scratch, 2048, &len), BAD);
    STATUS(sealwax_sealing_begin(&sealing, &keyset, NULL, &randomness, NULL, 2048, &len), BAD);
    STATUS(sealwax_sealing_begin(&sealing, &keyset, NULL, &randomness, scratch, 2048, NULL), BAD);
    STATUS(sealwax_sealing_begin_for_x25519(&sealing, NULL, NULL, &randomness, scratch, 2048, &len),
           BAD);
    STATUS(sealwax_sealing_begin(&sealing, &keyset, NULL, &randomness, scratch, 2048, &len),
           SEALWAX_OK);
    STATUS(sealwax_sealing_seal_chunk(&sealing, NULL, 1, scratch, 2048, &len), BAD);
    STATUS(sealwax_sealing_seal_chunk(&sealing, buffer, SIZE_MAX, scratch, 2048, &len), BAD);
    STATUS(sealwax_sealing_seal_chunk(&sealing, buffer, 1, NULL, 17, &len), BAD);
    STATUS(sealwax_sealing_seal_chunk(&sealing, buffer, 1, scratch, 17, NULL), BAD);
    STATUS(sealwax_sealing_wipe(&sealing), SEALWAX_OK);

    STATUS(sealwax_keyset_wipe(NULL), SEALWAX_OK);
    STATUS(sealwax_opening_wipe(NULL), SEALWAX_OK);
    STATUS(sealwax_sealing_wipe(NULL), SEALWAX_OK);
    STATUS(sealwax_keyset_wipe(&fresh), SEALWAX_OK);
}

static void overlapping_buffers_are_refused(void)
{
    uint8_t buffer[8300];
    uint8_t kept[sizeof buffer];
    size_t len = 0;
    size_t at;
    size_t shift;
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    sealwax_sealing sealing = SEALWAX_SEALING_INIT;
    size_t chunks_at = 0;
    for (at = 0; at < sizeof buffer; at++) {
        buffer[at] = (uint8_t)at;
    }
    (void)memcpy(buffer, token_context, sizeof token_context);
    (void)memcpy(kept, buffer, sizeof buffer);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, buffer, 100, &buffer[99], 200, &len),
           BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, &buffer[150], 100, buffer, 200, &len),
           BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, buffer, 100, buffer, 200, &len), BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, buffer, sizeof token_context, &buffer[400], 100,
                              &buffer[3], 180, &len),
           BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, buffer, 100, (uint8_t *)&keyset, 200,
                              &len),
           BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, buffer, 100, (uint8_t *)&randomness,
                              200, &len),
           BAD);
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, buffer, 100, (uint8_t *)&len, 8, &len),
           BAD);
    STATUS(sealwax_token_open(&keyset, NULL, 0, buffer, 100, &buffer[5], 23, &len), BAD);
    STATUS(sealwax_token_open(&keyset, NULL, 0, buffer, 100, buffer, 23, &len), BAD);
    STATUS(sealwax_context_insert(buffer, 100, &len, "a", 1, &buffer[50], 4), BAD);
    CLAIM(memcmp(buffer, kept, sizeof buffer) == 0);

    STATUS(sealwax_opening_begin(&opening, &keyset, NULL, image_envelope, 2000, scratch, 2048,
                                 &chunks_at),
           SEALWAX_OK);
    for (shift = 1; shift < 4112U; shift += 113U) {
        STATUS(sealwax_opening_open_chunk(&opening, 0, buffer, 4112, &buffer[shift], 4096, &len),
               BAD);
        CLAIM(memcmp(buffer, kept, sizeof buffer) == 0);
    }
    STATUS(sealwax_opening_open_chunk(&opening, 0, &buffer[16], 4112, buffer, 4096, &len), BAD);
    STATUS(sealwax_opening_open_chunk(&opening, 0, buffer, 4112, (uint8_t *)&opening, 4096, &len),
           BAD);
    STATUS(sealwax_opening_progress(&opening, (uint8_t *)&opening), BAD);
    CLAIM(memcmp(buffer, kept, sizeof buffer) == 0);
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
    /* The scratch may be the front itself, but no part of it. */
    (void)memcpy(scratch, image_envelope, sizeof scratch);
    STATUS(sealwax_opening_begin(&opening, &keyset, NULL, scratch, 1500, &scratch[1], 1500,
                                 &chunks_at),
           BAD);
    STATUS(sealwax_opening_begin(&opening, &keyset, NULL, scratch, 2048, scratch, 2048, &chunks_at),
           SEALWAX_OK);
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
    STATUS(sealwax_sealing_begin(&sealing, &keyset, NULL, &randomness, (uint8_t *)&sealing, 2048,
                                 &len),
           BAD);
    STATUS(sealwax_sealing_begin(&sealing, &keyset, NULL, &randomness, scratch, 2048, &len),
           SEALWAX_OK);
    STATUS(sealwax_sealing_seal_chunk(&sealing, buffer, 100, &buffer[99], 116, &len), BAD);
    STATUS(sealwax_sealing_seal_chunk(&sealing, &buffer[1], 100, buffer, 116, &len), BAD);
    CLAIM(memcmp(buffer, kept, sizeof buffer) == 0);
    STATUS(sealwax_sealing_wipe(&sealing), SEALWAX_OK);
}

static void misaligned_values_are_refused(void)
{
    uint64_t memory[SEALWAX_OPENING_SIZE / 4U];
    uint8_t *odd = (uint8_t *)memory + 1;
    size_t len = 0;
    uint8_t out[200];
    /* Addresses that a program can make only through other types. */
    union {
        uint8_t *bytes;
        size_t *length;
        sealwax_keyset *keyset;
        sealwax_opening *opening;
        uint32_t *version;
        sealwax_random *random;
    } at;
    (void)memset(memory, 0, sizeof memory);
    at.bytes = odd;
    STATUS(sealwax_token_seal(&keyset, &randomness, NULL, 0, NULL, 0, out, 200, at.length), BAD);
    STATUS(sealwax_token_seal(at.keyset, &randomness, NULL, 0, NULL, 0, out, 200, &len), BAD);
    STATUS(sealwax_token_seal(&keyset, at.random, NULL, 0, NULL, 0, out, 200, &len), BAD);
    STATUS(sealwax_token_version(new_token, sizeof new_token, at.version), BAD);
    STATUS(sealwax_keyset_describe(at.keyset, NULL), BAD);
    STATUS(sealwax_keyset_wipe(at.keyset), BAD);
    STATUS(sealwax_opening_wipe(at.opening), BAD);
    STATUS(
        sealwax_opening_begin(at.opening, &keyset, NULL, image_envelope, 2000, scratch, 2048, &len),
        BAD);
}

static void contexts_out_of_turn_are_in_a_bad_state(void)
{
    sealwax_keyset zero = SEALWAX_KEYSET_INIT;
    sealwax_keyset garbage;
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    sealwax_opening garbage_opening;
    sealwax_sealing sealing = SEALWAX_SEALING_INIT;
    sealwax_key_version room[2];
    sealwax_opening_description opening_description;
    sealwax_keyset_description description;
    uint8_t out[512];
    size_t len = 0;
    int turn;
    (void)memset(&garbage, 0xa7, sizeof garbage);
    (void)memset(&garbage_opening, 0xa7, sizeof garbage_opening);
    for (turn = 0; turn < 2; turn++) {
        const sealwax_keyset *unloaded = (turn == 0) ? &zero : &garbage;
        STATUS(sealwax_token_seal(unloaded, &randomness, NULL, 0, NULL, 0, out, 200, &len), STATE);
        STATUS(sealwax_token_open(unloaded, NULL, 0, new_token, 96, out, 200, &len), STATE);
        CLAIM(len == 0U);
        STATUS(sealwax_keyset_describe(unloaded, &description), STATE);
        STATUS(sealwax_identity_public_key(unloaded, out), STATE);
        STATUS(sealwax_opening_begin(&opening, unloaded, NULL, image_envelope, 2000, scratch, 2048,
                                     &len),
               STATE);
        CLAIM(len == 0U);
        len = 9;
        STATUS(sealwax_sealing_begin(&sealing, unloaded, NULL, &randomness, out, 512, &len), STATE);
        CLAIM(len == 0U);
        len = 9;
    }
    STATUS(sealwax_keyset_load(&garbage, room, 2, keyset_blob, sizeof keyset_blob, NULL, &len),
           STATE);
    STATUS(sealwax_opening_begin(&garbage_opening, &keyset, NULL, image_envelope, 2000, scratch,
                                 2048, &len),
           STATE);
    STATUS(sealwax_opening_open_chunk(&garbage_opening, 0, NULL, 0, NULL, 0, &len), STATE);
    STATUS(sealwax_opening_wipe(&garbage_opening), SEALWAX_OK);
    STATUS(sealwax_keyset_wipe(&garbage), SEALWAX_OK);
    /* Twice. */
    STATUS(sealwax_keyset_load(&keyset, room, 2, keyset_blob, sizeof keyset_blob, NULL, &len),
           STATE);
    STATUS(sealwax_keyset_load(&garbage, room, 2, keyset_blob, sizeof keyset_blob, NULL, &len),
           SEALWAX_OK);
    STATUS(sealwax_keyset_load(&garbage, room, 2, keyset_blob, sizeof keyset_blob, NULL, &len),
           STATE);
    STATUS(sealwax_keyset_wipe(&garbage), SEALWAX_OK);
    STATUS(sealwax_token_open(&garbage, NULL, 0, new_token, 96, out, 200, &len), STATE);
    STATUS(sealwax_keyset_wipe(&garbage), SEALWAX_OK);
    /* Before begin, and after wipe. */
    for (turn = 0; turn < 2; turn++) {
        STATUS(sealwax_opening_open_chunk(&opening, 0, NULL, 0, NULL, 0, &len), STATE);
        STATUS(sealwax_opening_read_chunk(&opening, 0, NULL, 0, NULL, 0, &len), STATE);
        STATUS(sealwax_opening_progress(&opening, out), STATE);
        STATUS(sealwax_opening_resume(&opening, out), STATE);
        STATUS(sealwax_opening_finish(&opening, image_digest), STATE);
        STATUS(sealwax_opening_finish_unsigned(&opening), STATE);
        STATUS(sealwax_opening_describe(&opening, &opening_description), STATE);
        STATUS(sealwax_sealing_seal_chunk(&sealing, NULL, 0, out, 16, &len), STATE);
        STATUS(sealwax_sealing_finish(&sealing), STATE);
        if (turn == 0) {
            STATUS(sealwax_opening_begin(&opening, &keyset, NULL, image_envelope, 2000, scratch,
                                         2048, &len),
                   SEALWAX_OK);
            STATUS(sealwax_opening_begin(&opening, &keyset, NULL, image_envelope, 2000, scratch,
                                         2048, &len),
                   STATE);
            STATUS(sealwax_opening_finish_unsigned(&opening), SEALWAX_ERROR_TRUNCATED);
            STATUS(sealwax_sealing_begin(&sealing, &keyset, NULL, &randomness, out, 512, &len),
                   SEALWAX_OK);
            STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
            STATUS(sealwax_sealing_wipe(&sealing), SEALWAX_OK);
        }
    }
}

typedef struct shared_sealing {
    sealwax_sealing sealing;
    unsigned sealed[2];
    int failed;
} shared_sealing;

static shared_sealing shared = {SEALWAX_SEALING_INIT, {0, 0}, 0};

static void *seal_many(void *which)
{
    unsigned *sealed = which;
    uint8_t chunk[4096 + SEALWAX_CHUNK_OVERHEAD];
    size_t len = 0;
    unsigned turn;
    (void)memset(chunk, 0, sizeof chunk);
    for (turn = 0; turn < 3000U; turn++) {
        int32_t status =
            sealwax_sealing_seal_chunk(&shared.sealing, chunk, 4096, chunk, sizeof chunk, &len);
        if (status == SEALWAX_OK) {
            (*sealed)++;
        } else if (status != STATE) {
            shared.failed = 1;
        }
    }
    return NULL;
}

/* Calls that meet in one context are refused, not mixed. */
static void one_context_from_two_threads(void)
{
    pthread_t threads[2];
    uint8_t out[512];
    size_t len = 0;
    STATUS(sealwax_sealing_begin(&shared.sealing, &keyset, NULL, &randomness, out, 512, &len),
           SEALWAX_OK);
    (void)pthread_create(&threads[0], NULL, seal_many, &shared.sealed[0]);
    (void)pthread_create(&threads[1], NULL, seal_many, &shared.sealed[1]);
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    CLAIM(shared.failed == 0);
    CLAIM(shared.sealed[0] + shared.sealed[1] > 0U);
    STATUS(sealwax_sealing_finish(&shared.sealing), STATE);
    STATUS(sealwax_sealing_wipe(&shared.sealing), SEALWAX_OK);
}

/* A callback that calls back into the context that called it. */
static int32_t reenter(void *context, size_t offset, const uint8_t *piece, size_t piece_len)
{
    sealwax_opening *opening = context;
    size_t len = 0;
    (void)offset;
    (void)piece;
    (void)piece_len;
    STATUS(sealwax_opening_open_chunk(opening, 0, NULL, 0, NULL, 0, &len), STATE);
    STATUS(sealwax_opening_wipe(opening), STATE);
    return 0;
}

static void a_callback_cannot_use_the_context_that_called_it(void)
{
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    uint8_t buffer[SEALWAX_PIECE_LEN];
    size_t chunks_at = 0;
    STATUS(sealwax_opening_begin(&opening, &keyset, NULL, image_envelope, 2000, scratch, 2048,
                                 &chunks_at),
           SEALWAX_OK);
    STATUS(sealwax_opening_open_mapped(&opening, 0, &image_envelope[chunks_at], 4112, buffer,
                                       reenter, &opening),
           SEALWAX_OK);
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
}

int main(void)
{
    size_t needed = 0;
    STATUS(
        sealwax_keyset_load(&keyset, versions, 2, keyset_blob, sizeof keyset_blob, NULL, &needed),
        SEALWAX_OK);
    null_and_impossible_lengths_are_refused();
    overlapping_buffers_are_refused();
    misaligned_values_are_refused();
    contexts_out_of_turn_are_in_a_bad_state();
    one_context_from_two_threads();
    a_callback_cannot_use_the_context_that_called_it();
    CLAIM(strcmp(sealwax_status_name(SEALWAX_ERROR_DECRYPT), "SEALWAX_ERROR_DECRYPT") == 0);
    CLAIM(strcmp(sealwax_status_name(7), "SEALWAX_ERROR_UNKNOWN_STATUS") == 0);
    CLAIM(sealwax_keyset_size() == sizeof keyset);
    CLAIM(sealwax_key_version_size() == sizeof versions[0]);
    CLAIM(sealwax_opening_size() == sizeof(sealwax_opening));
    CLAIM(sealwax_sealing_size() == sizeof(sealwax_sealing));
    STATUS(sealwax_keyset_wipe(&keyset), SEALWAX_OK);
    return kit_end();
}
