/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * sealwax: envelope encryption and key management. Made from bindings/c/src by cbindgen; do not
 * edit.
 *
 * C99, and usable from C++11. docs/c-api.md is the manual, docs/format.md the format.
 *
 * Every function returns a status, 0 or a negative number, but for those that cannot fail. A length
 * follows its pointer, and outputs come last. An input may be NULL where its length is 0, an output
 * where its size is 0; other pointers only where it is said. A buffer overlaps another only where
 * it is said; a call that finds an overlap, a NULL or a misaligned pointer returns
 * SEALWAX_ERROR_INVALID_ARGUMENT and does nothing. Outputs are written on success; after an error
 * they are as they were, or wiped. The library has no global state, takes no heap without
 * SEALWAX_HOSTED, and calls nothing but the callbacks that it is given and the memory functions of
 * the C library.
 *
 * Contexts belong to the caller: zero before the first use, one thread at a time except where it is
 * said, wiped at the end. A context that is used before or after, or while another call changes it,
 * gives SEALWAX_ERROR_BAD_STATE. What is not found out: a call that loads, changes or wipes a
 * context while another reads it, from a callback or an interrupt handler too; and, on processors
 * without compare-and-swap (ARMv6-M), a second core, or a thread that runs unprivileged, in a
 * context that is in use.
 *
 * Define SEALWAX_HOSTED for what needs an operating system, SEALWAX_X_WING and SEALWAX_TRANSIT
 * where the archive was built with them: SEALWAX_X_WING also says how large a sealwax_handshake is.
 */
#ifndef SEALWAX_H
#define SEALWAX_H


#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define SEALWAX_KEYSET_INIT sealwax_keyset()
#define SEALWAX_OPENING_INIT sealwax_opening()
#define SEALWAX_SEALING_INIT sealwax_sealing()
#define SEALWAX_HANDSHAKE_INIT sealwax_handshake()
#define SEALWAX_SESSION_INIT sealwax_session()
#else
/* A sealwax_keyset before its first use. */
#define SEALWAX_KEYSET_INIT {{0}}
/* A sealwax_opening before its first use. */
#define SEALWAX_OPENING_INIT {{0}}
/* A sealwax_sealing before its first use. */
#define SEALWAX_SEALING_INIT {{0}}
/* A sealwax_handshake before its first use. */
#define SEALWAX_HANDSHAKE_INIT {{0}}
/* A sealwax_session before its first use. */
#define SEALWAX_SESSION_INIT {{0}}
#endif

/**
 * Longest encoded context, in bytes.
 */
#define SEALWAX_CONTEXT_MAX_LEN 32768

/**
 * Bytes that an entry takes besides its name and its value.
 */
#define SEALWAX_CONTEXT_ENTRY_OVERHEAD 3

#if defined(SEALWAX_HOSTED)
/**
 * Length of a share's string, in bytes.
 */
#define SEALWAX_SHARE_LEN 103
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Most recipients of an envelope.
 */
#define SEALWAX_MAX_RECIPIENTS 64
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A file that exists is replaced, at once, when the new one is complete.
 */
#define SEALWAX_REPLACE 1
#endif

#if defined(SEALWAX_HOSTED)
/**
 * X25519 is allowed beside stronger recipients, and a passphrase beside others (format.md 5.8).
 */
#define SEALWAX_DANGER_MIX_RECIPIENTS 2
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A rewrap that has no room copies the file.
 */
#define SEALWAX_GROW 4
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Recipients of the file that are not among the keys are removed by a rewrap.
 */
#define SEALWAX_REMOVE_OTHERS 8
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A symmetric key of suite 1, AES-256-GCM.
 */
#define SEALWAX_ALGORITHM_COBBLESTONE_256 1
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A symmetric key of suite 2, ChaCha20-Poly1305.
 */
#define SEALWAX_ALGORITHM_CHACHA20_POLY1305 2
#endif

#if defined(SEALWAX_HOSTED)
/**
 * An X25519 key pair.
 */
#define SEALWAX_ALGORITHM_X25519 3
#endif

#if defined(SEALWAX_HOSTED)
/**
 * An X-Wing key pair: ML-KEM-768 with X25519.
 */
#define SEALWAX_ALGORITHM_X_WING 4
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Length of a keyset's fingerprint, in bytes.
 */
#define SEALWAX_KEYSET_FINGERPRINT_LEN 16
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A version that is made and not yet in use.
 */
#define SEALWAX_STATE_PRE_ACTIVE 1
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A version that opens, and seals if it is the primary.
 */
#define SEALWAX_STATE_ACTIVE 2
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A version that does nothing for now.
 */
#define SEALWAX_STATE_SUSPENDED 3
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A version that only opens.
 */
#define SEALWAX_STATE_DEACTIVATED 4
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A version that somebody else may have.
 */
#define SEALWAX_STATE_COMPROMISED 5
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A version whose secret is gone.
 */
#define SEALWAX_STATE_DESTROYED 6
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Length of the key that a provider wraps, in bytes.
 */
#define SEALWAX_PROVIDED_KEY_LEN 32
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Room for what a provider makes of a key, in bytes.
 */
#define SEALWAX_PROVIDER_BLOB_MAX_LEN 32768
#endif

#if defined(SEALWAX_HOSTED)
/**
 * The keyset file is readable by whoever can read the file.
 */
#define SEALWAX_STORE_UNPROTECTED 1
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Usage is counted in this process alone, for keyset files that cannot be written beside.
 */
#define SEALWAX_STORE_COUNT_IN_MEMORY 2
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A usage file that does not verify is replaced at the next writing, and its counters are lost.
 */
#define SEALWAX_STORE_REPLACE_BAD_USAGE 4
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A pre-active version becomes active, and the primary.
 */
#define SEALWAX_MOVE_ACTIVATE 1
#endif

#if defined(SEALWAX_HOSTED)
/**
 * An active version is taken out of use, for now.
 */
#define SEALWAX_MOVE_SUSPEND 2
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A suspended version is put back into use.
 */
#define SEALWAX_MOVE_RESUME 3
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A version no longer seals, for good.
 */
#define SEALWAX_MOVE_DEACTIVATE 4
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Somebody else may have a version: it neither seals nor opens any more.
 */
#define SEALWAX_MOVE_MARK_COMPROMISED 5
#endif

/**
 * Size of a sealwax_keyset, in bytes.
 */
#define SEALWAX_KEYSET_SIZE 96

/**
 * Size of a sealwax_key_version, in bytes.
 */
#define SEALWAX_KEY_VERSION_SIZE 96

/**
 * Length of a keyset's id and of a device key's id, in bytes.
 */
#define SEALWAX_ID_LEN 16

/**
 * Length of a device key, in bytes.
 */
#define SEALWAX_DEVICE_KEY_LEN 32

/**
 * Length of an X25519 public key, in bytes.
 */
#define SEALWAX_X25519_PUBLIC_KEY_LEN 32

/**
 * The versions of a keyset are symmetric keys.
 */
#define SEALWAX_FAMILY_SYMMETRIC 1

/**
 * The versions of a keyset are key pairs: it is an identity.
 */
#define SEALWAX_FAMILY_PAIRS 2

/**
 * Size of a sealwax_opening, in bytes.
 */
#define SEALWAX_OPENING_SIZE 512

/**
 * Bytes that a chunk is longer than its plaintext.
 */
#define SEALWAX_CHUNK_OVERHEAD 16

/**
 * Longest start of an envelope that is looked at: header, salt and commitment, in bytes.
 */
#define SEALWAX_FRONT_MAX_LEN 2048

/**
 * Length of a kept progress, in bytes.
 */
#define SEALWAX_PROGRESS_LEN 168

/**
 * Length of the buffer of sealwax_opening_open_mapped, in bytes.
 */
#define SEALWAX_PIECE_LEN 512

/**
 * Length of a SHA-256 digest, in bytes.
 */
#define SEALWAX_DIGEST_LEN 32

/**
 * The envelope must store sealwax.counter, not below `min_counter`.
 */
#define SEALWAX_REQUIRE_COUNTER 1

/**
 * The plaintext is not hashed: only sealwax_opening_finish_unsigned can end the opening.
 */
#define SEALWAX_WITHOUT_DIGEST 2

/**
 * Opened through a version of a keyset.
 */
#define SEALWAX_VIA_KEYSET 1

/**
 * Opened through an X25519 key pair: says nothing about who sealed.
 */
#define SEALWAX_VIA_X25519 3

/**
 * Opened through an X-Wing key pair: says nothing about who sealed.
 */
#define SEALWAX_VIA_X_WING 4

/**
 * Opened through a device key.
 */
#define SEALWAX_VIA_DEVICE_KEY 5

/**
 * Size of a sealwax_sealing, in bytes.
 */
#define SEALWAX_SEALING_SIZE 96

/**
 * Suite 1, AES-256-GCM: only where the build has it.
 */
#define SEALWAX_SUITE_COBBLESTONE_256 1

/**
 * Suite 2, ChaCha20-Poly1305.
 */
#define SEALWAX_SUITE_CHACHA20_POLY1305 2

/**
 * A message: one slot, without room for another recipient.
 */
#define SEALWAX_PLACE_MEMORY 0

/**
 * A file: two slots with room, so that it can be rewrapped in place.
 */
#define SEALWAX_PLACE_FILE 1

/**
 * Length of an X-Wing public key, in bytes.
 */
#define SEALWAX_X_WING_PUBLIC_KEY_LEN 1216

/**
 * It was done.
 */
#define SEALWAX_OK 0

/**
 * This build was made without that part of the format.
 */
#define SEALWAX_ERROR_NOT_SUPPORTED -134

/**
 * The program passed something that is never right: NULL, overlapping buffers, a length that
 * cannot be.
 */
#define SEALWAX_ERROR_INVALID_ARGUMENT -135

/**
 * A context is not in the state for this call, or the state or times of a key forbid it.
 */
#define SEALWAX_ERROR_BAD_STATE -137

/**
 * An output buffer is too short. Nothing was written to it.
 */
#define SEALWAX_ERROR_BUFFER_TOO_SMALL -138

/**
 * No key given is one that the input was sealed for.
 */
#define SEALWAX_ERROR_UNKNOWN_KEY -140

/**
 * The random source failed. Outputs are wiped or untouched.
 */
#define SEALWAX_ERROR_RANDOM -148

/**
 * A check made with a key in hand failed: wrong key, wrong context and changed bytes are one
 * answer.
 */
#define SEALWAX_ERROR_DECRYPT -149

/**
 * The bytes are not what docs/format.md allows.
 */
#define SEALWAX_ERROR_FORMAT -153

/**
 * A limit of the format or of the caller would be passed.
 */
#define SEALWAX_ERROR_LIMIT -1001

/**
 * The input ends too early.
 */
#define SEALWAX_ERROR_TRUNCATED -1002

/**
 * A key provider did not do its part.
 */
#define SEALWAX_ERROR_PROVIDER -1003

/**
 * The operating system refused, or a read, write or release callback did.
 */
#define SEALWAX_ERROR_IO -1004

/**
 * Bytes that a token is longer than its plaintext.
 */
#define SEALWAX_TOKEN_OVERHEAD 77

/**
 * Longest plaintext of a token, in bytes.
 */
#define SEALWAX_TOKEN_MAX_PLAINTEXT_LEN 65536

#if ((defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT)) && (defined(SEALWAX_HOSTED) || defined(SEALWAX_X_WING)))
/**
 * Size of a sealwax_handshake, in bytes.
 */
#define SEALWAX_HANDSHAKE_SIZE 1560
#endif

#if ((defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT)) && !(defined(SEALWAX_HOSTED) || defined(SEALWAX_X_WING)))
/**
 * Size of a sealwax_handshake, in bytes.
 */
#define SEALWAX_HANDSHAKE_SIZE 312
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Longest context in a handshake message, in its encoding, in bytes.
 */
#define SEALWAX_HANDSHAKE_MAX_CONTEXT_LEN 1024
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Longest handshake message, in bytes, with X-Wing and the longest context. Without X-Wing it is
 * 1216 bytes shorter.
 */
#define SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN 2342
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * This side writes the next message.
 */
#define SEALWAX_NEXT_WRITE 1
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * The other side does.
 */
#define SEALWAX_NEXT_READ 2
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * All messages were exchanged: sealwax_handshake_finish.
 */
#define SEALWAX_NEXT_FINISH 3
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * The session was taken.
 */
#define SEALWAX_NEXT_NOTHING 4
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * It failed.
 */
#define SEALWAX_NEXT_FAILED 5
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Length of a session that is kept over a restart, in bytes.
 */
#define SEALWAX_KEPT_SESSION_LEN 220
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Length of a static key of a handshake, public or private, in bytes.
 */
#define SEALWAX_PEER_KEY_LEN 32
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Length of a handshake's pre-shared key, in bytes.
 */
#define SEALWAX_PSK_LEN 32
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Most static keys of one's own that a responder answers with.
 */
#define SEALWAX_MAX_OWN_KEYS 4
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Most peers that are pinned.
 */
#define SEALWAX_MAX_PEERS 16
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Both send their static keys: three messages, nobody needs to know anything before.
 */
#define SEALWAX_PATTERN_XX 1
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * The initiator knows the responder's static key: two messages.
 */
#define SEALWAX_PATTERN_IK 2
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Both know each other's static keys: two messages.
 */
#define SEALWAX_PATTERN_KK 3
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * No static keys, only a pre-shared key: two messages.
 */
#define SEALWAX_PATTERN_NNPSK0 4
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * IK with a pre-shared key beside the static keys.
 */
#define SEALWAX_PATTERN_IKPSK2 5
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Bytes arrive in order or not at all; every failure is final.
 */
#define SEALWAX_MODE_STREAM 1
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Messages may be lost, repeated, reordered and made up; those that fail change nothing.
 */
#define SEALWAX_MODE_DATAGRAM 2
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * This side writes the first message.
 */
#define SEALWAX_ROLE_INITIATOR 1
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * This side answers it.
 */
#define SEALWAX_ROLE_RESPONDER 2
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Size of a sealwax_session, in bytes.
 */
#define SEALWAX_SESSION_SIZE 712
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Bytes of a record before its data.
 */
#define SEALWAX_RECORD_HEADER_LEN 13
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Bytes that a record is longer than its data.
 */
#define SEALWAX_RECORD_OVERHEAD 29
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Most data in a record, padding included, in bytes.
 */
#define SEALWAX_RECORD_MAX_PLAINTEXT_LEN 16384
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Most associated data of a record, in bytes.
 */
#define SEALWAX_RECORD_MAX_ASSOCIATED_LEN 256
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Length of a rekey request, in bytes.
 */
#define SEALWAX_REKEY_REQUEST_LEN 33
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * The record carried data.
 */
#define SEALWAX_CONTENT_DATA 1
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * It ended the peer's direction: nothing follows it.
 */
#define SEALWAX_CONTENT_CLOSE 2
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * The peer asks for other keys; the session answers by itself.
 */
#define SEALWAX_CONTENT_REKEY_REQUEST 3
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Nothing: the peer keeps the path open.
 */
#define SEALWAX_CONTENT_EMPTY 4
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A backup: the bytes of its file, and those of its shares that are at hand. The library owns it;
 * free it with sealwax_backup_free, which wipes it. Any number of threads may read one at once;
 * adding a share and freeing it need it alone.
 */
typedef struct sealwax_backup sealwax_backup;
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A key of any kind: a keyset, a passphrase, a device key, a public key, or a provider's key. The
 * library owns it; free it with sealwax_key_free, which wipes it. Any number of threads may use
 * one at once; changing and freeing it need it alone.
 */
typedef struct sealwax_key sealwax_key;
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A keyset and the file that it lives in. The library owns it; free it with sealwax_store_free.
 * Any number of threads may use one at once; freeing it needs it alone.
 */
typedef struct sealwax_store sealwax_store;
#endif

#if defined(SEALWAX_HOSTED)
/**
 * What a share of a backup says about itself. Nothing of it is secret.
 */
typedef struct sealwax_share_description {
  /**
   * Its number, from 1 on.
   */
  uint8_t number;
  /**
   * How many shares open the backup.
   */
  uint8_t threshold;
  /**
   * How many shares there are.
   */
  uint8_t share_count;
  /**
   * 0.
   */
  uint8_t reserved;
  /**
   * The id of the backup.
   */
  uint8_t backup[16];
} sealwax_share_description;
#endif

#if defined(SEALWAX_HOSTED)
/**
 * What an envelope says about itself. Nothing of it is authenticated.
 */
typedef struct sealwax_envelope_description {
  /**
   * The header's length.
   */
  uint64_t header_len;
  /**
   * The epoch of the key block.
   */
  uint32_t epoch;
  /**
   * Bytes of plaintext in a full chunk.
   */
  uint32_t chunk_len;
  /**
   * How many recipients it has.
   */
  uint32_t recipient_count;
  /**
   * The suite.
   */
  uint8_t suite;
  /**
   * 1: data; 2: a keyset.
   */
  uint8_t kind;
  /**
   * How many slots the key block has.
   */
  uint8_t slots;
  /**
   * 0.
   */
  uint8_t reserved;
  /**
   * Its id.
   */
  uint8_t id[16];
} sealwax_envelope_description;
#endif

#if defined(SEALWAX_HOSTED)
/**
 * What a recipient entry names.
 */
typedef struct sealwax_recipient_description {
  /**
   * The type of the entry (format.md 5.1).
   */
  uint8_t kind;
  /**
   * 0.
   */
  uint8_t reserved[3];
  /**
   * Of a keyset: its version; otherwise 0.
   */
  uint32_t version;
  /**
   * The id of a keyset or of a device key, or the 8 bytes of a fingerprint; zeros otherwise.
   */
  uint8_t id[16];
} sealwax_recipient_description;
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Hears that `done` of `total` bytes are finished. Returns 0 to go on, anything else to stop: the
 * call then ends with SEALWAX_ERROR_IO, and there is no new file.
 *
 * It is called from threads of the library's too, by one at a time; `done` never falls. `context`
 * is what the options say.
 */
typedef int32_t (*sealwax_progress)(void *context, uint64_t done, uint64_t total);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * How envelopes are sealed and opened. Zero everywhere but the keys is a good choice.
 */
typedef struct sealwax_options {
  /**
   * What to seal for or to open with: `key_count` keys.
   */
  const struct sealwax_key *const *keys;
  /**
   * How many.
   */
  size_t key_count;
  /**
   * Sealing: encoded context that travels readable. Otherwise there is none: what must be stored
   * is given in `external`. May be NULL.
   */
  const uint8_t *stored;
  /**
   * Its length.
   */
  size_t stored_len;
  /**
   * Sealing: encoded context that does not travel. Opening: entries that are expected; those
   * that are stored must be equal (format.md 2.5). May be NULL.
   */
  const uint8_t *external;
  /**
   * Its length.
   */
  size_t external_len;
  /**
   * Files: hears of the progress, and may stop the job. May be NULL.
   */
  sealwax_progress progress;
  /**
   * Passed to `progress`. May be NULL.
   */
  void *progress_context;
  /**
   * Threads for files; 0: as many as there are cores.
   */
  size_t threads;
  /**
   * Opening: a key block with a lower epoch is refused.
   */
  uint32_t min_epoch;
  /**
   * SEALWAX_REPLACE, SEALWAX_DANGER_MIX_RECIPIENTS, SEALWAX_GROW, SEALWAX_REMOVE_OTHERS, or 0.
   */
  uint32_t flags;
  /**
   * Sealing: SEALWAX_SUITE_COBBLESTONE_256, SEALWAX_SUITE_CHACHA20_POLY1305, or 0: the first
   * key's own.
   */
  uint8_t suite;
  /**
   * Sealing: base-2 logarithm of the chunk length, or 0: the suite's default.
   */
  uint8_t log2chunk;
  /**
   * 0.
   */
  uint8_t reserved[6];
} sealwax_options;
#endif

/**
 * What a loaded keyset is.
 */
typedef struct sealwax_keyset_description {
  /**
   * Its revision.
   */
  uint64_t revision;
  /**
   * The id of the version that seals; 0 where there is none.
   */
  uint32_t primary;
  /**
   * How many versions it has, destroyed ones included.
   */
  uint32_t version_count;
  /**
   * Its id.
   */
  uint8_t id[16];
  /**
   * SEALWAX_FAMILY_SYMMETRIC or SEALWAX_FAMILY_PAIRS.
   */
  uint8_t family;
  /**
   * 0.
   */
  uint8_t reserved[7];
} sealwax_keyset_description;

#if defined(SEALWAX_HOSTED)
/**
 * What a version of a keyset is. Times are seconds since 1970-01-01T00:00:00Z.
 */
typedef struct sealwax_version_description {
  /**
   * When it was made; 0 where nobody knew.
   */
  uint64_t created;
  /**
   * From when on it may be used; 0: from the beginning.
   */
  uint64_t activate_at;
  /**
   * From when on it no longer seals; 0: never.
   */
  uint64_t deactivate_at;
  /**
   * Its id.
   */
  uint32_t id;
  /**
   * One of SEALWAX_ALGORITHM_.
   */
  uint8_t algorithm;
  /**
   * One of SEALWAX_STATE_.
   */
  uint8_t state;
  /**
   * 0.
   */
  uint8_t reserved[2];
} sealwax_version_description;
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Has a provider encrypt `key_len` bytes under a key of its own.
 *
 * It writes what comes back to `out`, at most `out_size` bytes, their number to `out_len`, and
 * returns 0; anything else stops the call with SEALWAX_ERROR_PROVIDER. `key` is a secret, of which
 * it keeps nothing. `context` is what the call was given.
 */
typedef int32_t (*sealwax_provider_wrap)(void *context,
                                         const uint8_t *key,
                                         size_t key_len,
                                         uint8_t *out,
                                         size_t out_size,
                                         size_t *out_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Has a provider decrypt `blob_len` bytes, which nothing has authenticated.
 *
 * It writes the key to `out`, at most `out_size` bytes, their number to `out_len`, and returns 0;
 * anything else stops the call with SEALWAX_ERROR_PROVIDER. `context` is what the call was given.
 */
typedef int32_t (*sealwax_provider_unwrap)(void *context,
                                           const uint8_t *blob,
                                           size_t blob_len,
                                           uint8_t *out,
                                           size_t out_size,
                                           size_t *out_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * How a keyset file is protected, and how its usage is counted.
 */
typedef struct sealwax_store_options {
  /**
   * What the file is sealed for and opened with: `key_count` keys, which may be freed before the
   * store. None only with SEALWAX_STORE_UNPROTECTED.
   */
  const struct sealwax_key *const *keys;
  /**
   * How many.
   */
  size_t key_count;
  /**
   * A file of a lower revision is refused: it was put back. 0: any that the usage file allows.
   */
  uint64_t min_revision;
  /**
   * Messages that are leased at once; 0: 2^20. More cost fewer writes; after a crash the
   * counters are too high by so many.
   */
  uint64_t lease_messages;
  /**
   * Bytes that are leased at once; 0: 2^36.
   */
  uint64_t lease_bytes;
  /**
   * SEALWAX_STORE_UNPROTECTED, SEALWAX_STORE_COUNT_IN_MEMORY, SEALWAX_STORE_REPLACE_BAD_USAGE,
   * or 0.
   */
  uint32_t flags;
  /**
   * 0.
   */
  uint32_t reserved;
} sealwax_store_options;
#endif

#if defined(SEALWAX_HOSTED)
/**
 * What a version was used for, by all processes.
 */
typedef struct sealwax_version_usage {
  /**
   * Messages sealed: tokens, and data keys wrapped. What is leased counts as used until it is
   * given back.
   */
  uint64_t messages;
  /**
   * Bytes of plaintext in them.
   */
  uint64_t bytes;
  /**
   * Tokens that named the version and did not open.
   */
  uint64_t failed_opens;
  /**
   * The version.
   */
  uint32_t version;
  /**
   * 0.
   */
  uint32_t reserved;
} sealwax_version_usage;
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Reads up to `out_size` bytes into `out`. Returns how many, 0 at the end, or a negative number to
 * stop.
 */
typedef int64_t (*sealwax_read)(void *context, uint8_t *out, size_t out_size);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes all of `bytes_len` bytes. Returns 0, or anything else to stop.
 */
typedef int32_t (*sealwax_write)(void *context, const uint8_t *bytes, size_t bytes_len);
#endif

/**
 * A loaded keyset. The caller owns it; it is zero before its first use: `sealwax_keyset keyset =
 * SEALWAX_KEYSET_INIT;`.
 *
 * It keeps the address of the versions that it was loaded into, so these stay where they are until
 * it is wiped. It may itself be moved. Any number of threads may use a loaded keyset at once;
 * loading and wiping need it alone.
 */
typedef struct sealwax_keyset {
  uint64_t opaque[12];
} sealwax_keyset;

/**
 * Room for one version of a keyset.
 */
typedef struct sealwax_key_version {
  uint64_t opaque[12];
} sealwax_key_version;

/**
 * What a program expects of the keyset that it loads.
 */
typedef struct sealwax_expected_keyset {
  /**
   * SEALWAX_ID_LEN bytes: another id is refused. NULL: any.
   */
  const uint8_t *id;
  /**
   * A lower revision is refused. 0: any. Only a revision kept elsewhere finds an older keyset
   * put back.
   */
  uint64_t min_revision;
} sealwax_expected_keyset;

/**
 * A clock.
 *
 * `now` writes the seconds since 1970-01-01T00:00:00Z to `seconds` and returns 0; anything else
 * says that the time is not known. `context` is passed to `now` as it is.
 */
typedef struct sealwax_clock {
  /**
   * Tells the time. Not NULL.
   */
  int32_t (*now)(void *context, uint64_t *seconds);
  /**
   * Passed to `now`. May be NULL.
   */
  void *context;
} sealwax_clock;

/**
 * An envelope being opened. The caller owns it; it is zero before its first use: `sealwax_opening
 * opening = SEALWAX_OPENING_INIT;`. It holds keys: wipe it. It may be moved while no call uses it.
 */
typedef struct sealwax_opening {
  uint64_t opaque[64];
} sealwax_opening;

/**
 * What must be true of an envelope. Zero everywhere asks for nothing.
 */
typedef struct sealwax_requirements {
  /**
   * Encoded context: entries that must be stored in the envelope with these values, such as
   * purpose and device. May be NULL.
   */
  const uint8_t *stored;
  /**
   * Its length.
   */
  size_t stored_len;
  /**
   * Encoded context: entries that do not travel with the envelope. May be NULL.
   */
  const uint8_t *external;
  /**
   * Its length.
   */
  size_t external_len;
  /**
   * With SEALWAX_REQUIRE_COUNTER: an image with a lower counter is refused. Without it: 0.
   */
  uint64_t min_counter;
  /**
   * A key block with a lower epoch is refused.
   */
  uint32_t min_epoch;
  /**
   * SEALWAX_REQUIRE_COUNTER, SEALWAX_WITHOUT_DIGEST, or 0.
   */
  uint32_t flags;
} sealwax_requirements;

/**
 * Takes a released piece: `piece_len` bytes of plaintext at `offset` in its chunk. Returns 0, or
 * anything else to stop.
 */
typedef int32_t (*sealwax_release)(void *context,
                                   size_t offset,
                                   const uint8_t *piece,
                                   size_t piece_len);

/**
 * What an opening is and how far it came. Nothing of it is secret. All of it is authenticated, but
 * for `next_chunk` and `ended` after sealwax_opening_resume: those are the record's.
 */
typedef struct sealwax_opening_description {
  /**
   * The image's counter; 0 where it has none.
   */
  uint64_t counter;
  /**
   * The number of the chunk whose turn it is.
   */
  uint64_t next_chunk;
  /**
   * Bytes of plaintext in a full chunk.
   */
  uint32_t chunk_len;
  /**
   * The epoch of the key block.
   */
  uint32_t epoch;
  /**
   * The version that opened it; 0 for a device key.
   */
  uint32_t version;
  /**
   * SEALWAX_VIA_KEYSET, _X25519, _X_WING or _DEVICE_KEY.
   */
  uint8_t opened_via;
  /**
   * 1 where it has a counter.
   */
  uint8_t has_counter;
  /**
   * 1 where the last chunk was opened.
   */
  uint8_t ended;
  /**
   * 0.
   */
  uint8_t reserved;
  /**
   * The id of the keyset, or of the device key.
   */
  uint8_t id[16];
} sealwax_opening_description;

/**
 * An envelope being sealed. The caller owns it; it is zero before its first use: `sealwax_sealing
 * sealing = SEALWAX_SEALING_INIT;`. It holds keys: wipe it. It must not be copied: two copies
 * would use a nonce twice.
 */
typedef struct sealwax_sealing {
  uint64_t opaque[12];
} sealwax_sealing;

/**
 * What an envelope will be. Zero everywhere is a message without context, in the recipient's own
 * suite.
 */
typedef struct sealwax_plan {
  /**
   * Encoded context that travels readable, authenticated. May be NULL.
   */
  const uint8_t *stored;
  /**
   * Its length.
   */
  size_t stored_len;
  /**
   * Encoded context that does not travel: whoever opens gives it again. May be NULL.
   */
  const uint8_t *external;
  /**
   * Its length.
   */
  size_t external_len;
  /**
   * SEALWAX_SUITE_COBBLESTONE_256, SEALWAX_SUITE_CHACHA20_POLY1305, or 0: the recipient's own,
   * or the build's default.
   */
  uint8_t suite;
  /**
   * Base-2 logarithm of the chunk length: 14 in suite 1; 10, 12, 14 or 16 in suite 2; 0: the
   * suite's default.
   */
  uint8_t log2chunk;
  /**
   * SEALWAX_PLACE_MEMORY or SEALWAX_PLACE_FILE.
   */
  uint8_t place;
  /**
   * 0.
   */
  uint8_t reserved;
} sealwax_plan;

/**
 * A random source.
 *
 * `fill` writes `out_len` unpredictable, uniform bytes to `out` and returns 0; anything else says
 * that there is not enough entropy, and the call that asked ends with SEALWAX_ERROR_RANDOM, its
 * outputs wiped or untouched. Bytes must not repeat after a reset: there is no fallback that
 * counts instead, and a source that repeats itself shows plaintexts (format.md 11.8). `context` is
 * passed to `fill` as it is; the library keeps neither.
 */
typedef struct sealwax_random {
  /**
   * Fills `out`. Not NULL.
   */
  int32_t (*fill)(void *context, uint8_t *out, size_t out_len);
  /**
   * Passed to `fill`. May be NULL.
   */
  void *context;
} sealwax_random;

#if ((defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT)) && (defined(SEALWAX_HOSTED) || defined(SEALWAX_X_WING)))
/**
 * A handshake. The caller owns it; it is zero before its first use: `sealwax_handshake handshake =
 * SEALWAX_HANDSHAKE_INIT;`. It holds keys: wipe it. It must not be copied: two copies would use a
 * nonce twice.
 */
typedef struct sealwax_handshake {
  uint64_t opaque[195];
} sealwax_handshake;
#endif

#if ((defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT)) && !(defined(SEALWAX_HOSTED) || defined(SEALWAX_X_WING)))
/**
 * A handshake. The caller owns it; it is zero before its first use: `sealwax_handshake handshake =
 * SEALWAX_HANDSHAKE_INIT;`. It holds keys: wipe it. It must not be copied: two copies would use a
 * nonce twice.
 */
typedef struct sealwax_handshake {
  uint64_t opaque[39];
} sealwax_handshake;
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * The other side of a handshake, once it is known who it is and before anything is answered.
 */
typedef struct sealwax_peer {
  /**
   * Its static key, SEALWAX_PEER_KEY_LEN bytes; NULL where the pattern has none.
   */
  const uint8_t *key;
  /**
   * The encoded context that it sent. NULL where that is empty.
   */
  const uint8_t *context;
  /**
   * Its length.
   */
  size_t context_len;
  /**
   * 1: somebody else may have sent this message once more, and the handshake will not finish for
   * them.
   */
  uint8_t replayable;
  /**
   * 0.
   */
  uint8_t reserved[7];
} sealwax_peer;
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Decides on a peer: 0 takes it, anything else refuses it, and then nothing is answered. What
 * `peer` points to is there until it returns. It must not use the handshake.
 */
typedef int32_t (*sealwax_accept)(void *context, const struct sealwax_peer *peer);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * What one side of a handshake is set to. Pattern, suite, mode, hybrid and prologue are alike on
 * both sides; nothing is negotiated.
 *
 * The caller owns it and all that it points to; the library keeps none of the pointers. Give the
 * same with each call of one handshake.
 */
typedef struct sealwax_party {
  /**
   * SEALWAX_ROLE_...
   */
  uint8_t role;
  /**
   * SEALWAX_PATTERN_...
   */
  uint8_t pattern;
  /**
   * SEALWAX_SUITE_CHACHA20_POLY1305, SEALWAX_SUITE_COBBLESTONE_256, or 0: the first of them.
   */
  uint8_t suite;
  /**
   * SEALWAX_MODE_...
   */
  uint8_t mode;
  /**
   * 1: X-Wing is mixed in, so that what is recorded stays closed to a quantum computer; only
   * where the build has it. 0: X25519 alone.
   */
  uint8_t hybrid;
  /**
   * 0.
   */
  uint8_t reserved[3];
  /**
   * How many keys `peers` has, at most SEALWAX_MAX_PEERS.
   */
  uint32_t peer_count;
  /**
   * What else both sides agree on, such as the name of the program's protocol. May be NULL.
   */
  const uint8_t *prologue;
  /**
   * Its length, at most 65535.
   */
  size_t prologue_len;
  /**
   * Own key pairs: a loaded identity of X25519 keys, of which the primary is shown and every
   * active version is answered with, at most SEALWAX_MAX_OWN_KEYS. NULL where `private_key` is
   * given, or where the pattern has no static keys.
   */
  const struct sealwax_keyset *identity;
  /**
   * An own X25519 private key that is kept without a keyset, SEALWAX_PEER_KEY_LEN bytes. NULL
   * where there is an identity.
   */
  const uint8_t *private_key;
  /**
   * The public keys that are taken, each SEALWAX_PEER_KEY_LEN bytes, one after the other. NULL
   * where there are none: then `accept` alone decides. The initiator of IK, IKpsk2 and KK gives
   * exactly one, the responder of KK at least one.
   */
  const uint8_t *peers;
  /**
   * The pre-shared key of NNpsk0 and IKpsk2, SEALWAX_PSK_LEN bytes. NULL for other patterns.
   */
  const uint8_t *psk;
  /**
   * Asked before anything is answered. May be NULL where peers are pinned or the pattern has no
   * static keys.
   */
  sealwax_accept accept;
  /**
   * Passed to `accept` as it is. May be NULL.
   */
  void *accept_context;
} sealwax_party;
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Where a handshake is.
 */
typedef struct sealwax_handshake_description {
  /**
   * SEALWAX_NEXT_...
   */
  uint8_t next;
  /**
   * 1: `peer_key` is known. Until the handshake is finished, that may be somebody who repeats
   * another's words.
   */
  uint8_t has_peer_key;
  /**
   * 0.
   */
  uint8_t reserved[6];
  /**
   * The other side's static key, or zeros.
   */
  uint8_t peer_key[32];
} sealwax_handshake_description;
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * When a session changes its keys, and when it ends. Zero everywhere is the suite's own limits;
 * they are lowered, never raised.
 */
typedef struct sealwax_limits {
  /**
   * Records before the keys change, at most 2^23. 0: as many.
   */
  uint64_t epoch_records;
  /**
   * Bytes before the keys change, at most 2^36. 0: as many.
   */
  uint64_t epoch_bytes;
  /**
   * Milliseconds before the keys change. 0: an hour.
   */
  uint64_t epoch_ms;
  /**
   * How many milliseconds the keys before the present ones still open. 0: a minute.
   */
  uint64_t previous_ms;
  /**
   * Records that failed to open before the session refuses to go on. 0: the suite's limit.
   */
  uint64_t failed_opens;
  /**
   * Milliseconds before the session asks for a fresh handshake. 0: 24 hours.
   */
  uint64_t handshake_ms;
  /**
   * Milliseconds before it ends. 0: 48 hours, which is the most.
   */
  uint64_t end_ms;
  /**
   * How many records the keys before the present ones still open. 0: 1024.
   */
  uint32_t previous_records;
  /**
   * How many numbers below the highest are still accepted in datagram mode, 64 to 256, on hosts
   * to 8192. 0: 256, on hosts 1024.
   */
  uint16_t window;
  /**
   * 1: the session outlives restarts, in datagram mode, and seals and opens nothing before
   * sealwax_session_reserve. 0: it ends with the power.
   */
  uint8_t is_kept;
  /**
   * 0.
   */
  uint8_t reserved;
} sealwax_limits;
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * A session. The caller owns it; it is zero before its first use: `sealwax_session session =
 * SEALWAX_SESSION_INIT;`. It holds keys: wipe it. It must not be copied: two copies would use a
 * nonce twice.
 */
typedef struct sealwax_session {
  uint64_t opaque[89];
} sealwax_session;
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Writes a kept session to where it outlives a restart, in the place of the one before, and
 * returns 0 when it is there; anything else says that it is not. `kept` is
 * SEALWAX_KEPT_SESSION_LEN bytes, and must not be used for the session that is in use.
 */
typedef int32_t (*sealwax_keep)(void *context, const uint8_t *kept, size_t kept_len);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * A record that was opened.
 */
typedef struct sealwax_record {
  /**
   * Its number in its epoch.
   */
  uint64_t counter;
  /**
   * The epoch that it came in.
   */
  uint32_t epoch;
  /**
   * SEALWAX_CONTENT_...
   */
  uint8_t content;
  /**
   * 0.
   */
  uint8_t reserved[3];
} sealwax_record;
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Where a session is. Nothing of it is secret.
 */
typedef struct sealwax_session_description {
  /**
   * The handshake's hash: the same on both sides and in no other session.
   */
  uint8_t binding[32];
  /**
   * The epoch of the record sealed last.
   */
  uint32_t sending_epoch;
  /**
   * The epoch of the newest record opened.
   */
  uint32_t receiving_epoch;
  /**
   * SEALWAX_ROLE_...
   */
  uint8_t role;
  /**
   * 1: it is time for a fresh handshake.
   */
  uint8_t wants_handshake;
  /**
   * 1: the peer is not heard until it was asked for other keys (sealwax_session_request_rekey).
   */
  uint8_t wants_rekey_request;
  /**
   * 1: this direction was closed.
   */
  uint8_t is_sending_closed;
  /**
   * 1: the peer closed its direction.
   */
  uint8_t is_receiving_closed;
  /**
   * 0: this responder has not heard a record of the initiator's yet, and seals no data before.
   */
  uint8_t is_confirmed;
  /**
   * 0.
   */
  uint8_t reserved[2];
} sealwax_session_description;
#endif

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Puts an entry into an encoded context, wherever its place is: names may come in any order, each
 * once.
 *
 * `context` is the caller's buffer of `context_size` bytes, of which the first `*context_len` are
 * the context so far (0 at first). On success `*context_len` is its new length. `name` is
 * `name_len` bytes of UTF-8 without control characters, 1 to 255, no terminator counted; `value`
 * any bytes, NULL if `value_len` is 0. The buffer's first `*context_len` bytes are what every
 * other function takes as a context.
 *
 * Errors: SEALWAX_ERROR_INVALID_ARGUMENT (NULL, overlap, a name that is not allowed or there
 * already), _BUFFER_TOO_SMALL, _LIMIT (64 entries, 32 KiB), _FORMAT (the buffer holds no context).
 * The buffer and its length are then as they were. Threads: each buffer one at a time. Stack:
 * under 512 bytes.
 */
int32_t sealwax_context_insert(uint8_t *context,
                               size_t context_size,
                               size_t *context_len,
                               const char *name,
                               size_t name_len,
                               const uint8_t *value,
                               size_t value_len);

#if defined(SEALWAX_HOSTED)
/**
 * Makes a backup of a keyset that any `threshold` of `share_count` shares open. Its key is fresh
 * and kept nowhere else.
 *
 * 2 <= `threshold` <= `share_count` <= 64. `*backup` becomes the backup, with its file and all of
 * its shares, which the caller gives out and frees; NULL on errors: SEALWAX_ERROR_INVALID_ARGUMENT
 * (NULL, overlap, not a keyset, other numbers), _LIMIT, _RANDOM. Threads: any number with one
 * keyset. Stack: 96 KiB.
 */
int32_t sealwax_backup_in_shares(const struct sealwax_key *keyset,
                                 uint8_t threshold,
                                 uint8_t share_count,
                                 struct sealwax_backup **backup);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Makes a backup of a keyset that each of `key_count` recovery keys opens: public keys, for
 * example.
 *
 * `*backup` becomes the backup, without shares, which the caller frees; NULL on errors:
 * SEALWAX_ERROR_INVALID_ARGUMENT (NULL, overlap, not a keyset, no key, keys that do not fit
 * together), _BAD_STATE, _LIMIT, _RANDOM. Threads: any number with one keyset. Stack: 96 KiB.
 */
int32_t sealwax_backup_for_keys(const struct sealwax_key *keyset,
                                const struct sealwax_key *const *keys,
                                size_t key_count,
                                struct sealwax_backup **backup);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Takes the bytes of a backup's file, which are copied; they are looked at by
 * sealwax_backup_restore.
 *
 * `*backup` becomes the backup, without shares, which the caller frees; NULL on errors:
 * SEALWAX_ERROR_INVALID_ARGUMENT (NULL, overlap). Threads: any. Stack: 32 KiB.
 */
int32_t sealwax_backup_from_file(const uint8_t *file,
                                 size_t file_len,
                                 struct sealwax_backup **backup);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes the bytes of a backup's file, which opens with its keys or with enough shares only.
 *
 * `*out_len` becomes their number, with SEALWAX_ERROR_BUFFER_TOO_SMALL the number that is needed,
 * with other errors 0. Errors: also _INVALID_ARGUMENT (NULL, overlap). `out` is then untouched.
 * Threads: any number with one backup. Stack: 32 KiB.
 */
int32_t sealwax_backup_file(const struct sealwax_backup *backup,
                            uint8_t *out,
                            size_t out_size,
                            size_t *out_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes the string of a share, `SEALWAX-SHARE-1...`, without a terminator:
 * SEALWAX_SHARE_LEN bytes. It is secret: each goes to its holder, and `out` is overwritten.
 *
 * `index` counts the shares that are at hand, from 0 on. `*out_len` becomes the string's length,
 * with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed, with other errors 0. Errors: also
 * _INVALID_ARGUMENT (NULL, overlap, no such share). `out` is then untouched. Threads: any number
 * with one backup. Stack: 32 KiB.
 */
int32_t sealwax_backup_share(const struct sealwax_backup *backup,
                             size_t index,
                             char *out,
                             size_t out_size,
                             size_t *out_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Adds a share to a backup that is to be restored: its string, `text_len` bytes, in any order.
 *
 * Errors: SEALWAX_ERROR_FORMAT (mistyped), _LIMIT, _INVALID_ARGUMENT (NULL, overlap, not UTF-8);
 * the backup is then as it was. Whether it is a share of this backup is seen when that is
 * restored. Threads: the backup alone. Stack: 32 KiB.
 */
int32_t sealwax_backup_add_share(struct sealwax_backup *backup,
                                 const char *share,
                                 size_t share_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes what a share says about itself: its string, `share_len` bytes.
 *
 * Errors: SEALWAX_ERROR_FORMAT (mistyped), _LIMIT, _INVALID_ARGUMENT (NULL, overlap, not UTF-8);
 * nothing is then written. Threads: any. Stack: 32 KiB.
 */
int32_t sealwax_share_describe(const char *share,
                               size_t share_len,
                               struct sealwax_share_description *description);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Opens a backup: with any of `key_count` keys, public keys' identities among them, or, where
 * `key_count` is 0, with the shares that were added.
 *
 * A public key proves nothing about who made a backup: show what sealwax_key_describe and
 * sealwax_key_fingerprint say to somebody who knows, before the keyset is used;
 * sealwax_store_restore then puts it in place.
 *
 * `*key` becomes the keyset, which the caller frees; NULL on errors: SEALWAX_ERROR_UNKNOWN_KEY
 * (too few shares, or one of another backup; none of the keys), _DECRYPT, _FORMAT (also a forged
 * share), _TRUNCATED, _LIMIT, _BAD_STATE, _INVALID_ARGUMENT (NULL, overlap). Threads: any number
 * with one backup. Stack: 96 KiB.
 */
int32_t sealwax_backup_restore(const struct sealwax_backup *backup,
                               const struct sealwax_key *const *keys,
                               size_t key_count,
                               struct sealwax_key **key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Frees a backup and wipes its shares. NULL is fine. Threads: the backup alone: nobody may be
 * using it. Stack: 32 KiB.
 */
void sealwax_backup_free(struct sealwax_backup *backup);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Reads the header of a sealed file or keyset file. Needs no key, and nothing is authenticated.
 *
 * `recipients` is room for `recipient_room` descriptions, of which the first ones are written;
 * `stored` is room for `stored_size` bytes of encoded context. `*stored_len` becomes its length.
 *
 * Errors: SEALWAX_ERROR_BUFFER_TOO_SMALL (the stored context: `*stored_len` bytes are needed),
 * _IO, _FORMAT, _TRUNCATED, _LIMIT, _INVALID_ARGUMENT (NULL, overlap). `recipients` are then wiped
 * or untouched, and nothing else is written. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_inspect_path(const char *file,
                             struct sealwax_envelope_description *description,
                             struct sealwax_recipient_description *recipients,
                             size_t recipient_room,
                             uint8_t *stored,
                             size_t stored_size,
                             size_t *stored_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Seals a regular file into another, which appears under its name when it is complete.
 *
 * `source` and `target` are paths, zero-terminated. `options` says what for; at least one key.
 *
 * Errors: SEALWAX_ERROR_IO (also a target that exists without SEALWAX_REPLACE), _INVALID_ARGUMENT
 * (NULL, no key, keys that do not fit together), _BAD_STATE, _LIMIT, _FORMAT, _RANDOM. There is
 * then no new file, and a file that was there is untouched. Threads: any; it starts threads of its
 * own and joins them. Stack: 96 KiB.
 */
int32_t sealwax_seal_path(const struct sealwax_options *options,
                          const char *source,
                          const char *target);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Opens a sealed file into another, which appears under its name when all of it is verified.
 *
 * As sealwax_seal_path, with no stored context: SEALWAX_ERROR_INVALID_ARGUMENT where there is one.
 * Errors: also SEALWAX_ERROR_UNKNOWN_KEY, _DECRYPT, _TRUNCATED. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_open_path(const struct sealwax_options *options,
                          const char *source,
                          const char *target);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Reads and verifies all of a sealed file, and writes nothing.
 *
 * Errors: as sealwax_open_path; SEALWAX_ERROR_DECRYPT where any of it is damaged. Threads: any.
 * Stack: 96 KiB.
 */
int32_t sealwax_verify_path(const struct sealwax_options *options, const char *source);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Rewraps a sealed file in place: the keysets among the keys get an entry for their primary
 * version instead of an older one, and `added` becomes a recipient, if it is not NULL. The payload
 * and its data key stay: rewrap revokes nobody (format.md 11.4).
 *
 * The keys open the file. With SEALWAX_REMOVE_OTHERS recipients that are none of them go.
 * `*changed` becomes 1 where something was written, else 0. Everybody who rewraps the file must
 * honour the advisory lock on it.
 *
 * Errors: SEALWAX_ERROR_IO, _LIMIT (no room, without SEALWAX_GROW), _FORMAT, _TRUNCATED,
 * _UNKNOWN_KEY, _DECRYPT, _BAD_STATE, _INVALID_ARGUMENT (also a stored context), _RANDOM. The file
 * is then as it was, or opens as it did before. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_rewrap_path(const struct sealwax_options *options,
                            const struct sealwax_key *added,
                            const char *file,
                            uint32_t *changed);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Seals an envelope in memory.
 *
 * `*out_len` becomes its length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed, with other
 * errors 0. Errors: also as sealwax_seal_path, but _IO. `out` overlaps nothing, and is wiped or
 * untouched then. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_seal_message(const struct sealwax_options *options,
                             const uint8_t *plaintext,
                             size_t plaintext_len,
                             uint8_t *out,
                             size_t out_size,
                             size_t *out_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Opens an envelope in memory. Nothing is written unless every chunk is verified.
 *
 * As sealwax_seal_message, with no stored context: SEALWAX_ERROR_INVALID_ARGUMENT where there is
 * one. Errors: also SEALWAX_ERROR_UNKNOWN_KEY, _DECRYPT, _TRUNCATED. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_open_message(const struct sealwax_options *options,
                             const uint8_t *envelope,
                             size_t envelope_len,
                             uint8_t *out,
                             size_t out_size,
                             size_t *out_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Makes a keyset with one fresh version.
 *
 * `name` is `name_len` bytes of UTF-8, 1 to 64; `algorithm` one of SEALWAX_ALGORITHM_. `*key`
 * becomes the keyset, which the caller frees; NULL on errors: SEALWAX_ERROR_INVALID_ARGUMENT
 * (NULL, overlap, a name that is not allowed), _FORMAT (no such algorithm), _RANDOM. Threads: any.
 * Stack: 96 KiB.
 */
int32_t sealwax_key_generate_keyset(const char *name,
                                    size_t name_len,
                                    uint8_t algorithm,
                                    struct sealwax_key **key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Loads a keyset file.
 *
 * `file` is a path, zero-terminated. `protection` is the key that the file is sealed for, a
 * passphrase for example; NULL says that the file is unprotected, and then a protected one is
 * refused, as an unprotected one is where a key is given.
 *
 * `*key` becomes the keyset, which the caller frees; NULL on errors: SEALWAX_ERROR_IO, _FORMAT
 * (also another protection than expected), _TRUNCATED, _LIMIT, _UNKNOWN_KEY, _DECRYPT,
 * _INVALID_ARGUMENT. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_key_load_keyset(const char *file,
                                const struct sealwax_key *protection,
                                struct sealwax_key **key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Reads a keyset file that is in memory: as sealwax_key_load_keyset. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_key_parse_keyset(const uint8_t *blob,
                                 size_t blob_len,
                                 const struct sealwax_key *protection,
                                 struct sealwax_key **key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes a keyset to a new file with mode 0600; a file that exists is never overwritten.
 *
 * `protection` as in sealwax_key_load_keyset; a public key is allowed too, for backups. Errors:
 * SEALWAX_ERROR_IO (also a file that exists), _INVALID_ARGUMENT (NULL, not a keyset), _BAD_STATE,
 * _RANDOM. There is then no new file. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_key_save_keyset(const struct sealwax_key *key,
                                const char *file,
                                const struct sealwax_key *protection);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Adds a fresh version to a keyset in memory and makes it the primary. The older ones go on
 * opening.
 *
 * Errors: SEALWAX_ERROR_INVALID_ARGUMENT (NULL, not a keyset, an algorithm that its policy does
 * not allow), _BAD_STATE (it is a store's, which sealwax_store_rotate changes, or a store's file
 * is sealed for it), _FORMAT (no such algorithm), _RANDOM; the keyset is then as it was. Threads:
 * the keyset alone. Stack: 96 KiB.
 */
int32_t sealwax_key_rotate(struct sealwax_key *key, uint8_t algorithm);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A passphrase: `passphrase_len` bytes of UTF-8, 1 to 65,536, which are copied.
 *
 * `*key` becomes the key, which the caller frees; NULL on errors: SEALWAX_ERROR_INVALID_ARGUMENT
 * (NULL, empty, not UTF-8), _LIMIT. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_key_from_passphrase(const char *passphrase,
                                    size_t passphrase_len,
                                    struct sealwax_key **key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A device key: SEALWAX_ID_LEN bytes of id and SEALWAX_DEVICE_KEY_LEN uniformly random bytes,
 * which are copied.
 *
 * `*key` becomes the key, which the caller frees; NULL on errors: SEALWAX_ERROR_INVALID_ARGUMENT
 * (NULL). Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_key_from_device_key(const uint8_t *device_key_id,
                                    const uint8_t *device_key,
                                    struct sealwax_key **key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A public key from its recipient string, `sealwaxpub1...`, `text_len` bytes.
 *
 * `*key` becomes the key, which seals and does not open, and which the caller frees; NULL on
 * errors: SEALWAX_ERROR_FORMAT (mistyped), _LIMIT, _INVALID_ARGUMENT. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_key_from_recipient(const char *text, size_t text_len, struct sealwax_key **key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * An identity from its string, `SEALWAX-SECRET-1...`, `text_len` bytes.
 *
 * `*key` becomes the keyset of key pairs, which the caller frees; NULL on errors:
 * SEALWAX_ERROR_FORMAT (mistyped), _LIMIT, _INVALID_ARGUMENT. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_key_from_identity(const char *text, size_t text_len, struct sealwax_key **key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes the recipient string of an identity or of a public key, without a terminator.
 *
 * `*out_len` becomes its length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed, with other
 * errors 0. Errors: also _INVALID_ARGUMENT (NULL, overlap, a key without a public one),
 * _BAD_STATE. Threads: any number with one key. Stack: 96 KiB.
 */
int32_t sealwax_key_recipient(const struct sealwax_key *key,
                              char *out,
                              size_t out_size,
                              size_t *out_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Seals a token under a keyset's primary version: as sealwax_token_seal, with the system's random
 * source.
 *
 * Threads: any number with one keyset. Stack: 32 KiB.
 */
int32_t sealwax_key_seal_token(const struct sealwax_key *key,
                               const uint8_t *context,
                               size_t context_len,
                               const uint8_t *plaintext,
                               size_t plaintext_len,
                               uint8_t *out,
                               size_t out_size,
                               size_t *out_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Opens a token with a keyset: as sealwax_token_open. Threads: any number with one keyset. Stack:
 * 32 KiB.
 */
int32_t sealwax_key_open_token(const struct sealwax_key *key,
                               const uint8_t *context,
                               size_t context_len,
                               const uint8_t *token,
                               size_t token_len,
                               uint8_t *out,
                               size_t out_size,
                               size_t *out_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Frees a key and wipes its secrets; where a store uses them, with that store. NULL is fine.
 * Threads: the key alone: nobody may be using it. Stack: 96 KiB.
 */
void sealwax_key_free(struct sealwax_key *key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes what a keyset is. Nothing of it is secret.
 *
 * Errors: SEALWAX_ERROR_INVALID_ARGUMENT (NULL, overlap, not a keyset); nothing is then written.
 * Threads: any number with one key. Stack: 16 KiB.
 */
int32_t sealwax_key_describe(const struct sealwax_key *key,
                             struct sealwax_keyset_description *description);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes what the versions of a keyset are, in ascending order of their ids.
 *
 * `versions` is room for `version_room` descriptions. `*version_count` becomes their number, with
 * SEALWAX_ERROR_BUFFER_TOO_SMALL the number that is needed, with other errors 0. Errors: also
 * _INVALID_ARGUMENT (NULL, overlap, not a keyset). `versions` is then zero or untouched. Threads:
 * any number with one key. Stack: 16 KiB.
 */
int32_t sealwax_key_versions(const struct sealwax_key *key,
                             struct sealwax_version_description *versions,
                             size_t version_room,
                             size_t *version_count);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes the fingerprint of a keyset, by which people compare what they restored
 * (format.md 8.6b): SEALWAX_KEYSET_FINGERPRINT_LEN bytes, which are not secret.
 *
 * Errors: SEALWAX_ERROR_INVALID_ARGUMENT (NULL, overlap, not a keyset), _BAD_STATE (the process
 * forked since it was loaded); nothing is then written. Threads: any number with one key. Stack:
 * 16 KiB.
 */
int32_t sealwax_key_fingerprint(const struct sealwax_key *key, uint8_t *out);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A provider's key as a recipient of one envelope: draws a fresh key and has `wrap` wrap it, once,
 * before this call returns.
 *
 * `provider` is `provider_len` bytes of UTF-8 without control characters, 1 to 255; `key_name`
 * `key_name_len`, 1 to 2,048: they travel readable, and whoever opens names them. `*key` becomes a
 * key that seals and does not open, which the caller frees; NULL on errors: SEALWAX_ERROR_PROVIDER
 * (`wrap` stopped, or gave nothing or too much), _RANDOM, _INVALID_ARGUMENT (NULL, overlap, a name
 * that is not allowed). Threads: any. Stack: 96 KiB, and what `wrap` uses.
 */
int32_t sealwax_key_wrapped_by_provider(const char *provider,
                                        size_t provider_len,
                                        const char *key_name,
                                        size_t key_name_len,
                                        sealwax_provider_wrap wrap,
                                        void *wrap_context,
                                        struct sealwax_key **key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A key for one envelope, in memory, that was sealed for a provider's key: finds the entry with
 * these names and has `unwrap` unwrap it, once, before this call returns.
 *
 * `envelope` is an envelope of `envelope_len` bytes, or its beginning with at least all of the
 * header. Names as in sealwax_key_wrapped_by_provider; of several entries with these names the
 * first counts. A key that is not SEALWAX_PROVIDED_KEY_LEN bytes long will not open (format.md
 * 5.6). `*key` becomes a key that opens, which the caller frees; NULL on errors:
 * SEALWAX_ERROR_UNKNOWN_KEY (there is no such entry), _PROVIDER (`unwrap` stopped), _FORMAT,
 * _TRUNCATED, _LIMIT (the header), _INVALID_ARGUMENT (NULL, overlap, a name that is not allowed).
 * Threads: any. Stack: 96 KiB, and what `unwrap` uses.
 */
int32_t sealwax_key_unwrapped_by_provider(const uint8_t *envelope,
                                          size_t envelope_len,
                                          const char *provider,
                                          size_t provider_len,
                                          const char *key_name,
                                          size_t key_name_len,
                                          sealwax_provider_unwrap unwrap,
                                          void *unwrap_context,
                                          struct sealwax_key **key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * A key for one sealed file or keyset file: as sealwax_key_unwrapped_by_provider.
 *
 * `file` is a path, zero-terminated. Errors: also SEALWAX_ERROR_IO. Threads: any. Stack: 96 KiB,
 * and what `unwrap` uses.
 */
int32_t sealwax_key_unwrapped_by_provider_for_path(const char *file,
                                                   const char *provider,
                                                   size_t provider_len,
                                                   const char *key_name,
                                                   size_t key_name_len,
                                                   sealwax_provider_unwrap unwrap,
                                                   void *unwrap_context,
                                                   struct sealwax_key **key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes a new keyset file, with mode 0600, and opens it. A file that exists is never overwritten.
 *
 * `file` is a path, zero-terminated; `keyset` a keyset, of which the store has its own copy.
 * `*store` becomes the store, which the caller frees; NULL on errors: SEALWAX_ERROR_IO (also a
 * file that exists), _INVALID_ARGUMENT (NULL, overlap, not a keyset, neither keys nor
 * SEALWAX_STORE_UNPROTECTED, or both), _BAD_STATE (also a usage file that is not this keyset's),
 * _FORMAT, _TRUNCATED, _LIMIT (a usage file), _RANDOM. There is then no new file. Threads: any.
 * Stack: 96 KiB.
 */
int32_t sealwax_store_create(const char *file,
                             const struct sealwax_key *keyset,
                             const struct sealwax_store_options *options,
                             struct sealwax_store **store);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Opens a keyset file.
 *
 * As sealwax_store_create, of a file that is there. Errors: SEALWAX_ERROR_IO, _FORMAT (also
 * another protection than expected), _TRUNCATED, _LIMIT, _UNKNOWN_KEY, _DECRYPT, _BAD_STATE (the
 * file was put back; the usage file was changed), _INVALID_ARGUMENT. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_store_open(const char *file,
                           const struct sealwax_store_options *options,
                           struct sealwax_store **store);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes a keyset that was restored from a backup, and opens it: as the revision that follows all
 * that were seen (format.md 8.8b).
 *
 * As sealwax_store_create. The counters of the usage file go on, if it is still there; without it
 * they begin anew, too low: rotate. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_store_restore(const char *file,
                              const struct sealwax_key *keyset,
                              const struct sealwax_store_options *options,
                              struct sealwax_store **store);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Looks at the file now, and writes what the keyset is. Without this call the file is looked at
 * once a second, where the store is used.
 *
 * Errors: as sealwax_store_open; the keyset that is in use stays in use, and nothing is written.
 * Threads: any number with one store. Stack: 96 KiB.
 */
int32_t sealwax_store_refresh(const struct sealwax_store *store,
                              struct sealwax_keyset_description *description);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Gives out the newest revision as a key, for envelopes and tokens, with what it seals counted by
 * the store.
 *
 * Ask again for each job: whoever keeps a revision gets SEALWAX_ERROR_BAD_STATE some time after it
 * was rotated elsewhere. `*key` becomes a keyset, which the caller frees and which may live longer
 * than the store; NULL on errors: _INVALID_ARGUMENT (NULL, overlap). Threads: any number with one
 * store. Stack: 96 KiB.
 */
int32_t sealwax_store_keyset(const struct sealwax_store *store, struct sealwax_key **key);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Seals a token under the newest revision: as sealwax_key_seal_token.
 *
 * Errors: also those of sealwax_store_rotate, because once in many messages a lease is taken.
 * Threads: any number with one store. Stack: 96 KiB.
 */
int32_t sealwax_store_seal_token(const struct sealwax_store *store,
                                 const uint8_t *context,
                                 size_t context_len,
                                 const uint8_t *plaintext,
                                 size_t plaintext_len,
                                 uint8_t *out,
                                 size_t out_size,
                                 size_t *out_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Opens a token with the newest revision: as sealwax_key_open_token. Threads: any number with one
 * store. Stack: 96 KiB.
 */
int32_t sealwax_store_open_token(const struct sealwax_store *store,
                                 const uint8_t *context,
                                 size_t context_len,
                                 const uint8_t *token,
                                 size_t token_len,
                                 uint8_t *out,
                                 size_t out_size,
                                 size_t *out_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Adds a fresh version and makes it the primary, in the file. The older ones go on opening.
 *
 * `algorithm` is one of SEALWAX_ALGORITHM_, or 0: that of the primary. `*version` becomes the new
 * version's id; 0 on errors: SEALWAX_ERROR_IO, _INVALID_ARGUMENT (NULL, overlap, an algorithm that
 * the policy does not allow, a file that is sealed for somebody whose key the store has not),
 * _BAD_STATE (the file or the usage file was put back or changed), _UNKNOWN_KEY, _DECRYPT,
 * _FORMAT, _TRUNCATED, _LIMIT, _RANDOM. The file is then as it was; where the usage file alone
 * could not be written, it is changed. Threads: any number with one store; other processes wait.
 * Stack: 96 KiB.
 */
int32_t sealwax_store_rotate(const struct sealwax_store *store,
                             uint8_t algorithm,
                             uint32_t *version);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Rotates if policy, times or limits want it.
 *
 * As sealwax_store_rotate; `*version` becomes 0 where it was not due. Threads: any number with one
 * store. Stack: 96 KiB.
 */
int32_t sealwax_store_rotate_if_due(const struct sealwax_store *store, uint32_t *version);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Adds a fresh version that is not yet in use: once every reader has it, SEALWAX_MOVE_ACTIVATE
 * makes it the primary.
 *
 * As sealwax_store_rotate. Threads: any number with one store. Stack: 96 KiB.
 */
int32_t sealwax_store_prepare(const struct sealwax_store *store,
                              uint8_t algorithm,
                              uint32_t *version);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Changes the state of a version, in the file (format.md 7.1).
 *
 * `change` is one of SEALWAX_MOVE_. `reason` is `reason_len` bytes of UTF-8 without control
 * characters, up to 255, kept in the keyset; NULL if `reason_len` is 0.
 *
 * Errors: as sealwax_store_rotate; _UNKNOWN_KEY (no such version), _BAD_STATE (its state has no
 * such move), _INVALID_ARGUMENT (no such change, a reason that is not allowed). The file is then
 * as there. Threads: any number with one store. Stack: 96 KiB.
 */
int32_t sealwax_store_change_state(const struct sealwax_store *store,
                                   uint32_t version,
                                   uint8_t change,
                                   const char *reason,
                                   size_t reason_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Wipes a version's secret, in the file, without a census: whatever still depends on it is lost
 * for good, and the caller knows it.
 *
 * As sealwax_store_change_state; the primary is refused with SEALWAX_ERROR_BAD_STATE: rotate
 * first. Copies of the file hold the secret still. Threads: any number with one store. Stack: 96
 * KiB.
 */
int32_t sealwax_store_danger_destroy_without_census(const struct sealwax_store *store,
                                                    uint32_t version,
                                                    const char *reason,
                                                    size_t reason_len);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Sets from when on a version may be used and from when on it no longer seals, in the file:
 * seconds since 1970-01-01T00:00:00Z, 0 for no limit. Times only restrict (format.md 7.2).
 *
 * Errors: as sealwax_store_rotate; _UNKNOWN_KEY (no such version), _BAD_STATE (it is destroyed),
 * _INVALID_ARGUMENT (the end is not after the beginning). The file is then as there. Threads: any
 * number with one store. Stack: 96 KiB.
 */
int32_t sealwax_store_schedule(const struct sealwax_store *store,
                               uint32_t version,
                               uint64_t activate_at,
                               uint64_t deactivate_at);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Seals the keyset file for others from now on: `key_count` keys, or none and `flags` is
 * SEALWAX_STORE_UNPROTECTED. It is a new revision. Older copies of the file still open with the
 * older keys.
 *
 * Errors: as sealwax_store_rotate; _INVALID_ARGUMENT (keys that do not fit together, other flags).
 * The file is then as there. Threads: any number with one store. Stack: 96 KiB.
 */
int32_t sealwax_store_protect(const struct sealwax_store *store,
                              const struct sealwax_key *const *keys,
                              size_t key_count,
                              uint32_t flags);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes what each version was used for, in ascending order of their ids; versions that were not
 * used may be missing.
 *
 * `usages` is room for `usage_room` of them. `*usage_count` becomes their number, with
 * SEALWAX_ERROR_BUFFER_TOO_SMALL the number that is needed, with other errors 0. Errors: also _IO,
 * _FORMAT, _TRUNCATED, _LIMIT (the usage file), _BAD_STATE (it was changed, put back or taken
 * away), those of sealwax_store_refresh, _INVALID_ARGUMENT (NULL, overlap). `usages` is then zero
 * or untouched. Threads: any number with one store. Stack: 96 KiB.
 */
int32_t sealwax_store_usage(const struct sealwax_store *store,
                            struct sealwax_version_usage *usages,
                            size_t usage_room,
                            size_t *usage_count);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Writes the newest backup that was recorded: its revision, and when it was made, in seconds since
 * 1970-01-01T00:00:00Z. Both are 0 where none was; the time is 0 where nobody knew it.
 *
 * Errors: as sealwax_store_usage; nothing is then written. Threads: any number with one store.
 * Stack: 96 KiB.
 */
int32_t sealwax_store_backed_up(const struct sealwax_store *store,
                                uint64_t *revision,
                                uint64_t *at);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Records that a backup of this revision was made, at `at` seconds since 1970-01-01T00:00:00Z; 0:
 * nobody knows. Where a newer one was recorded, that stays.
 *
 * Errors: as sealwax_store_rotate; _INVALID_ARGUMENT (a revision that never was). The usage file
 * is then as it was. Threads: any number with one store. Stack: 96 KiB.
 */
int32_t sealwax_store_record_backup(const struct sealwax_store *store,
                                    uint64_t revision,
                                    uint64_t at);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Gives back what was leased and not used, and records failed opens. sealwax_store_free does it
 * too, and does not say where it failed.
 *
 * Errors: as sealwax_store_rotate: the counters are then too high. Threads: any number with one
 * store. Stack: 96 KiB.
 */
int32_t sealwax_store_release(const struct sealwax_store *store);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Frees a store, and wipes its keyset once the keys that sealwax_store_keyset gave out are freed
 * too. NULL is fine. Threads: the store alone: nobody may be using it. Stack: 96 KiB.
 */
void sealwax_store_free(struct sealwax_store *store);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Seals what `read` gives until its end, and writes the envelope to `write`.
 *
 * Each callback gets its context as it is; neither may use the keys' files. What was written
 * before an error is an envelope that every reader refuses as truncated.
 *
 * Errors: SEALWAX_ERROR_IO (a callback stopped), _INVALID_ARGUMENT (NULL, no key, keys that do not
 * fit together), _BAD_STATE, _LIMIT, _FORMAT, _RANDOM. Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_seal_stream(const struct sealwax_options *options,
                            sealwax_read read,
                            void *read_context,
                            sealwax_write write,
                            void *write_context);
#endif

#if defined(SEALWAX_HOSTED)
/**
 * Opens the envelope that `read` gives, and writes its plaintext to `write`.
 *
 * Every byte that is written is verified; only SEALWAX_OK says that the plaintext is complete
 * (format.md 11.6).
 *
 * Errors: as sealwax_seal_stream, and SEALWAX_ERROR_UNKNOWN_KEY, _DECRYPT, _TRUNCATED,
 * _INVALID_ARGUMENT (a stored context). Threads: any. Stack: 96 KiB.
 */
int32_t sealwax_open_stream(const struct sealwax_options *options,
                            sealwax_read read,
                            void *read_context,
                            sealwax_write write,
                            void *write_context);
#endif

/**
 * Loads an unprotected keyset blob: symmetric keys, for tokens and envelopes.
 *
 * `versions` is room for `version_count` versions, which the keyset uses until it is wiped;
 * `*needed` becomes the number of versions in the blob as soon as that is known, else 0.
 * `expected` may be NULL. Nothing authenticates the blob: whoever can change it chooses the keys.
 * It may be overwritten afterwards.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE (the keyset is loaded, or was not zero), _FORMAT, _TRUNCATED,
 * _LIMIT (the blob), _DECRYPT (another id), _BAD_STATE (also a lower revision), _BUFFER_TOO_SMALL
 * (`*needed` versions are needed), _NOT_SUPPORTED (a suite that this build has not),
 * _INVALID_ARGUMENT (NULL, overlap, a keyset of key pairs). The versions are then wiped and the
 * keyset is zero. Threads: the keyset alone. Stack: 2 KiB.
 */
int32_t sealwax_keyset_load(struct sealwax_keyset *keyset,
                            struct sealwax_key_version *versions,
                            size_t version_count,
                            const uint8_t *blob,
                            size_t blob_len,
                            const struct sealwax_expected_keyset *expected,
                            size_t *needed);

/**
 * Loads a keyset file that is sealed under a device key: symmetric keys, for tokens and envelopes.
 *
 * As sealwax_keyset_load, but for: `device_key_id` (SEALWAX_ID_LEN bytes) and `device_key`
 * (SEALWAX_DEVICE_KEY_LEN bytes), which are not kept; `scratch`, at least as long as the blob and
 * apart from it, in which the file is opened and which is wiped before the call returns.
 *
 * Errors: also SEALWAX_ERROR_UNKNOWN_KEY (not sealed under that key), _DECRYPT (changed, or
 * another key of that id), _BUFFER_TOO_SMALL (also the scratch; `*needed` is then 0). Threads: the
 * keyset alone. Stack: 3 KiB.
 */
int32_t sealwax_keyset_load_sealed(struct sealwax_keyset *keyset,
                                   struct sealwax_key_version *versions,
                                   size_t version_count,
                                   const uint8_t *blob,
                                   size_t blob_len,
                                   const uint8_t *device_key_id,
                                   const uint8_t *device_key,
                                   const struct sealwax_expected_keyset *expected,
                                   uint8_t *scratch,
                                   size_t scratch_size,
                                   size_t *needed);

/**
 * Loads an unprotected keyset blob of key pairs: an identity, for envelopes sealed to its public
 * keys.
 *
 * As sealwax_keyset_load, with symmetric keys refused. Computes the public keys, which takes one
 * X25519 for each version. Threads: the identity alone. Stack: 4 KiB; with X-Wing keys see
 * docs/c-api.md.
 */
int32_t sealwax_identity_load(struct sealwax_keyset *identity,
                              struct sealwax_key_version *versions,
                              size_t version_count,
                              const uint8_t *blob,
                              size_t blob_len,
                              const struct sealwax_expected_keyset *expected,
                              size_t *needed);

/**
 * Loads a keyset file of key pairs that is sealed under a device key.
 *
 * As sealwax_keyset_load_sealed and sealwax_identity_load. Threads: the identity alone. Stack: 4
 * KiB; with X-Wing keys see docs/c-api.md.
 */
int32_t sealwax_identity_load_sealed(struct sealwax_keyset *identity,
                                     struct sealwax_key_version *versions,
                                     size_t version_count,
                                     const uint8_t *blob,
                                     size_t blob_len,
                                     const uint8_t *device_key_id,
                                     const uint8_t *device_key,
                                     const struct sealwax_expected_keyset *expected,
                                     uint8_t *scratch,
                                     size_t scratch_size,
                                     size_t *needed);

/**
 * Gives a loaded keyset a clock, or with NULL takes it away.
 *
 * Without one the stored states of versions alone count, and a version with times does not seal
 * (format.md 7.2). The clock's callback and context are copied and used until the keyset is wiped.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE, _INVALID_ARGUMENT (NULL where it is not allowed). Threads: the
 * keyset alone. Stack: under 256 bytes.
 */
int32_t sealwax_keyset_set_clock(struct sealwax_keyset *keyset, const struct sealwax_clock *clock);

/**
 * Writes what a loaded keyset is. Nothing of it is secret.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE, _INVALID_ARGUMENT (NULL, overlap); nothing is then written.
 * Threads: any number. Stack: under 256 bytes.
 */
int32_t sealwax_keyset_describe(const struct sealwax_keyset *keyset,
                                struct sealwax_keyset_description *description);

/**
 * Writes the X25519 public key of an identity's primary version: what others seal to.
 *
 * `out` is SEALWAX_X25519_PUBLIC_KEY_LEN bytes. Errors: SEALWAX_ERROR_BAD_STATE (not loaded, no
 * primary, or its state forbids), _INVALID_ARGUMENT (NULL, overlap, not an X25519 identity);
 * nothing is then written. Threads: any number. Stack: under 512 bytes.
 */
int32_t sealwax_identity_public_key(const struct sealwax_keyset *identity, uint8_t *out);

/**
 * Overwrites a keyset and its versions. NULL is fine, and so is one that was never loaded.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE (another thread is loading or wiping it). Threads: the keyset
 * alone: nobody may be using it. Stack: under 256 bytes.
 */
int32_t sealwax_keyset_wipe(struct sealwax_keyset *keyset);

/**
 * SEALWAX_KEYSET_SIZE, for other languages. Threads: any. Stack: under 64 bytes.
 */
size_t sealwax_keyset_size(void);

/**
 * SEALWAX_KEY_VERSION_SIZE, for other languages. Threads: any. Stack: under 64 bytes.
 */
size_t sealwax_key_version_size(void);

/**
 * Writes how many bytes from the start of an envelope sealwax_opening_begin needs, as far as the
 * bytes given tell.
 *
 * Where `*need` is not above `front_len`, there are enough; otherwise ask again with `*need`
 * bytes. Chunk 0 begins there then. Needs no key, and nothing is authenticated.
 *
 * Errors: SEALWAX_ERROR_FORMAT, _LIMIT (over SEALWAX_FRONT_MAX_LEN), _NOT_SUPPORTED,
 * _INVALID_ARGUMENT (NULL, overlap); `*need` is then 0. Threads: any number. Stack: under 512
 * bytes.
 */
int32_t sealwax_envelope_need(const uint8_t *front, size_t front_len, size_t *need);

/**
 * Begins to open an envelope that was sealed for a keyset.
 *
 * `front` is the start of the envelope, at least as long as sealwax_envelope_need says; it may be
 * mapped memory that changes. Up to SEALWAX_FRONT_MAX_LEN bytes of it are copied to `scratch`,
 * which must be that long or as long as `front`, and only the copy is looked at; `scratch` may be
 * `front` itself. `requirements` may be NULL. Nothing of the payload is opened yet. `*chunks_at`
 * becomes where chunk 0 begins in the envelope.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE (the opening is in use or was not zero; the keyset is not
 * loaded; a version's state or times forbid), _FORMAT (also a counter that is required and
 * absent), _TRUNCATED, _LIMIT (the header), _UNKNOWN_KEY, _DECRYPT (wrong key, changed bytes,
 * wrong context, counter or epoch too low), _NOT_SUPPORTED, _BUFFER_TOO_SMALL (scratch),
 * _INVALID_ARGUMENT (NULL, overlap, unknown flags, a counter without its flag, an identity). The
 * opening is then zero and `*chunks_at` 0. Threads: the opening alone, any number with one keyset.
 * Stack: 4 KiB.
 */
int32_t sealwax_opening_begin(struct sealwax_opening *opening,
                              const struct sealwax_keyset *keyset,
                              const struct sealwax_requirements *requirements,
                              const uint8_t *front,
                              size_t front_len,
                              uint8_t *scratch,
                              size_t scratch_size,
                              size_t *chunks_at);

/**
 * Begins to open an envelope that was sealed under a device key.
 *
 * As sealwax_opening_begin, with `device_key_id` (SEALWAX_ID_LEN bytes) and `device_key`
 * (SEALWAX_DEVICE_KEY_LEN bytes), which are not kept. Threads: the opening alone. Stack: 4 KiB.
 */
int32_t sealwax_opening_begin_with_device_key(struct sealwax_opening *opening,
                                              const uint8_t *device_key_id,
                                              const uint8_t *device_key,
                                              const struct sealwax_requirements *requirements,
                                              const uint8_t *front,
                                              size_t front_len,
                                              uint8_t *scratch,
                                              size_t scratch_size,
                                              size_t *chunks_at);

/**
 * Begins to open an envelope that was sealed to a public key of an identity.
 *
 * As sealwax_opening_begin. A public key is known to anyone, so this says nothing about who sealed
 * (format.md 11.3). Threads: the opening alone, any number with one identity. Stack: 5 KiB; with
 * X-Wing see docs/c-api.md.
 */
int32_t sealwax_opening_begin_with_identity(struct sealwax_opening *opening,
                                            const struct sealwax_keyset *identity,
                                            const struct sealwax_requirements *requirements,
                                            const uint8_t *front,
                                            size_t front_len,
                                            uint8_t *scratch,
                                            size_t scratch_size,
                                            size_t *chunks_at);

/**
 * Opens chunk `index` in its turn: `in` is its ciphertext and tag, `out` gets its plaintext once
 * the tag is verified.
 *
 * Every chunk but the last is full: `chunk_len` bytes of plaintext and SEALWAX_CHUNK_OVERHEAD of
 * tag. `out` needs SEALWAX_CHUNK_OVERHEAD bytes fewer than `in`; it is the same address as `in`,
 * or overlaps nothing. The chunk whose turn it is advances the opening. With
 * SEALWAX_WITHOUT_DIGEST one that was opened before may be opened again, and changes nothing.
 * Otherwise it may not: the digest would vouch for the first and not for what came again. After a
 * failed write to flash write `out` again.
 *
 * `*out_len` becomes the plaintext's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length
 * needed, with other errors 0. Errors: also _DECRYPT (changed bytes; `out` is wiped), _TRUNCATED
 * (under 16 bytes), _BAD_STATE (not begun, a chunk was left out or comes again, or the last was
 * opened before), _INVALID_ARGUMENT (NULL, overlap, longer than a chunk), _LIMIT. The opening
 * stays as it was and can go on. Threads: the opening alone. Stack: 2 KiB.
 */
int32_t sealwax_opening_open_chunk(struct sealwax_opening *opening,
                                   uint64_t index,
                                   const uint8_t *in,
                                   size_t in_len,
                                   uint8_t *out,
                                   size_t out_size,
                                   size_t *out_len);

/**
 * Opens any chunk, in any order and as often as wanted, and changes nothing.
 *
 * As sealwax_opening_open_chunk, but for the order. What it gives is no part of the digest, and
 * sealwax_opening_finish does not vouch for it. Threads: any number with one opening. Stack: 2
 * KiB.
 */
int32_t sealwax_opening_read_chunk(const struct sealwax_opening *opening,
                                   uint64_t index,
                                   const uint8_t *in,
                                   size_t in_len,
                                   uint8_t *out,
                                   size_t out_size,
                                   size_t *out_len);

/**
 * Opens chunk `index` in its turn, of up to 4 KiB, from memory that is mapped and may change, with
 * 512 bytes of RAM.
 *
 * `mapped` is the chunk's ciphertext and tag, which is read twice: the first pass verifies the
 * tag, the second hands each piece of plaintext to `release` only if the authenticator has again
 * the value that it had after that piece. Memory that was changed in between ends the call with
 * SEALWAX_ERROR_DECRYPT before a byte of the changed piece is released; what was released before
 * is a true beginning of the chunk. `buffer` is SEALWAX_PIECE_LEN bytes and is wiped. `release`
 * gets pieces in order, of SEALWAX_PIECE_LEN bytes but for the last, in `buffer`, and
 * `release_context` as it is; it must not use this opening. Turns and repeats are as in
 * sealwax_opening_open_chunk; the chunk counts once all of it was released. Until then it comes
 * again from its first piece, and what was released of it before must be overwritten.
 *
 * Errors: as there, and SEALWAX_ERROR_IO (`release` stopped), _NOT_SUPPORTED (suite 1, larger
 * chunks). The opening stays as it was. Threads: the opening alone. Stack: 2 KiB.
 */
int32_t sealwax_opening_open_mapped(struct sealwax_opening *opening,
                                    uint64_t index,
                                    const uint8_t *mapped,
                                    size_t mapped_len,
                                    uint8_t *buffer,
                                    sealwax_release release,
                                    void *release_context);

/**
 * Writes what an opening is and how far it came.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE (not begun), _INVALID_ARGUMENT (NULL, overlap); nothing is then
 * written. Threads: any number. Stack: under 256 bytes.
 */
int32_t sealwax_opening_describe(const struct sealwax_opening *opening,
                                 struct sealwax_opening_description *description);

/**
 * Writes how far the opening came, to be kept over a power cut: SEALWAX_PROGRESS_LEN bytes.
 *
 * It names the payload by its commitment and holds the running digest, which shows up to 63 bytes
 * of plaintext once the last chunk was opened. A torn write of it is found. Nothing authenticates
 * it: keep it where the opened image is, and trust it as much.
 *
 * Write it once after begin, before the first chunk is put in its place, so that no record of
 * another image outlives the bytes that it speaks of; then after each chunk is in its place. Erase
 * it when the image is complete, and when the place is given to anything else:
 * sealwax_opening_resume does not look at what lies there, and sealwax_opening_finish vouches for
 * what was opened.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE (not begun), _INVALID_ARGUMENT (NULL, overlap); nothing is then
 * written. Threads: any number. Stack: 2 KiB.
 */
int32_t sealwax_opening_progress(const struct sealwax_opening *opening, uint8_t *progress);

/**
 * Goes on where an opening of the same payload stopped: after sealwax_opening_begin, before the
 * first chunk.
 *
 * `progress` is SEALWAX_PROGRESS_LEN bytes that sealwax_opening_progress wrote. Errors:
 * SEALWAX_ERROR_FORMAT (torn, or something else: begin again from chunk 0), _DECRYPT (of another
 * payload: begin again from chunk 0), _BAD_STATE (not begun, a chunk was opened, or only one of
 * both has a digest), _INVALID_ARGUMENT. The opening then stays as it was; before chunk 0 is put
 * in its place, replace the record, as sealwax_opening_progress says. Threads: the opening alone.
 * Stack: 2 KiB.
 */
int32_t sealwax_opening_resume(struct sealwax_opening *opening, const uint8_t *progress);

/**
 * Ends an opening: succeeds only where every chunk was opened in order, the last one too, and the
 * SHA-256 of the plaintext is `digest`, SEALWAX_DIGEST_LEN bytes that the caller took from a
 * manifest whose signature it checked.
 *
 * Errors: SEALWAX_ERROR_TRUNCATED (the last chunk was not opened: the opening can go on), _DECRYPT
 * (another digest: do not use the image), _BAD_STATE (not begun, or begun without a digest),
 * _INVALID_ARGUMENT (NULL). After success and _DECRYPT the opening is zero. Threads: the opening
 * alone. Stack: 2 KiB.
 */
int32_t sealwax_opening_finish(struct sealwax_opening *opening, const uint8_t *digest);

/**
 * Ends an opening without a digest: succeeds only where every chunk was opened in order, the last
 * one too.
 *
 * An envelope does not say who made it: whoever has the keyset or device key can make one, and
 * anyone can seal to a public key. For images use sealwax_opening_finish.
 *
 * Errors: SEALWAX_ERROR_TRUNCATED (the last chunk was not opened: the opening can go on),
 * _BAD_STATE (not begun), _INVALID_ARGUMENT (NULL). After success the opening is zero. Threads:
 * the opening alone. Stack: under 256 bytes.
 */
int32_t sealwax_opening_finish_unsigned(struct sealwax_opening *opening);

/**
 * Overwrites an opening. NULL is fine, and so is one that was never begun.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE (another thread is using it). Threads: the opening alone. Stack:
 * under 256 bytes.
 */
int32_t sealwax_opening_wipe(struct sealwax_opening *opening);

/**
 * SEALWAX_OPENING_SIZE, for other languages. Threads: any. Stack: under 64 bytes.
 */
size_t sealwax_opening_size(void);

/**
 * Begins to seal an envelope for a keyset: writes its header, salt and commitment, after which the
 * chunks follow.
 *
 * `plan` may be NULL. `out` overlaps nothing. The data key, the envelope's id and the salts come
 * from `random`.
 *
 * `*out_len` becomes the length written, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed,
 * with other errors 0. Errors: also _BAD_STATE (the sealing is in use or was not zero; the keyset
 * is not loaded, has no primary, or its state or times forbid), _RANDOM, _LIMIT, _FORMAT (a
 * context that is not encoded), _NOT_SUPPORTED, _INVALID_ARGUMENT (NULL, overlap, a plan that does
 * not fit together, a reserved context name). `out` is then wiped or untouched, and the sealing
 * zero. Threads: the sealing alone, any number with one keyset. Stack: 3 KiB.
 */
int32_t sealwax_sealing_begin(struct sealwax_sealing *sealing,
                              const struct sealwax_keyset *keyset,
                              const struct sealwax_plan *plan,
                              const struct sealwax_random *random,
                              uint8_t *out,
                              size_t out_size,
                              size_t *out_len);

/**
 * Begins to seal an envelope under a device key.
 *
 * As sealwax_sealing_begin, with `device_key_id` (SEALWAX_ID_LEN bytes) and `device_key`
 * (SEALWAX_DEVICE_KEY_LEN bytes), which are not kept. Threads: the sealing alone. Stack: 3 KiB.
 */
int32_t sealwax_sealing_begin_with_device_key(struct sealwax_sealing *sealing,
                                              const uint8_t *device_key_id,
                                              const uint8_t *device_key,
                                              const struct sealwax_plan *plan,
                                              const struct sealwax_random *random,
                                              uint8_t *out,
                                              size_t out_size,
                                              size_t *out_len);

/**
 * Begins to seal an envelope to an X25519 public key, SEALWAX_X25519_PUBLIC_KEY_LEN bytes.
 *
 * As sealwax_sealing_begin. Whoever has a quantum computer later can open it. Errors: also
 * SEALWAX_ERROR_FORMAT for a public key that is not safe. Threads: the sealing alone. Stack: 5
 * KiB.
 */
int32_t sealwax_sealing_begin_for_x25519(struct sealwax_sealing *sealing,
                                         const uint8_t *public_key,
                                         const struct sealwax_plan *plan,
                                         const struct sealwax_random *random,
                                         uint8_t *out,
                                         size_t out_size,
                                         size_t *out_len);

#if defined(SEALWAX_X_WING)
/**
 * Begins to seal an envelope to an X-Wing public key, SEALWAX_X_WING_PUBLIC_KEY_LEN bytes.
 *
 * As sealwax_sealing_begin_for_x25519, and it stays closed to a quantum computer. Threads: the
 * sealing alone. Stack: see docs/c-api.md.
 */
int32_t sealwax_sealing_begin_for_x_wing(struct sealwax_sealing *sealing,
                                         const uint8_t *public_key,
                                         const struct sealwax_plan *plan,
                                         const struct sealwax_random *random,
                                         uint8_t *out,
                                         size_t out_size,
                                         size_t *out_len);
#endif

/**
 * Seals the next piece: a full one (the chunk length), or a shorter one, which may be empty and is
 * the last.
 *
 * `out` needs SEALWAX_CHUNK_OVERHEAD bytes more than `in`; it is the same address as `in`, or
 * overlaps nothing. Without a last piece the envelope is truncated, and every reader says so.
 *
 * `*out_len` becomes the length written, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed,
 * with other errors 0. Errors: also _BAD_STATE (not begun, or the last was sealed before; the
 * process was forked since it was begun), _INVALID_ARGUMENT (NULL, overlap, longer than a chunk),
 * _LIMIT (2^32 chunks). Nothing is then written, and the sealing stays as it was. Threads: the
 * sealing alone. Stack: 2 KiB.
 */
int32_t sealwax_sealing_seal_chunk(struct sealwax_sealing *sealing,
                                   const uint8_t *in,
                                   size_t in_len,
                                   uint8_t *out,
                                   size_t out_size,
                                   size_t *out_len);

/**
 * Ends a sealing: succeeds only where the last chunk was sealed. The sealing is then zero.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE (not begun, or the last piece is still missing: the sealing
 * stays as it was), _INVALID_ARGUMENT (NULL). Threads: the sealing alone. Stack: under 256 bytes.
 */
int32_t sealwax_sealing_finish(struct sealwax_sealing *sealing);

/**
 * Overwrites a sealing. NULL is fine, and so is one that was never begun.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE (another thread is using it). Threads: the sealing alone. Stack:
 * under 256 bytes.
 */
int32_t sealwax_sealing_wipe(struct sealwax_sealing *sealing);

/**
 * SEALWAX_SEALING_SIZE, for other languages. Threads: any. Stack: under 64 bytes.
 */
size_t sealwax_sealing_size(void);

/**
 * The name of a status, such as `"SEALWAX_ERROR_DECRYPT"`, for logs.
 *
 * Returns text that lives as long as the program, never NULL; `"SEALWAX_ERROR_UNKNOWN_STATUS"` for
 * other numbers. Any thread may call it. Stack: under 64 bytes.
 */
const char *sealwax_status_name(int32_t status);

/**
 * Seals a token under the keyset's primary version.
 *
 * `context` is an encoded context, NULL if `context_len` is 0; whoever opens gives the same. `out`
 * needs SEALWAX_TOKEN_OVERHEAD bytes more than the plaintext and overlaps nothing. The salt is
 * hedged with the plaintext: a random source that repeats itself shows only which equal values
 * have equal contexts.
 *
 * `*out_len` becomes the token's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed,
 * with other errors 0. Errors: also _BAD_STATE (keyset not loaded, no primary, its state or times
 * forbid), _LIMIT (the plaintext is too long), _RANDOM, _FORMAT (the context is not encoded),
 * _INVALID_ARGUMENT (NULL, overlap, an identity, a reserved context name). `out` is then wiped or
 * untouched. Threads: any number with one keyset. Stack: 2 KiB.
 */
int32_t sealwax_token_seal(const struct sealwax_keyset *keyset,
                           const struct sealwax_random *random,
                           const uint8_t *context,
                           size_t context_len,
                           const uint8_t *plaintext,
                           size_t plaintext_len,
                           uint8_t *out,
                           size_t out_size,
                           size_t *out_len);

/**
 * Opens a token with the version of the keyset that sealed it.
 *
 * `context` is what it was sealed with. `out` needs SEALWAX_TOKEN_OVERHEAD bytes fewer than the
 * token and overlaps nothing.
 *
 * `*out_len` becomes the plaintext's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length
 * needed, with other errors 0. Errors: also _FORMAT and _LIMIT (no token), _UNKNOWN_KEY (another
 * keyset or version), _BAD_STATE (keyset not loaded, or the version's state or times forbid),
 * _DECRYPT, _NOT_SUPPORTED (a suite that this build has not), _INVALID_ARGUMENT (NULL, overlap).
 * `out` is then wiped or untouched. Threads: any number with one keyset. Stack: 2 KiB.
 */
int32_t sealwax_token_open(const struct sealwax_keyset *keyset,
                           const uint8_t *context,
                           size_t context_len,
                           const uint8_t *token,
                           size_t token_len,
                           uint8_t *out,
                           size_t out_size,
                           size_t *out_len);

/**
 * Writes which version of a keyset a token names. Needs no key; the answer is not authenticated.
 *
 * Errors: SEALWAX_ERROR_FORMAT, _LIMIT (no token), _NOT_SUPPORTED, _INVALID_ARGUMENT (NULL,
 * overlap); nothing is then written. Threads: any number. Stack: under 256 bytes.
 */
int32_t sealwax_token_version(const uint8_t *token, size_t token_len, uint32_t *version);

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Begins a handshake. No message is made and no key looked at yet.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE (the handshake is in use or was not zero; the identity is not
 * loaded), _INVALID_ARGUMENT (NULL, overlap, a party that does not fit together), _NOT_SUPPORTED
 * (a suite, or X-Wing, that this build has not). The handshake is then as it was. Threads: the
 * handshake alone, any number with one identity. Stack: 1 KiB.
 */
int32_t sealwax_handshake_begin(struct sealwax_handshake *handshake,
                                const struct sealwax_party *party);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Writes the next message, with an encoded context for the other side.
 *
 * `context` may be NULL if `context_len` is 0; it is at most SEALWAX_HANDSHAKE_MAX_CONTEXT_LEN
 * bytes. The first message of XX is readable, so its context is empty. The first message of the
 * other patterns can be replayed to a responder, and its context is then believed once more: put
 * nothing into it that acts. In datagram mode keep the message, to send it again until it is
 * answered, and when the other side repeats its own. `out` overlaps nothing.
 *
 * `*out_len` becomes the message's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed,
 * with other errors 0. Errors: also _BAD_STATE (not begun, not this side's turn, or failed; the
 * process was forked; the identity is not loaded, or its state or times forbid), _RANDOM, _LIMIT
 * (the context is too long), _FORMAT (a context that is not encoded; a pinned key that is not
 * safe), _INVALID_ARGUMENT (NULL, overlap, a party that does not fit, or is not that of begin).
 * `out` is then wiped or untouched; after _RANDOM the handshake may have failed. Threads: the
 * handshake alone. Stack: 6 KiB; with X-Wing see docs/c-api.md.
 */
int32_t sealwax_handshake_write(struct sealwax_handshake *handshake,
                                const struct sealwax_party *party,
                                const struct sealwax_random *random,
                                const uint8_t *context,
                                size_t context_len,
                                uint8_t *out,
                                size_t out_size,
                                size_t *out_len);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Reads a message of the other side's, and decrypts the context in it into `out`.
 *
 * `out` has room for that context; SEALWAX_HANDSHAKE_MAX_CONTEXT_LEN bytes are enough. It overlaps
 * nothing. The party's `accept` is asked before the call returns, once for each message that
 * carries a context or shows who the other side is. In stream mode every failure is final. In
 * datagram mode a message that fails changes nothing, and the next one may hold.
 * `*is_duplicate` becomes 1 where the message was read before (datagram mode): send the answer
 * of last time again. Else it is 0.
 *
 * `*out_len` becomes the context's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed
 * (nothing is then read, and the message may come again), with other errors 0. Errors: also
 * _FORMAT (another setting, another length, an unsafe key, a message that nobody waits for),
 * _DECRYPT, _UNKNOWN_KEY (not pinned, or refused by `accept`; say nothing of it to the peer),
 * _LIMIT, _BAD_STATE (not begun, an initiator that has not written, or failed; the process was
 * forked; the state or times of every own key forbid), _INVALID_ARGUMENT (NULL, overlap),
 * _NOT_SUPPORTED. `out` is then wiped or untouched. Threads: the handshake alone. Stack: 8 KiB;
 * with X-Wing see docs/c-api.md.
 */
int32_t sealwax_handshake_read(struct sealwax_handshake *handshake,
                               const struct sealwax_party *party,
                               const uint8_t *message,
                               size_t message_len,
                               uint8_t *out,
                               size_t out_size,
                               size_t *out_len,
                               uint8_t *is_duplicate);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Writes where a handshake is, and who the other side is, if that is known.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE, _INVALID_ARGUMENT (NULL, overlap); nothing is then written.
 * Threads: any number that only describe. Stack: under 256 bytes.
 */
int32_t sealwax_handshake_describe(const struct sealwax_handshake *handshake,
                                   struct sealwax_handshake_description *description);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Takes the session out of a handshake whose messages were all exchanged.
 *
 * `now` is in milliseconds, of a clock that starts anywhere and is the one that the session is
 * told later. `limits` may be NULL: the suite's own. What is left of the handshake holds no
 * secret; in datagram mode keep it as long as the other side may repeat its last message, then
 * wipe it.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE (the handshake is not finished, or its session was taken; the
 * process was forked; the session is in use or was not zero), _INVALID_ARGUMENT (NULL, overlap,
 * limits above the suite's own, a stream that is to be kept). The session is then zero, and the
 * handshake as it was. Threads: both alone. Stack: 4 KiB.
 */
int32_t sealwax_handshake_finish(struct sealwax_handshake *handshake,
                                 const struct sealwax_limits *limits,
                                 uint64_t now,
                                 struct sealwax_session *session);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Overwrites a handshake. NULL is fine, and so is one that was never begun.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE (another thread is using it). Threads: the handshake alone.
 * Stack: under 256 bytes.
 */
int32_t sealwax_handshake_wipe(struct sealwax_handshake *handshake);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * SEALWAX_HANDSHAKE_SIZE, for other languages. Threads: any. Stack: under 64 bytes.
 */
size_t sealwax_handshake_size(void);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Makes room for `block` more records in each direction, for a session that outlives restarts:
 * seals its state under a device key and hands it to `store`.
 *
 * For a session that was begun with `is_kept` of sealwax_limits: sealing and opening wait for the
 * first call, and stop at the end of each block (SEALWAX_ERROR_LIMIT) until the next call. What is left of a block is lost in a restart, so that
 * no number is used twice and no record opened twice. Whoever can put an older state back into the
 * storage makes the session repeat nonces: where that is not excluded, keep no session.
 *
 * `device_key` is SEALWAX_DEVICE_KEY_LEN bytes and is not kept. `slot` names the place where the
 * session is kept, so that what is kept in one does not open in another: at most 255 bytes, NULL
 * if `slot_len` is 0. `store` must not use the session; `store_context` is passed to it as it is.
 * Errors: SEALWAX_ERROR_BAD_STATE (no session, not begun to be kept, closed), _RANDOM, _IO (`store`
 * failed), _INVALID_ARGUMENT (NULL, overlap, a block of 0 records). The session then stops where
 * it did before. Threads: the session alone. Stack: 3 KiB.
 */
int32_t sealwax_session_reserve(struct sealwax_session *session,
                                uint32_t block,
                                const uint8_t *device_key,
                                const uint8_t *slot,
                                size_t slot_len,
                                const struct sealwax_random *random,
                                sealwax_keep store,
                                void *store_context);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Fills a session with one that was kept. It goes on where its block ended.
 *
 * Before it seals or opens, it must reserve the next block; before it hears the peer, the peer
 * must be asked for other keys (sealwax_session_request_rekey), until `wants_rekey_request` of its
 * description is 0. The first record under other keys is past the block: reserve, and open it
 * again.
 *
 * `kept` is what `store` was given; `device_key` and `slot` are those of sealwax_session_reserve,
 * and `peer_key` is the peer's static key, SEALWAX_PEER_KEY_LEN bytes, NULL where the pattern had
 * none. `limits` may be NULL. Errors: SEALWAX_ERROR_BAD_STATE (the
 * session is in use or was not zero), _DECRYPT (kept under another key, in
 * another slot, for another peer, or changed), _FORMAT,
 * _TRUNCATED, _INVALID_ARGUMENT, _NOT_SUPPORTED (a suite that this build has not). The session is
 * then zero. Threads: the session alone. Stack: 3 KiB.
 */
int32_t sealwax_session_import(struct sealwax_session *session,
                               const uint8_t *kept,
                               size_t kept_len,
                               const uint8_t *device_key,
                               const uint8_t *slot,
                               size_t slot_len,
                               const uint8_t *peer_key,
                               const struct sealwax_limits *limits,
                               uint64_t now);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Ends a session that is kept: hands zeros to `store`, to write over what it kept, and then seals
 * the end of this direction, as sealwax_session_close does.
 *
 * Errors: also SEALWAX_ERROR_IO (`store` failed; nothing is then sealed). Threads: the session
 * alone. Stack: 2 KiB.
 */
int32_t sealwax_session_end(struct sealwax_session *session,
                            uint64_t now,
                            sealwax_keep store,
                            void *store_context,
                            uint8_t *out,
                            size_t out_size,
                            size_t *out_len);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Writes the public half of a private key that is kept without a keyset: what the other side pins.
 *
 * Both are SEALWAX_PEER_KEY_LEN bytes. Any 32 unpredictable bytes are a private key. Errors:
 * SEALWAX_ERROR_INVALID_ARGUMENT (NULL, overlap); nothing is then written. Threads: any number.
 * Stack: 3 KiB.
 */
int32_t sealwax_peer_key(const uint8_t *private_key, uint8_t *out);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Seals a record of data.
 *
 * `now` is in milliseconds, of the clock of sealwax_handshake_finish. `associated` does not
 * travel, the peer gives it again; NULL if `associated_len` is 0. `out` needs
 * SEALWAX_RECORD_OVERHEAD bytes more than the data, and overlaps nothing, or the data stands at
 * `out + SEALWAX_RECORD_HEADER_LEN` and is sealed there.
 *
 * `*out_len` becomes the record's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed,
 * with other errors 0. Errors: also _BAD_STATE (no session, or closed; the process was forked),
 * _LIMIT (more than SEALWAX_RECORD_MAX_PLAINTEXT_LEN bytes; the session is too old or its epochs
 * are used up; a kept session must reserve the next block), _INVALID_ARGUMENT (NULL, overlap, more
 * than SEALWAX_RECORD_MAX_ASSOCIATED_LEN bytes). Nothing is then written. Threads: the session
 * alone. Stack: 2 KiB.
 */
int32_t sealwax_session_seal(struct sealwax_session *session,
                             uint64_t now,
                             const uint8_t *plaintext,
                             size_t plaintext_len,
                             const uint8_t *associated,
                             size_t associated_len,
                             uint8_t *out,
                             size_t out_size,
                             size_t *out_len);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Seals a record of data with padding, so that its length tells only how many blocks of `block`
 * bytes the data fills. At least one byte is padding.
 *
 * As sealwax_session_seal, but for: the data does not stand in `out`, which needs the data and one
 * byte, filled up to whole blocks, and SEALWAX_RECORD_OVERHEAD bytes more. A block of 0 bytes is
 * SEALWAX_ERROR_INVALID_ARGUMENT. Threads: the session alone. Stack: 2 KiB.
 */
int32_t sealwax_session_seal_padded(struct sealwax_session *session,
                                    uint64_t now,
                                    const uint8_t *plaintext,
                                    size_t plaintext_len,
                                    size_t block,
                                    const uint8_t *associated,
                                    size_t associated_len,
                                    uint8_t *out,
                                    size_t out_size,
                                    size_t *out_len);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Seals a record without content, which keeps a path open and tells the peer that this side is
 * there.
 *
 * `out` is SEALWAX_RECORD_OVERHEAD bytes. Otherwise as sealwax_session_seal. Threads: the session
 * alone. Stack: 2 KiB.
 */
int32_t sealwax_session_seal_empty(struct sealwax_session *session,
                                   uint64_t now,
                                   uint8_t *out,
                                   size_t out_size,
                                   size_t *out_len);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Opens a record of the peer's, and answers a rekey request in it by itself.
 *
 * `now` and `associated` are as in sealwax_session_seal. `out` needs SEALWAX_RECORD_OVERHEAD bytes
 * fewer than the record, and overlaps nothing, or is `record + SEALWAX_RECORD_HEADER_LEN`: then
 * the record is opened where it stands, and written to. In datagram mode a record that fails
 * changes nothing; in stream mode it ends this direction.
 *
 * `*out_len` becomes the data's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed (the
 * record may then come again), with other errors 0; `*opened` says what it was. Errors: also
 * _DECRYPT (not the peer's, or came before, or too old to know), _FORMAT and _LIMIT (no record),
 * _LIMIT (the session is too old; too many records failed; a kept session must reserve the next
 * block, after which the record, which is as it was, may come again), _BAD_STATE (no session; the
 * process was forked), _INVALID_ARGUMENT (NULL, overlap). `out` is then wiped or untouched.
 * Threads: the session alone. Stack: 2 KiB.
 */
int32_t sealwax_session_open(struct sealwax_session *session,
                             uint64_t now,
                             const uint8_t *record,
                             size_t record_len,
                             const uint8_t *associated,
                             size_t associated_len,
                             uint8_t *out,
                             size_t out_size,
                             size_t *out_len,
                             struct sealwax_record *opened);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Seals the end of this direction. Nothing can be sealed after it; the peer's direction goes on. A
 * kept session is ended by sealwax_session_end, and is SEALWAX_ERROR_BAD_STATE here.
 *
 * `out` is SEALWAX_RECORD_OVERHEAD bytes. Otherwise as sealwax_session_seal. Threads: the session
 * alone. Stack: 2 KiB.
 */
int32_t sealwax_session_close(struct sealwax_session *session,
                              uint64_t now,
                              uint8_t *out,
                              size_t out_size,
                              size_t *out_len);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Lets the next record that is sealed begin an epoch, with other keys, if the present one was
 * used.
 *
 * Keys also change by themselves, as the limits say. Errors: SEALWAX_ERROR_BAD_STATE,
 * _INVALID_ARGUMENT (NULL). Threads: the session alone. Stack: under 256 bytes.
 */
int32_t sealwax_session_rekey(struct sealwax_session *session);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Seals a request that the peer change the keys that it seals with.
 *
 * `out` is SEALWAX_REKEY_REQUEST_LEN bytes. Otherwise as sealwax_session_seal. Threads: the
 * session alone. Stack: 2 KiB.
 */
int32_t sealwax_session_request_rekey(struct sealwax_session *session,
                                      uint64_t now,
                                      uint8_t *out,
                                      size_t out_size,
                                      size_t *out_len);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Writes where a session is.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE, _INVALID_ARGUMENT (NULL, overlap); nothing is then written.
 * Threads: the session alone. Stack: under 512 bytes.
 */
int32_t sealwax_session_describe(struct sealwax_session *session,
                                 uint64_t now,
                                 struct sealwax_session_description *description);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Does what time alone asks for: forgets keys whose time is over, where nothing is sealed or
 * heard.
 *
 * Call it now and then, such as once a minute. Errors: SEALWAX_ERROR_BAD_STATE, _LIMIT (epochs are
 * used up), _INVALID_ARGUMENT (NULL). Threads: the session alone. Stack: 2 KiB.
 */
int32_t sealwax_session_tick(struct sealwax_session *session, uint64_t now);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * Overwrites a session. NULL is fine, and so is one that was never begun.
 *
 * Errors: SEALWAX_ERROR_BAD_STATE (another thread is using it). Threads: the session alone. Stack:
 * under 256 bytes.
 */
int32_t sealwax_session_wipe(struct sealwax_session *session);
#endif

#if (defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT))
/**
 * SEALWAX_SESSION_SIZE, for other languages. Threads: any. Stack: under 64 bytes.
 */
size_t sealwax_session_size(void);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#ifdef __cplusplus
extern "C" {
#endif
/*
 * The program defines this, for archives of the firmware profile only. It is called where the
 * library finds that a proof of its own is wrong, which no input can cause, and must not return:
 * reset the device. Keys may still be in memory.
 */
void sealwax_panic(void);
#ifdef __cplusplus
}
#endif

/* The sizes above are those that the library was built with. */
#if defined(__cplusplus)
#define SEALWAX_ASSERT_SIZE(type, size) \
    static_assert(sizeof(type) == (size), "the size of a context")
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define SEALWAX_ASSERT_SIZE(type, size) \
    _Static_assert(sizeof(type) == (size), "the size of a context")
#else
#define SEALWAX_ASSERT_SIZE(type, size) \
    typedef char type##_has_its_size[(sizeof(type) == (size)) ? 1 : -1]
#endif
SEALWAX_ASSERT_SIZE(sealwax_keyset, SEALWAX_KEYSET_SIZE);
SEALWAX_ASSERT_SIZE(sealwax_key_version, SEALWAX_KEY_VERSION_SIZE);
SEALWAX_ASSERT_SIZE(sealwax_opening, SEALWAX_OPENING_SIZE);
SEALWAX_ASSERT_SIZE(sealwax_sealing, SEALWAX_SEALING_SIZE);
#if defined(SEALWAX_HOSTED) || defined(SEALWAX_TRANSIT)
SEALWAX_ASSERT_SIZE(sealwax_handshake, SEALWAX_HANDSHAKE_SIZE);
SEALWAX_ASSERT_SIZE(sealwax_session, SEALWAX_SESSION_SIZE);
#endif
#undef SEALWAX_ASSERT_SIZE

#endif /* SEALWAX_H */
