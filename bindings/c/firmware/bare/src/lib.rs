// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bare ChaCha20-Poly1305 crate behind one C function, built as the library is.
#![no_std]

use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadInOut, KeyInit};

/// Opens `len` bytes in place. Returns 0, or -1 where the tag is wrong.
///
/// # Safety
/// `key` has 32 bytes, `nonce` 12, `in_out` `len` and `tag` 16, and nobody else uses them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bare_open(
    key: *const [u8; 32],
    nonce: *const [u8; 12],
    in_out: *mut u8,
    len: usize,
    tag: *const [u8; 16],
) -> i32 {
    // SAFETY: the contract above.
    let (key, nonce, tag) = unsafe { (&*key, &*nonce, &*tag) };
    // SAFETY: the contract above.
    let in_out = unsafe { core::slice::from_raw_parts_mut(in_out, len) };
    let aead = ChaCha20Poly1305::new(key.into());
    match aead.decrypt_inout_detached(nonce.into(), &[], InOutBuf::from(in_out), tag.into()) {
        Ok(()) => 0,
        Err(_) => -1,
    }
}

/// Seals `len` bytes in place and writes the tag.
///
/// # Safety
/// As [`bare_open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bare_seal(
    key: *const [u8; 32],
    nonce: *const [u8; 12],
    in_out: *mut u8,
    len: usize,
    tag: *mut [u8; 16],
) -> i32 {
    // SAFETY: the contract above.
    let (key, nonce, tag) = unsafe { (&*key, &*nonce, &mut *tag) };
    // SAFETY: the contract above.
    let in_out = unsafe { core::slice::from_raw_parts_mut(in_out, len) };
    let aead = ChaCha20Poly1305::new(key.into());
    match aead.encrypt_inout_detached(nonce.into(), &[], InOutBuf::from(in_out)) {
        Ok(made) => {
            *tag = made.into();
            0
        }
        Err(_) => -1,
    }
}

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
