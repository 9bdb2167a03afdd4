/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Handshakes of every pattern, what a wrong message gets, and what a wrong call gets. */
#include "transit_kit.h"

static void every_pattern_ends_in_a_session(void)
{
    side one;
    side two;
    size_t at;
    for (at = 0; at < 4U * sizeof patterns; at++) {
        const uint8_t pattern = patterns[at % sizeof patterns];
        const uint8_t hybrid = (uint8_t)((at / sizeof patterns) % 2U);
        const uint8_t mode = (at < 2U * sizeof patterns) ? SEALWAX_MODE_STREAM
                                                         : SEALWAX_MODE_DATAGRAM;
        sealwax_session_description first;
        sealwax_session_description second;
        pair(&one, &two, pattern, mode, hybrid);
        one.party.suite = two.party.suite = (uint8_t)(at % 3U);
        STATUS(sealwax_handshake_wipe(&one.handshake), SEALWAX_OK);
        STATUS(sealwax_handshake_wipe(&two.handshake), SEALWAX_OK);
        STATUS(sealwax_handshake_begin(&one.handshake, &one.party), SEALWAX_OK);
        STATUS(sealwax_handshake_begin(&two.handshake, &two.party), SEALWAX_OK);
        shake(&one, &two);
        if (pattern != SEALWAX_PATTERN_NNPSK0) {
            sealwax_handshake_description described;
            CLAIM(memcmp(one.seen_key, two.public_key, 32) == 0);
            CLAIM(memcmp(two.seen_key, one.public_key, 32) == 0);
            STATUS(sealwax_handshake_describe(&two.handshake, &described), SEALWAX_OK);
            CLAIM(described.has_peer_key == 1U);
            CLAIM(memcmp(described.peer_key, one.public_key, 32) == 0);
        }
        finish(&one, &two, NULL);
        CLAIM(next_of(&one) == SEALWAX_NEXT_NOTHING);
        say(&one, &two, "a first word");
        say(&two, &one, "and an answer");
        say(&one, &two, "");
        STATUS(sealwax_session_rekey(&one.session), SEALWAX_OK);
        say(&one, &two, "under another key");
        STATUS(sealwax_session_describe(&one.session, 2000, &first), SEALWAX_OK);
        STATUS(sealwax_session_describe(&two.session, 2000, &second), SEALWAX_OK);
        CLAIM(memcmp(first.binding, second.binding, sizeof first.binding) == 0);
        CLAIM((first.sending_epoch == 1U) && (second.receiving_epoch == 1U));
        CLAIM((first.role == SEALWAX_ROLE_INITIATOR) && (second.role == SEALWAX_ROLE_RESPONDER));
        CLAIM((first.wants_handshake == 0U) && (first.wants_rekey_request == 0U));
        wipe(&one);
        wipe(&two);
    }
}

static void contexts_travel_and_accept_decides(void)
{
    uint8_t context[ROOM];
    uint8_t out[ROOM];
    uint8_t *message;
    uint8_t is_duplicate = 0;
    size_t context_len = 0;
    size_t len = 0;
    size_t out_len = 0;
    side one;
    side two;
    STATUS(sealwax_context_insert(context, sizeof context, &context_len, "device", 6,
                                  (const uint8_t *)"board-7", 7),
           SEALWAX_OK);
    pair(&one, &two, SEALWAX_PATTERN_IKPSK2, SEALWAX_MODE_DATAGRAM, 0);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, context, context_len,
                                   NULL, 0, &len),
           SHORT);
    message = kit_buffer(len);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, context, context_len,
                                   message, len - 1U, &out_len),
           SHORT);
    CLAIM(out_len == len);
    CLAIM(kit_untouched_or_wiped(message, len));
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, context, context_len,
                                   message, len, &out_len),
           SEALWAX_OK);
    CLAIM(out_len == len);
    /* Room for one byte less changes nothing and asks nobody. */
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, message, len, out, context_len - 1U,
                                  &out_len, &is_duplicate),
           SHORT);
    CLAIM((out_len == context_len) && (two.asked == 0U));
    two.verdict = 1;
    STATUS(hear(&two, message, len), SEALWAX_ERROR_UNKNOWN_KEY);
    CLAIM((two.asked == 1U) && (two.replayable == 1U));
    CLAIM(next_of(&two) == SEALWAX_NEXT_READ);
    two.verdict = 0;
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, message, len, out, context_len,
                                  &out_len, &is_duplicate),
           SEALWAX_OK);
    CLAIM((out_len == context_len) && (memcmp(out, context, context_len) == 0));
    CLAIM((two.seen_len == context_len) && (memcmp(two.seen_context, context, context_len) == 0));
    CLAIM(is_duplicate == 0U);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, message, len, out, context_len,
                                  &out_len, &is_duplicate),
           SEALWAX_OK);
    CLAIM((is_duplicate == 1U) && (out_len == 0U));
    free(message);
    wipe(&one);
    wipe(&two);

    /* Pinned: another key is not asked about. */
    pair(&one, &two, SEALWAX_PATTERN_XX, SEALWAX_MODE_STREAM, 0);
    two.party.peers = device_key;
    two.party.peer_count = 1;
    message = message_of(&one, &len);
    STATUS(hear(&two, message, len), SEALWAX_OK);
    free(message);
    message = message_of(&two, &len);
    STATUS(hear(&one, message, len), SEALWAX_OK);
    free(message);
    message = message_of(&one, &len);
    two.asked = 0;
    STATUS(hear(&two, message, len), SEALWAX_ERROR_UNKNOWN_KEY);
    CLAIM((two.asked == 0U) && (next_of(&two) == SEALWAX_NEXT_FAILED));
    STATUS(hear(&two, message, len), STATE);
    free(message);
    wipe(&one);
    wipe(&two);
}

static void an_identity_takes_part_while_its_state_lets_it(void)
{
    sealwax_key_version room[1];
    sealwax_keyset identity = SEALWAX_KEYSET_INIT;
    size_t needed = 0;
    uint8_t public_key[SEALWAX_PEER_KEY_LEN];
    side one;
    side two;
    STATUS(sealwax_identity_load(&identity, room, 1, identity_blob, sizeof identity_blob, NULL,
                                 &needed),
           SEALWAX_OK);
    STATUS(sealwax_identity_public_key(&identity, public_key), SEALWAX_OK);
    pair(&one, &two, SEALWAX_PATTERN_IK, SEALWAX_MODE_STREAM, 0);
    one.party.peers = public_key;
    two.party.private_key = NULL;
    two.party.identity = &identity;
    shake(&one, &two);
    finish(&one, &two, NULL);
    say(&one, &two, "to a keyset");
    STATUS(sealwax_keyset_wipe(&identity), SEALWAX_OK);
    STATUS(sealwax_handshake_wipe(&two.handshake), SEALWAX_OK);
    STATUS(sealwax_handshake_begin(&two.handshake, &two.party), STATE);
    wipe(&one);
    wipe(&two);
}

static void bad_messages_change_nothing_in_datagram_mode(void)
{
    size_t at;
    side one;
    side two;
    for (at = 0; at < sizeof patterns; at++) {
        side *from = &one;
        side *to = &two;
        pair(&one, &two, patterns[at], SEALWAX_MODE_DATAGRAM, 0);
        while (next_of(from) == SEALWAX_NEXT_WRITE) {
            side *turn = from;
            size_t len = 0;
            size_t cut;
            uint8_t *message = message_of(from, &len);
            for (cut = 0; cut < len; cut++) {
                uint8_t *bad = kit_copy(message, cut);
                const int32_t status = hear(to, bad, cut);
                CLAIM((status == SEALWAX_ERROR_FORMAT) || (status == SEALWAX_ERROR_DECRYPT));
                free(bad);
            }
            for (cut = 0; cut < len; cut++) {
                uint8_t *bad = kit_copy(message, len);
                int32_t status;
                bad[cut] ^= 0x10U;
                /* Message 1 of XX is not authenticated: a changed key in it is another key. */
                if ((patterns[at] != SEALWAX_PATTERN_XX) || (from != &one) || (cut < 6U) ||
                    (next_of(to) != SEALWAX_NEXT_READ) || (message[0] != 0x20U)) {
                    status = hear(to, bad, len);
                    CLAIM((status == SEALWAX_ERROR_FORMAT) || (status == SEALWAX_ERROR_DECRYPT));
                }
                free(bad);
            }
            STATUS(hear(to, message, len), SEALWAX_OK);
            free(message);
            from = to;
            to = turn;
        }
        finish(&one, &two, NULL);
        say(&one, &two, "after all of it");
        wipe(&one);
        wipe(&two);
    }
}

static void a_random_source_that_fails_ends_the_call(void)
{
    size_t at;
    int calls;
    side one;
    side two;
    for (at = 0; at < 2U * sizeof patterns; at++) {
        const uint8_t hybrid = (uint8_t)(at / sizeof patterns);
        int32_t status = SEALWAX_ERROR_RANDOM;
        for (calls = 0; status == SEALWAX_ERROR_RANDOM; calls++) {
            uint8_t out[SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN];
            size_t len = 0;
            pair(&one, &two, patterns[at % sizeof patterns], SEALWAX_MODE_STREAM, hybrid);
            (void)memset(out, 0xcc, sizeof out);
            one.source.calls = calls;
            status = sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0, out,
                                             sizeof out, &len);
            CLAIM((status == SEALWAX_OK) || (kit_untouched_or_wiped(out, sizeof out)));
            CLAIM((status == SEALWAX_OK) || (len == 0U));
            wipe(&one);
            wipe(&two);
        }
        STATUS(status, SEALWAX_OK);
        CLAIM(calls > 1);
        status = SEALWAX_ERROR_RANDOM;
        for (calls = 0; status == SEALWAX_ERROR_RANDOM; calls++) {
            uint8_t out[SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN];
            size_t len = 0;
            uint8_t *message;
            pair(&one, &two, patterns[at % sizeof patterns], SEALWAX_MODE_STREAM, hybrid);
            message = message_of(&one, &len);
            STATUS(hear(&two, message, len), SEALWAX_OK);
            free(message);
            two.source.calls = calls;
            (void)memset(out, 0xcc, sizeof out);
            status = sealwax_handshake_write(&two.handshake, &two.party, &two.random, NULL, 0, out,
                                             sizeof out, &len);
            CLAIM((status == SEALWAX_OK) || (kit_untouched_or_wiped(out, sizeof out)));
            wipe(&one);
            wipe(&two);
        }
        STATUS(status, SEALWAX_OK);
        CLAIM(calls > 1);
    }
}

static void a_wrong_call_is_refused_and_does_nothing(void)
{
    sealwax_party party;
    uint8_t buffer[SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN];
    uint8_t is_duplicate = 0;
    size_t len = 0;
    size_t at;
    sealwax_random hollow = {NULL, NULL};
    sealwax_handshake_description described;
    sealwax_session_description session_described;
    sealwax_record opened;
    side one;
    side two;
    pair(&one, &two, SEALWAX_PATTERN_IK, SEALWAX_MODE_DATAGRAM, 0);
    STATUS(sealwax_peer_key(NULL, buffer), BAD);
    STATUS(sealwax_peer_key(buffer, NULL), BAD);
    STATUS(sealwax_peer_key(buffer, &buffer[31]), BAD);

    /* Twice, and before. */
    STATUS(sealwax_handshake_begin(&one.handshake, &one.party), STATE);
    STATUS(sealwax_handshake_begin(NULL, &one.party), BAD);
    STATUS(sealwax_handshake_wipe(NULL), SEALWAX_OK);
    STATUS(sealwax_session_wipe(NULL), SEALWAX_OK);
    STATUS(sealwax_handshake_wipe(&one.handshake), SEALWAX_OK);
    STATUS(sealwax_handshake_wipe(&one.handshake), SEALWAX_OK);
    STATUS(sealwax_handshake_describe(&one.handshake, &described), STATE);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0, buffer,
                                   sizeof buffer, &len),
           STATE);
    STATUS(hear(&one, buffer, 10), STATE);
    STATUS(sealwax_handshake_finish(&one.handshake, NULL, 0, &one.session), STATE);
    STATUS(sealwax_handshake_begin(&one.handshake, NULL), BAD);

    /* Parties that do not fit together. */
    for (at = 0; at < 16U; at++) {
        party = one.party;
        switch (at) {
        case 0: party.role = 0; break;
        case 1: party.role = 3; break;
        case 2: party.pattern = 0; break;
        case 3: party.pattern = 6; break;
        case 4: party.mode = 0; break;
        case 5: party.suite = 3; break;
        case 6: party.hybrid = 2; break;
        case 7: party.reserved[2] = 1; break;
        case 8: party.psk = psk; break;
        case 9: party.private_key = NULL; break;
        case 10: party.peer_count = SEALWAX_MAX_PEERS + 1U; break;
        case 11: party.peers = NULL; break;
        case 12: party.prologue = NULL; break;
        case 13: party.prologue_len = SIZE_MAX; break;
        case 14: party.pattern = SEALWAX_PATTERN_NNPSK0; break;
        default: party.peer_count = 0; party.accept = NULL; break;
        }
        STATUS(sealwax_handshake_begin(&one.handshake, &party), BAD);
    }
    STATUS(sealwax_handshake_begin(&one.handshake, &one.party), SEALWAX_OK);

    /* NULL, lengths, overlap, another party. */
    STATUS(sealwax_handshake_write(NULL, &one.party, &one.random, NULL, 0, buffer, 999, &len), BAD);
    STATUS(sealwax_handshake_write(&one.handshake, NULL, &one.random, NULL, 0, buffer, 999, &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, NULL, NULL, 0, buffer, 999, &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &hollow, NULL, 0, buffer, 999, &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 1, buffer, 999,
                                   &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, buffer, SIZE_MAX,
                                   buffer, 999, &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0, NULL, 999,
                                   &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0, buffer,
                                   SIZE_MAX, &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0, buffer, 999,
                                   NULL),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0,
                                   (uint8_t *)&one.handshake, 999, &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0,
                                   one.private_key, 999, &len),
           BAD);
    party = one.party;
    party.mode = SEALWAX_MODE_STREAM;
    STATUS(sealwax_handshake_write(&one.handshake, &party, &one.random, NULL, 0, buffer, 999, &len),
           BAD);
    STATUS(sealwax_handshake_write(&two.handshake, &two.party, &two.random, NULL, 0, buffer, 999,
                                   &len),
           STATE);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, NULL, 10, buffer, 999, &len,
                                  &is_duplicate),
           BAD);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, buffer, SIZE_MAX, buffer, 999, &len,
                                  &is_duplicate),
           BAD);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, buffer, 100, &buffer[50], 999, &len,
                                  &is_duplicate),
           BAD);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, NULL, 0, buffer, 999, &len, NULL),
           BAD);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, NULL, 0, buffer, 999, NULL,
                                  &is_duplicate),
           BAD);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, NULL, 0, buffer, 999, &len,
                                  &is_duplicate),
           SEALWAX_ERROR_FORMAT);
    STATUS(hear(&one, buffer, 100), STATE);
    STATUS(sealwax_handshake_describe(&one.handshake, NULL), BAD);
    STATUS(sealwax_handshake_finish(&one.handshake, NULL, 0, &one.session), STATE);

    /* Sessions that are none, and theirs. */
    STATUS(sealwax_session_seal(&one.session, 0, NULL, 0, NULL, 0, buffer, 999, &len), STATE);
    STATUS(sealwax_session_rekey(&one.session), STATE);
    STATUS(sealwax_session_describe(&one.session, 0, &session_described), STATE);
    shake(&one, &two);
    STATUS(sealwax_handshake_finish(&one.handshake, NULL, 0, NULL), BAD);
    finish(&one, &two, NULL);
    STATUS(sealwax_handshake_finish(&one.handshake, NULL, 0, &two.session), STATE);
    say(&one, &two, "a word");
    STATUS(sealwax_session_seal(NULL, 0, NULL, 0, NULL, 0, buffer, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, NULL, 1, NULL, 0, buffer, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, SIZE_MAX, NULL, 0, buffer, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, &buffer[SEALWAX_RECORD_HEADER_LEN], SIZE_MAX, NULL,
                                0, buffer, 999, &len),
           BAD);
    STATUS(sealwax_session_seal(&one.session, 0, &buffer[12], 20, NULL, 0, buffer, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, NULL, 1, buffer, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, image, 257, buffer, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, NULL, 0, NULL, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, NULL, 0, buffer, SIZE_MAX, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, NULL, 0, buffer, 999, NULL), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, NULL, 0, NULL, 0, &len), SHORT);
    STATUS(sealwax_session_seal_padded(&one.session, 0, image, 1, 0, NULL, 0, buffer, 999, &len),
           BAD);
    STATUS(sealwax_session_seal_padded(&one.session, 0, image, 1, SIZE_MAX, NULL, 0, buffer, 999,
                                       &len),
           SEALWAX_ERROR_LIMIT);
    STATUS(sealwax_session_open(&two.session, 0, NULL, 30, NULL, 0, buffer, 999, &len, &opened),
           BAD);
    STATUS(sealwax_session_open(&two.session, 0, image, SIZE_MAX, NULL, 0, buffer, 999, &len,
                                &opened),
           BAD);
    STATUS(sealwax_session_open(&two.session, 0, buffer, 100, NULL, 0, &buffer[14], 999, &len,
                                &opened),
           BAD);
    STATUS(sealwax_session_open(&two.session, 0, image, 40, NULL, 0, buffer, 999, &len, NULL), BAD);
    STATUS(sealwax_session_open(&two.session, 0, image, 40, NULL, 0, buffer, 999, NULL, &opened),
           BAD);
    STATUS(sealwax_session_close(&one.session, 0, NULL, 0, &len), SHORT);
    STATUS(sealwax_session_close(&one.session, 0, NULL, 30, &len), BAD);
    STATUS(sealwax_session_request_rekey(&one.session, 0, buffer, 999, NULL), BAD);
    STATUS(sealwax_session_rekey(NULL), BAD);
    STATUS(sealwax_session_describe(&one.session, 0, NULL), BAD);
    say(&one, &two, "nothing of it did anything");
    wipe(&one);
    wipe(&two);
    STATUS(sealwax_session_seal(&one.session, 0, NULL, 0, NULL, 0, buffer, 999, &len), STATE);
    CLAIM(sealwax_handshake_size() == sizeof(sealwax_handshake));
    CLAIM(sealwax_session_size() == sizeof(sealwax_session));
}

int main(void)
{
    every_pattern_ends_in_a_session();
    contexts_travel_and_accept_decides();
    an_identity_takes_part_while_its_state_lets_it();
    bad_messages_change_nothing_in_datagram_mode();
    a_random_source_that_fails_ends_the_call();
    a_wrong_call_is_refused_and_does_nothing();
    return kit_end();
}
