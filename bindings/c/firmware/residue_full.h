/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The part of residue.c, which includes it, for archives that were built with suite 1 and X-Wing. */
#ifndef SEALWAX_FIRMWARE_RESIDUE_FULL_H
#define SEALWAX_FIRMWARE_RESIDUE_FULL_H

/* Suite 1. */

static void load_suite_1(void)
{
    status = sealwax_keyset_load(&held_now.keyset, held_now.versions, 1, suite_1_blob,
                                 sizeof suite_1_blob, NULL, &len);
}

static void begin_suite_1(void)
{
    status = sealwax_opening_begin_with_device_key(&held_now.opening, device_key_id, device_key,
                                                   NULL, suite_1_envelope, 1000, scratch,
                                                   sizeof scratch, &chunks_at);
}

static void open_suite_1_chunk(void)
{
    status = sealwax_opening_open_chunk(&held_now.opening, 0, &suite_1_envelope[chunks_at], 3088,
                                        page, PAGE, &len);
}

static void read_suite_1_chunk(void)
{
    status = sealwax_opening_read_chunk(&held_now.opening, 0, &suite_1_envelope[chunks_at], 3088,
                                        page, PAGE, &len);
}

static void begin_sealing_suite_1(void)
{
    sealwax_plan plan;
    (void)memset(&plan, 0, sizeof plan);
    plan.suite = SEALWAX_SUITE_COBBLESTONE_256;
    status = sealwax_sealing_begin(&held_now.sealing, &held_now.keyset, &plan, &randomness, front,
                                   sizeof front, &front_len);
}

static void suite_1(void)
{
    wipe_keyset();
    row("keyset_load, suite 1", load_suite_1, SEALWAX_OK);
    row("token_seal, suite 1", seal_token, SEALWAX_OK);
    show("suite 1 token", token, token_len);
    row("token_open, suite 1", open_token, SEALWAX_OK);
    row("token_open, suite 1, elsewhere", open_token_elsewhere, SEALWAX_ERROR_DECRYPT);
    row("opening_begin, suite 1", begin_suite_1, SEALWAX_OK);
    row("opening_read_chunk, suite 1", read_suite_1_chunk, SEALWAX_OK);
    row("opening_open_chunk, suite 1", open_suite_1_chunk, SEALWAX_OK);
    row("sealing_begin, suite 1", begin_sealing_suite_1, SEALWAX_OK);
    show("suite 1", front, front_len);
    row("sealing_seal_chunk, suite 1", seal_last, SEALWAX_OK);
    show("suite 1 chunk", page, len);
    show_held("before suite 1");
    wipe_opening();
    wipe_sealing();
    wipe_keyset();
    show_held("after suite 1");
}

/* X-Wing. */

static uint8_t wide_front[2048];

static void load_x_wing(void)
{
    status = sealwax_identity_load(&held_now.identity, held_now.pair_versions, 1, x_wing_blob,
                                   sizeof x_wing_blob, NULL, &len);
}

static void begin_x_wing(void)
{
    status = sealwax_opening_begin_with_identity(&held_now.opening, &held_now.identity, NULL,
                                                 x_wing_envelope, SEALWAX_FRONT_MAX_LEN, scratch,
                                                 sizeof scratch, &chunks_at);
}

static void seal_x_wing(void)
{
    status = sealwax_sealing_begin_for_x_wing(&held_now.sealing, x_wing_public, NULL, &randomness,
                                              wide_front, sizeof wide_front, &front_len);
}

static void x_wing(void)
{
    row("identity_load, X-Wing", load_x_wing, SEALWAX_OK);
    row("opening_begin_with_identity, X-Wing", begin_x_wing, SEALWAX_OK);
    show_held("before X-Wing");
    wipe_opening();
    row("sealing_begin_for_x_wing", seal_x_wing, SEALWAX_OK);
    show("wing", wide_front, front_len);
    wipe_sealing();
    wipe_identity();
    show_held("after X-Wing");
}

static void full(void)
{
    suite_1();
    x_wing();
}

#endif
