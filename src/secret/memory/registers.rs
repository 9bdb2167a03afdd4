// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wiping of vector registers: what computes with keys leaves them there too, and a core dump has them.

use core::arch::naked_asm;

/// Overwrites every vector register. Nothing that a caller keeps is in them across a call.
#[inline]
pub(super) fn wipe_registers() {
    if std::arch::is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has these registers, and their contents belong to no caller (System V ABI 3.2.1).
        unsafe { zero_avx512() }
    } else if std::arch::is_x86_feature_detected!("avx") {
        // SAFETY: as above.
        unsafe { zero_avx() }
    } else {
        // SAFETY: as above; every x86-64 processor has these.
        unsafe { zero_sse() }
    }
}

#[unsafe(naked)]
unsafe extern "sysv64" fn zero_avx512() {
    naked_asm!(
        "vzeroall",
        "vpxord zmm16, zmm16, zmm16",
        "vpxord zmm17, zmm17, zmm17",
        "vpxord zmm18, zmm18, zmm18",
        "vpxord zmm19, zmm19, zmm19",
        "vpxord zmm20, zmm20, zmm20",
        "vpxord zmm21, zmm21, zmm21",
        "vpxord zmm22, zmm22, zmm22",
        "vpxord zmm23, zmm23, zmm23",
        "vpxord zmm24, zmm24, zmm24",
        "vpxord zmm25, zmm25, zmm25",
        "vpxord zmm26, zmm26, zmm26",
        "vpxord zmm27, zmm27, zmm27",
        "vpxord zmm28, zmm28, zmm28",
        "vpxord zmm29, zmm29, zmm29",
        "vpxord zmm30, zmm30, zmm30",
        "vpxord zmm31, zmm31, zmm31",
        "ret",
    )
}

#[unsafe(naked)]
unsafe extern "sysv64" fn zero_avx() {
    naked_asm!("vzeroall", "ret")
}

#[unsafe(naked)]
unsafe extern "sysv64" fn zero_sse() {
    naked_asm!(
        "pxor xmm0, xmm0",
        "pxor xmm1, xmm1",
        "pxor xmm2, xmm2",
        "pxor xmm3, xmm3",
        "pxor xmm4, xmm4",
        "pxor xmm5, xmm5",
        "pxor xmm6, xmm6",
        "pxor xmm7, xmm7",
        "pxor xmm8, xmm8",
        "pxor xmm9, xmm9",
        "pxor xmm10, xmm10",
        "pxor xmm11, xmm11",
        "pxor xmm12, xmm12",
        "pxor xmm13, xmm13",
        "pxor xmm14, xmm14",
        "pxor xmm15, xmm15",
        "ret",
    )
}

#[cfg(test)]
mod tests {
    use core::arch::asm;

    use super::*;

    extern "sysv64" fn wipe() {
        wipe_registers();
    }

    #[test]
    fn no_vector_register_keeps_what_was_in_it() {
        let mut left = [[1u8; 16]; 16];
        // SAFETY: it writes 256 bytes of ours, and everything that it or the call changes is said to be changed.
        unsafe {
            asm!(
                ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
                "pcmpeqd xmm\\n, xmm\\n",
                ".endr",
                "call {wipe}",
                ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
                "movdqu [r12 + 16 * \\n], xmm\\n",
                ".endr",
                wipe = sym wipe,
                in("r12") left.as_mut_ptr(),
                clobber_abi("sysv64"),
            );
        }
        assert_eq!(left, [[0; 16]; 16]);
    }

    #[test]
    fn nor_its_upper_half() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            return;
        }
        let mut left = [[1u8; 32]; 16];
        // SAFETY: as above, with 512 bytes, on a processor that has these registers.
        unsafe {
            asm!(
                ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
                "vpcmpeqd ymm\\n, ymm\\n, ymm\\n",
                ".endr",
                "call {wipe}",
                ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
                "vmovdqu [r12 + 32 * \\n], ymm\\n",
                ".endr",
                "vzeroupper",
                wipe = sym wipe,
                in("r12") left.as_mut_ptr(),
                clobber_abi("sysv64"),
            );
        }
        assert_eq!(left, [[0; 32]; 16]);
    }

    #[test]
    fn nor_one_of_those_that_avx512_adds() {
        if !std::arch::is_x86_feature_detected!("avx512f") {
            return;
        }
        let mut left = [[1u8; 64]; 16];
        // SAFETY: as above, with 1,024 bytes.
        unsafe {
            asm!(
                ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
                "vpternlogd zmm\\n, zmm\\n, zmm\\n, 0xff",
                ".endr",
                "call {wipe}",
                ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
                "vmovdqu64 [r12 + 64 * (\\n - 16)], zmm\\n",
                ".endr",
                "vzeroupper",
                wipe = sym wipe,
                in("r12") left.as_mut_ptr(),
                clobber_abi("sysv64"),
            );
        }
        assert_eq!(left, [[0; 64]; 16]);
    }
}
