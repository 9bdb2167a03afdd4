/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Prints what each call of the firmware profile leaves on the dead stack, and what its contexts
 * hold before and after they are wiped. residue.py knows the secrets and looks for them: none of
 * them is in this program, but for the keys that its caller passes in. */
#include <string.h>

#include "board.h"
#include "fixtures.h"
#include "sealwax.h"

#define PAGE 4096U
#ifdef SEALWAX_X_WING
/* ML-KEM keeps its vectors on the stack. */
#define SEEN (60U * 1024U)
#else
#define SEEN (16U * 1024U)
#endif
#define PLAIN 100U
#define DRAWN 256U

/* All that belongs to the library, or was lent to it to be wiped. */
typedef struct held {
    sealwax_key_version versions[2];
    sealwax_keyset keyset;
    sealwax_key_version pair_versions[1];
    sealwax_keyset identity;
    sealwax_opening opening;
    sealwax_sealing sealing;
    uint8_t piece[SEALWAX_PIECE_LEN];
#ifdef SEALWAX_TRANSIT
    sealwax_handshake handshakes[2];
    sealwax_session sessions[2];
#endif
} held;

static held held_now;
static uint32_t seen[SEEN / 4U];
static uint8_t scratch[SEALWAX_FRONT_MAX_LEN + 2048U];
static uint8_t page[PAGE + SEALWAX_CHUNK_OVERHEAD];
static uint8_t changed[PAGE + SEALWAX_CHUNK_OVERHEAD];
static uint8_t token[PLAIN + SEALWAX_TOKEN_OVERHEAD];
static uint8_t front[600];
static uint8_t progress[SEALWAX_PROGRESS_LEN];
static uint8_t public_key[SEALWAX_X25519_PUBLIC_KEY_LEN];
static size_t token_len = 0;
static size_t front_len = 0;
static size_t chunks_at = 0;
static size_t len = 0;
static int32_t status = 0;
static unsigned failures = 0;

/* What the source gave out: flipped, so that it is not found. */
static uint8_t drawn[DRAWN];
static size_t drawn_len = 0;

void sealwax_panic(void)
{
    board_print("sealwax_panic\n");
    board_exit(1);
}

static int32_t draw(void *context, uint8_t *out, size_t out_len)
{
    size_t at;
    (void)board_random(context, out, out_len);
    for (at = 0; (at < out_len) && (drawn_len < DRAWN); at++) {
        drawn[drawn_len] = (uint8_t)~out[at];
        drawn_len++;
    }
    return 0;
}

static sealwax_random randomness = {draw, NULL};

/* A line for each 32 bytes: in hexadecimal, or "0" where all are zero. */
static void print_bytes(const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    char line[66];
    size_t at;
    for (at = 0; at < count; at += 32U) {
        size_t end = ((count - at) < 32U) ? (count - at) : 32U;
        size_t to = 0;
        uint8_t any = 0;
        size_t next;
        for (next = 0; next < end; next++) {
            const uint8_t byte = bytes[at + next];
            any |= byte;
            line[to] = digits[byte >> 4];
            line[to + 1U] = digits[byte & 15U];
            to += 2U;
        }
        if ((any == 0U) && (end == 32U)) {
            line[0] = '0';
            to = 1;
        }
        line[to] = '\n';
        line[to + 1U] = '\0';
        board_print(line);
    }
}

static void say(const char *what, const char *name)
{
    board_print(what);
    board_print(" ");
    board_print(name);
    board_print("\n");
}

/* What an output of the library is, so that its secrets can be worked out. */
static void show(const char *name, const uint8_t *bytes, size_t count)
{
    say("sealed", name);
    print_bytes(bytes, count);
}

/* Shows what the contexts hold, from a byte on. */
static void show_held_from(const char *name, size_t from)
{
    say("memory", name);
    print_bytes(&((const uint8_t *)&held_now)[from], sizeof held_now - from);
    print_bytes(scratch, sizeof scratch);
}

static void show_held(const char *name) { show_held_from(name, 0); }

/* While a keyset is loaded it holds its keys; everything after it is to be wiped. */
static void show_all_but_keyset(const char *name)
{
    show_held_from(name, offsetof(held, pair_versions));
}

/* Makes the call and prints what is left of it. */
static void row(const char *name, board_work work, int32_t expected)
{
    size_t count;
    size_t at;
    drawn_len = 0;
    count = board_dead_stack(work, seen, SEEN / 4U);
    if (status != expected) {
        failures++;
        board_print("FAILED: ");
        board_print(sealwax_status_name(status));
        board_print("\n");
    }
    say("call", name);
    print_bytes((const uint8_t *)seen, count * 4U);
    if (drawn_len > 0U) {
        for (at = 0; at < drawn_len; at++) {
            drawn[at] = (uint8_t)~drawn[at];
        }
        show("draws", drawn, drawn_len);
        (void)memset(drawn, 0, sizeof drawn);
    }
}

/* Symmetric keysets and tokens. */

static void load_plain(void)
{
    status = sealwax_keyset_load(&held_now.keyset, held_now.versions, 2, keyset_blob,
                                 sizeof keyset_blob, NULL, &len);
}

static void load_sealed(void)
{
    status = sealwax_keyset_load_sealed(&held_now.keyset, held_now.versions, 2, sealed_keyset_blob,
                                        sizeof sealed_keyset_blob, device_key_id, device_key, NULL,
                                        scratch, sizeof scratch, &len);
}

static void load_changed(void)
{
    status = sealwax_keyset_load_sealed(&held_now.keyset, held_now.versions, 2, changed,
                                        sizeof sealed_keyset_blob, device_key_id, device_key, NULL,
                                        scratch, sizeof scratch, &len);
}

static void wipe_keyset(void) { status = sealwax_keyset_wipe(&held_now.keyset); }

static void seal_token(void)
{
    status = sealwax_token_seal(&held_now.keyset, &randomness, token_context, sizeof token_context,
                                image, PLAIN, token, sizeof token, &token_len);
}

static void open_token(void)
{
    status = sealwax_token_open(&held_now.keyset, token_context, sizeof token_context, token,
                                token_len, page, sizeof page, &len);
}

static void open_old_token(void)
{
    status = sealwax_token_open(&held_now.keyset, token_context, sizeof token_context, old_token,
                                sizeof old_token, page, sizeof page, &len);
}

static void open_token_elsewhere(void)
{
    status =
        sealwax_token_open(&held_now.keyset, NULL, 0, token, token_len, page, sizeof page, &len);
}

static void open_changed_token(void)
{
    status = sealwax_token_open(&held_now.keyset, token_context, sizeof token_context, changed,
                                token_len, page, sizeof page, &len);
}

static void tokens(void)
{
    row("keyset_load", load_plain, SEALWAX_OK);
    show_held("before keyset");
    row("token_seal", seal_token, SEALWAX_OK);
    show("token", token, token_len);
    row("token_open", open_token, SEALWAX_OK);
    row("token_open, an older version", open_old_token, SEALWAX_OK);
    row("token_open, another context", open_token_elsewhere, SEALWAX_ERROR_DECRYPT);
    (void)memcpy(changed, token, token_len);
    changed[token_len - 1U] ^= 1U;
    row("token_open, changed", open_changed_token, SEALWAX_ERROR_DECRYPT);
    row("keyset_wipe", wipe_keyset, SEALWAX_OK);
    show_held("after keyset");
    (void)memcpy(changed, sealed_keyset_blob, sizeof sealed_keyset_blob);
    changed[sizeof sealed_keyset_blob - 1U] ^= 1U;
    row("keyset_load_sealed, changed", load_changed, SEALWAX_ERROR_DECRYPT);
    show_held("after keyset that was refused");
    row("keyset_load_sealed", load_sealed, SEALWAX_OK);
}

/* Opening. */

static const uint8_t *chunk_of(size_t index) { return &image_envelope[chunks_at + index * 4112U]; }

static void begin(void)
{
    status = sealwax_opening_begin(&held_now.opening, &held_now.keyset, NULL, image_envelope,
                                   SEALWAX_FRONT_MAX_LEN, scratch, sizeof scratch, &chunks_at);
}

static void begin_changed(void)
{
    size_t at = 0;
    status = sealwax_opening_begin(&held_now.opening, &held_now.keyset, NULL, changed,
                                   SEALWAX_FRONT_MAX_LEN, scratch, sizeof scratch, &at);
}

static void read_chunk(void)
{
    status = sealwax_opening_read_chunk(&held_now.opening, 0, chunk_of(0), PAGE + 16U, page, PAGE,
                                        &len);
}

static void open_chunk(void)
{
    status = sealwax_opening_open_chunk(&held_now.opening, 0, chunk_of(0), PAGE + 16U, page, PAGE,
                                        &len);
}

static void open_changed_chunk(void)
{
    status = sealwax_opening_open_chunk(&held_now.opening, 1, changed, PAGE + 16U, page, PAGE, &len);
}

static int32_t take(void *context, size_t offset, const uint8_t *piece, size_t piece_len)
{
    (void)context;
    (void)offset;
    (void)piece;
    (void)piece_len;
    return 0;
}

static int32_t take_nothing(void *context, size_t offset, const uint8_t *piece, size_t piece_len)
{
    (void)take(context, offset, piece, piece_len);
    return 1;
}

static void open_mapped(void)
{
    status = sealwax_opening_open_mapped(&held_now.opening, 1, chunk_of(1), PAGE + 16U,
                                         held_now.piece, take, NULL);
}

static void open_mapped_and_stop(void)
{
    status = sealwax_opening_open_mapped(&held_now.opening, 1, chunk_of(1), PAGE + 16U,
                                         held_now.piece, take_nothing, NULL);
}

static void keep_progress(void)
{
    status = sealwax_opening_progress(&held_now.opening, progress);
}

static void resume(void) { status = sealwax_opening_resume(&held_now.opening, progress); }

static void open_rest(void)
{
    size_t at;
    for (at = 2; at < 11U; at++) {
        const size_t sealed_len = (at == 10U) ? 116U : (PAGE + 16U);
        status = sealwax_opening_open_chunk(&held_now.opening, at, chunk_of(at), sealed_len, page,
                                            PAGE, &len);
    }
}

static void finish(void) { status = sealwax_opening_finish(&held_now.opening, image_digest); }

static void finish_unsigned(void)
{
    status = sealwax_opening_finish_unsigned(&held_now.opening);
}

static void wipe_opening(void) { status = sealwax_opening_wipe(&held_now.opening); }

static void begin_device_key(void)
{
    sealwax_requirements wanted;
    (void)memset(&wanted, 0, sizeof wanted);
    wanted.external = settings_context;
    wanted.external_len = sizeof settings_context;
    status = sealwax_opening_begin_with_device_key(&held_now.opening, device_key_id, device_key,
                                                   &wanted, settings_envelope, 1000, scratch,
                                                   sizeof scratch, &chunks_at);
}

static void open_settings(void)
{
    size_t at;
    for (at = 0; at < 4U; at++) {
        const size_t sealed_len = (at == 3U) ? 16U : 1040U;
        status = sealwax_opening_open_chunk(&held_now.opening, at,
                                            &settings_envelope[chunks_at + at * 1040U], sealed_len,
                                            page, PAGE, &len);
    }
}

static void openings(void)
{
    (void)memcpy(changed, image_envelope, SEALWAX_FRONT_MAX_LEN);
    changed[10] ^= 1U;
    row("opening_begin, changed", begin_changed, SEALWAX_ERROR_FORMAT);
    row("opening_begin", begin, SEALWAX_OK);
    show_held("before opening");
    row("opening_read_chunk", read_chunk, SEALWAX_OK);
    row("opening_open_chunk", open_chunk, SEALWAX_OK);
    (void)memcpy(changed, chunk_of(1), PAGE + 16U);
    changed[5] ^= 1U;
    row("opening_open_chunk, changed", open_changed_chunk, SEALWAX_ERROR_DECRYPT);
    row("opening_open_mapped, stopped", open_mapped_and_stop, SEALWAX_ERROR_IO);
    row("opening_open_mapped", open_mapped, SEALWAX_OK);
    row("opening_progress", keep_progress, SEALWAX_OK);
    row("opening_wipe", wipe_opening, SEALWAX_OK);
    show_all_but_keyset("after opening");
    begin();
    row("opening_resume", resume, SEALWAX_OK);
    row("opening_open_chunk, to the end", open_rest, SEALWAX_OK);
    row("opening_finish", finish, SEALWAX_OK);
    row("opening_begin_with_device_key", begin_device_key, SEALWAX_OK);
    row("opening_open_chunk, 1 KiB", open_settings, SEALWAX_OK);
    row("opening_finish_unsigned", finish_unsigned, SEALWAX_OK);
    show_all_but_keyset("after opening");
}

/* Sealing. */

static void begin_sealing(void)
{
    status = sealwax_sealing_begin(&held_now.sealing, &held_now.keyset, NULL, &randomness, front,
                                   sizeof front, &front_len);
}

static void begin_sealing_device_key(void)
{
    status = sealwax_sealing_begin_with_device_key(&held_now.sealing, device_key_id, device_key,
                                                   NULL, &randomness, front, sizeof front,
                                                   &front_len);
}

static void seal_chunk(void)
{
    status = sealwax_sealing_seal_chunk(&held_now.sealing, image, PAGE, page, sizeof page, &len);
}

static void seal_last(void)
{
    status = sealwax_sealing_seal_chunk(&held_now.sealing, image, PLAIN, page, sizeof page, &len);
}

static void finish_sealing(void) { status = sealwax_sealing_finish(&held_now.sealing); }
static void wipe_sealing(void) { status = sealwax_sealing_wipe(&held_now.sealing); }

static void begin_sealing_without_room(void)
{
    status = sealwax_sealing_begin(&held_now.sealing, &held_now.keyset, NULL, &randomness, front,
                                   front_len - 1U, &len);
}

static int32_t dry(void *context, uint8_t *out, size_t out_len)
{
    /* The data key, the id and the salt were drawn before. */
    return (out_len == 24U) && (drawn_len > 48U) ? 1 : draw(context, out, out_len);
}

static void begin_sealing_until_dry(void)
{
    const sealwax_random failing = {dry, NULL};
    status = sealwax_sealing_begin(&held_now.sealing, &held_now.keyset, NULL, &failing, front,
                                   sizeof front, &len);
}

static void sealings(void)
{
    row("sealing_begin", begin_sealing, SEALWAX_OK);
    show("keyset", front, front_len);
    row("sealing_seal_chunk", seal_chunk, SEALWAX_OK);
    show("chunk", page, len);
    row("sealing_seal_chunk, the last", seal_last, SEALWAX_OK);
    show("chunk", page, len);
    show_held("before sealing");
    row("sealing_finish", finish_sealing, SEALWAX_OK);
    show_all_but_keyset("after sealing");
    row("sealing_begin, no room", begin_sealing_without_room, SEALWAX_ERROR_BUFFER_TOO_SMALL);
    row("sealing_begin, no randomness", begin_sealing_until_dry, SEALWAX_ERROR_RANDOM);
    row("sealing_begin_with_device_key", begin_sealing_device_key, SEALWAX_OK);
    show("device", front, front_len);
    row("sealing_wipe", wipe_sealing, SEALWAX_OK);
    show_all_but_keyset("after sealing");
}

/* Key pairs. */

static void load_identity(void)
{
    status = sealwax_identity_load(&held_now.identity, held_now.pair_versions, 1, identity_blob,
                                   sizeof identity_blob, NULL, &len);
}

static void load_sealed_identity(void)
{
    status = sealwax_identity_load_sealed(&held_now.identity, held_now.pair_versions, 1,
                                          sealed_identity_blob, sizeof sealed_identity_blob,
                                          device_key_id, device_key, NULL, scratch, sizeof scratch,
                                          &len);
}

static void public_key_of(void)
{
    status = sealwax_identity_public_key(&held_now.identity, public_key);
}

static void begin_pair(void)
{
    status = sealwax_opening_begin_with_identity(&held_now.opening, &held_now.identity, NULL,
                                                 pair_envelope, 1000, scratch, sizeof scratch,
                                                 &chunks_at);
}

static void open_pair_chunk(void)
{
    status = sealwax_opening_read_chunk(&held_now.opening, 0, &pair_envelope[chunks_at], 3088,
                                        page, PAGE, &len);
}

static void seal_pair(void)
{
    status = sealwax_sealing_begin_for_x25519(&held_now.sealing, public_key, NULL, &randomness,
                                              front, sizeof front, &front_len);
}

static void wipe_identity(void) { status = sealwax_keyset_wipe(&held_now.identity); }

static void pairs(void)
{
    row("identity_load", load_identity, SEALWAX_OK);
    row("identity_public_key", public_key_of, SEALWAX_OK);
    row("opening_begin_with_identity", begin_pair, SEALWAX_OK);
    row("opening_read_chunk, 3 KiB", open_pair_chunk, SEALWAX_OK);
    show_held("before identity");
    wipe_opening();
    row("sealing_begin_for_x25519", seal_pair, SEALWAX_OK);
    show("pair", front, front_len);
    wipe_sealing();
    wipe_keyset();
    row("keyset_wipe, of an identity", wipe_identity, SEALWAX_OK);
    show_held("after identity");
    row("identity_load_sealed", load_sealed_identity, SEALWAX_OK);
    wipe_identity();
    show_held("after identity");
}

#ifdef SEALWAX_TRANSIT
/* Handshakes and records. */
#include "residue_transit.h"
#endif

#ifdef SEALWAX_X_WING
/* Suite 1 and X-Wing. */
#include "residue_full.h"
#endif

#ifdef PLANT
/* Leaks, so that whoever looks for leaks can be seen to find them: a key on the stack, and one in a
 * context that was to be wiped. */
static void leak(void)
{
    volatile uint8_t copy[600];
    size_t at;
    for (at = 0; at < 32U; at++) {
        copy[at] = device_key[at];
    }
    status = (copy[0] == device_key[0]) ? SEALWAX_OK : SEALWAX_ERROR_FORMAT;
}

static void plant(void)
{
    row("planted on the stack", leak, SEALWAX_OK);
    (void)memcpy(held_now.piece, device_key, 32);
    show_held("after a plant");
}
#endif

int main(void)
{
    tokens();
    openings();
    sealings();
    pairs();
#ifdef SEALWAX_TRANSIT
    transit();
#endif
#ifdef SEALWAX_X_WING
    full();
#endif
#ifdef PLANT
    plant();
#endif
    board_print((failures == 0U) ? "residue: ok\n" : "residue: FAILED\n");
    return (failures == 0U) ? 0 : 1;
}
