/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Measures on the emulated Cortex-M4: stack of every kind of call, and instructions for each byte
 * of a page. */
#include <string.h>

#include "board.h"
#include "fixtures.h"
#include "sealwax.h"

#define PAGE 4096U

int32_t bare_open(const uint8_t *key, const uint8_t *nonce, uint8_t *in_out, size_t len,
                  const uint8_t *tag);
int32_t bare_seal(const uint8_t *key, const uint8_t *nonce, uint8_t *in_out, size_t len,
                  uint8_t *tag);

static sealwax_key_version versions[2];
static sealwax_keyset keyset = SEALWAX_KEYSET_INIT;
static sealwax_opening opening = SEALWAX_OPENING_INIT;
static sealwax_sealing sealing = SEALWAX_SEALING_INIT;
static sealwax_random randomness = {board_random, NULL};
static uint8_t scratch[SEALWAX_FRONT_MAX_LEN + 2048U];
static uint8_t page[PAGE + SEALWAX_CHUNK_OVERHEAD];
static uint8_t token[256];
static size_t token_len = 0;
static size_t chunks_at = 0;
static size_t len = 0;
static int32_t status = 0;
static unsigned failures = 0;
static const uint8_t bare_key[32] = {1};
static const uint8_t bare_nonce[12] = {2};

void sealwax_panic(void)
{
    board_print("sealwax_panic\n");
    board_exit(1);
}

static void nothing(void) {}

static void load_sealed(void)
{
    size_t needed = 0;
    status = sealwax_keyset_load_sealed(&keyset, versions, 2, sealed_keyset_blob,
                                        sizeof sealed_keyset_blob, device_key_id, device_key, NULL,
                                        scratch, sizeof scratch, &needed);
}

static void load_plain(void)
{
    size_t needed = 0;
    status =
        sealwax_keyset_load(&keyset, versions, 2, keyset_blob, sizeof keyset_blob, NULL, &needed);
}

static void wipe_keyset(void) { status = sealwax_keyset_wipe(&keyset); }

static void seal_token(void)
{
    status = sealwax_token_seal(&keyset, &randomness, token_context, sizeof token_context, image,
                                100, token, sizeof token, &token_len);
}

static void open_token(void)
{
    status = sealwax_token_open(&keyset, token_context, sizeof token_context, token, token_len,
                                page, sizeof page, &len);
}

static void begin(void)
{
    status = sealwax_opening_begin(&opening, &keyset, NULL, image_envelope, SEALWAX_FRONT_MAX_LEN,
                                   scratch, sizeof scratch, &chunks_at);
}

static void read_chunk(void)
{
    status = sealwax_opening_read_chunk(&opening, 0, &image_envelope[chunks_at], PAGE + 16U, page,
                                        PAGE, &len);
}

static void open_chunk(void)
{
    status = sealwax_opening_open_chunk(&opening, 0, &image_envelope[chunks_at], PAGE + 16U, page,
                                        PAGE, &len);
}

static int32_t take(void *context, size_t offset, const uint8_t *piece, size_t piece_len)
{
    (void)context;
    (void)offset;
    (void)piece;
    (void)piece_len;
    return 0;
}

static void open_mapped(void)
{
    status = sealwax_opening_open_mapped(&opening, 1, &image_envelope[chunks_at + PAGE + 16U],
                                         PAGE + 16U, page, take, NULL);
}

/* The others, so that the header says of each call what it was measured to need. */

static uint8_t settled[64];
static size_t settled_len = 0;
static uint8_t progress[SEALWAX_PROGRESS_LEN];
static sealwax_opening_description opening_described;
static sealwax_keyset_description keyset_described;

static void insert(void)
{
    status = sealwax_context_insert(settled, sizeof settled, &settled_len, "sensor", 6, image, 8);
}

static void token_version(void)
{
    uint32_t version = 0;
    status = sealwax_token_version(token, token_len, &version);
}

static void describe_keyset(void) { status = sealwax_keyset_describe(&keyset, &keyset_described); }

static void set_clock(void) { status = sealwax_keyset_set_clock(&keyset, NULL); }

static void need(void) { status = sealwax_envelope_need(image_envelope, 2000, &len); }

static void describe_opening(void)
{
    status = sealwax_opening_describe(&opening, &opening_described);
}

static void keep_progress(void) { status = sealwax_opening_progress(&opening, progress); }

static void resume(void) { status = sealwax_opening_resume(&opening, progress); }

static void wipe_opening(void) { status = sealwax_opening_wipe(&opening); }

static void begin_device_key(void)
{
    sealwax_requirements wanted;
    (void)memset(&wanted, 0, sizeof wanted);
    wanted.external = settings_context;
    wanted.external_len = sizeof settings_context;
    status = sealwax_opening_begin_with_device_key(&opening, device_key_id, device_key, &wanted,
                                                   settings_envelope, 1000, scratch, sizeof scratch,
                                                   &chunks_at);
}

static void finish(void)
{
    size_t at;
    for (at = 0; at < 4U; at++) {
        size_t sealed_len = (at == 3U) ? 16U : 1040U;
        (void)sealwax_opening_open_chunk(&opening, at, &settings_envelope[chunks_at + (at * 1040U)],
                                         sealed_len, page, PAGE, &len);
    }
    /* Another image's digest: the whole comparison is made. */
    status = (sealwax_opening_finish(&opening, image_digest) == SEALWAX_ERROR_DECRYPT)
                 ? SEALWAX_OK
                 : SEALWAX_ERROR_FORMAT;
}

static void finish_unsigned(void)
{
    status = (sealwax_opening_finish_unsigned(&opening) == SEALWAX_ERROR_TRUNCATED)
                 ? SEALWAX_OK
                 : SEALWAX_ERROR_FORMAT;
}

static void begin_sealing_device_key(void)
{
    status = sealwax_sealing_begin_with_device_key(&sealing, device_key_id, device_key, NULL,
                                                   &randomness, scratch, sizeof scratch, &len);
}

static void wipe_sealing(void) { status = sealwax_sealing_wipe(&sealing); }

static void seal_last(void)
{
    status = sealwax_sealing_seal_chunk(&sealing, NULL, 0, page, sizeof page, &len);
}

static void finish_sealing(void) { status = sealwax_sealing_finish(&sealing); }

static void begin_sealing(void)
{
    status =
        sealwax_sealing_begin(&sealing, &keyset, NULL, &randomness, scratch, sizeof scratch, &len);
}

static void seal_chunk(void)
{
    status = sealwax_sealing_seal_chunk(&sealing, image, PAGE, page, sizeof page, &len);
}

static void bare_seals(void) { status = bare_seal(bare_key, bare_nonce, page, PAGE, &page[PAGE]); }

static void bare_opens(void) { status = bare_open(bare_key, bare_nonce, page, PAGE, &page[PAGE]); }

#ifdef MEASURE_PAIRS
static sealwax_key_version pair_versions[1];
static sealwax_keyset identity = SEALWAX_KEYSET_INIT;
static uint8_t public_key[SEALWAX_X25519_PUBLIC_KEY_LEN];

static void load_identity(void)
{
    size_t needed = 0;
    status = sealwax_identity_load(&identity, pair_versions, 1, identity_blob, sizeof identity_blob,
                                   NULL, &needed);
}

static void public_key_of(void) { status = sealwax_identity_public_key(&identity, public_key); }

static void begin_pair(void)
{
    (void)sealwax_opening_wipe(&opening);
    status = sealwax_opening_begin_with_identity(&opening, &identity, NULL, pair_envelope, 1000,
                                                 scratch, sizeof scratch, &chunks_at);
}

static void seal_pair(void)
{
    (void)sealwax_sealing_wipe(&sealing);
    status = sealwax_sealing_begin_for_x25519(&sealing, public_key, NULL, &randomness, scratch,
                                              sizeof scratch, &len);
}
#endif

#ifdef SEALWAX_X_WING
static void load_x_wing(void)
{
    size_t needed = 0;
    (void)sealwax_keyset_wipe(&identity);
    status = sealwax_identity_load(&identity, pair_versions, 1, x_wing_blob, sizeof x_wing_blob,
                                   NULL, &needed);
}

static void begin_x_wing(void)
{
    (void)sealwax_opening_wipe(&opening);
    status = sealwax_opening_begin_with_identity(&opening, &identity, NULL, x_wing_envelope,
                                                 SEALWAX_FRONT_MAX_LEN, scratch, sizeof scratch,
                                                 &chunks_at);
}

static void seal_x_wing(void)
{
    (void)sealwax_sealing_wipe(&sealing);
    status = sealwax_sealing_begin_for_x_wing(&sealing, x_wing_public, NULL, &randomness, scratch,
                                              sizeof scratch, &len);
}
#endif

static void row(const char *name, board_work work)
{
    board_cost cost = board_measure(work);
    if (status != SEALWAX_OK) {
        failures++;
        board_print("FAILED: ");
    }
    board_print("measure ");
    board_print(name);
    board_print(" ");
    board_print_number(cost.stack);
    board_print(" ");
    board_print_number(cost.instructions);
    board_print("\n");
}

int main(void)
{
    row("nothing", nothing);
    row("keyset_load", load_plain);
    row("keyset_wipe", wipe_keyset);
    row("keyset_load_sealed", load_sealed);
    row("token_seal_100", seal_token);
    row("token_open_100", open_token);
    row("opening_begin", begin);
    row("opening_read_chunk_4096", read_chunk);
    row("opening_open_chunk_4096", open_chunk);
    row("opening_open_mapped_4096", open_mapped);
    row("context_insert", insert);
    row("token_version", token_version);
    row("keyset_describe", describe_keyset);
    row("keyset_set_clock", set_clock);
    row("envelope_need", need);
    row("opening_describe", describe_opening);
    row("opening_progress", keep_progress);
    row("opening_finish_unsigned", finish_unsigned);
    row("opening_wipe", wipe_opening);
    begin();
    row("opening_resume", resume);
    wipe_opening();
    row("opening_begin_device_key", begin_device_key);
    row("opening_finish", finish);
    begin();
    row("sealing_begin_device_key", begin_sealing_device_key);
    row("sealing_wipe", wipe_sealing);
    row("sealing_begin", begin_sealing);
    row("sealing_seal_chunk_4096", seal_chunk);
    seal_last();
    row("sealing_finish", finish_sealing);
    row("bare_seal_4096", bare_seals);
    row("bare_open_4096", bare_opens);
#ifdef MEASURE_PAIRS
    row("identity_load_x25519", load_identity);
    row("identity_public_key", public_key_of);
    row("opening_begin_x25519", begin_pair);
    row("sealing_begin_x25519", seal_pair);
#endif
#ifdef SEALWAX_X_WING
    row("identity_load_x_wing", load_x_wing);
    row("opening_begin_x_wing", begin_x_wing);
    row("sealing_begin_x_wing", seal_x_wing);
#endif
    board_print((failures == 0U) ? "measure: ok\n" : "measure: FAILED\n");
    return (failures == 0U) ? 0 : 1;
}
