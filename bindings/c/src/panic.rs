// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happens where a proof in the code turns out to be wrong.

/// A place in the library that cannot be reached was reached: the program's hook decides, and never
/// returns.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    crate::boundary::panic_hook()
}
