// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the boundary does with pointers, small enough for Miri to follow each of them.

// Only the hosted profile has it by itself.
#[allow(unused_extern_crates)]
extern crate std;

use core::cell::Cell as Count;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::vec;

use super::*;
use crate::status::BAD_STATE;

/// Room for a `Value` in a context, as C has it.
#[repr(C)]
struct Place([u64; 4]);

/// Counts its drops, and is a pointer, so that Miri notices where it is read wrongly.
struct Value<'a>(&'a Count<u32>);

impl Drop for Value<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Stored for Value<'_> {
    type Place = Place;
    const WORD: u32 = 0x7661_6c75;
}

const ZERO: Place = Place([0; 4]);
const OTHER: Failure = Failure(77);

fn borrows<'a>() -> Borrows<'a> {
    Borrows::nothing()
}

fn refused<T>(result: Result<T, Failure>) -> i32 {
    match result {
        Ok(_) => panic!("it was taken"),
        Err(Failure(status)) => status,
    }
}

#[test]
fn an_output_overlaps_nothing_and_inputs_may_overlap() {
    let mut bytes = [0u8; 16];
    let at = bytes.as_mut_ptr();
    let mut borrows = borrows();
    assert_eq!(borrows.input(at, 10).map(<[u8]>::len).ok(), Some(10));
    assert_eq!(borrows.input(at.wrapping_add(5), 5).map(<[u8]>::len).ok(), Some(5));
    let Failure(invalid) = INVALID_ARGUMENT;
    for start in [0, 5, 9] {
        assert_eq!(refused(borrows.output(at.wrapping_add(start), 4)), invalid);
    }
    let Ok(output) = borrows.output(at.wrapping_add(10), 6) else { panic!("they are apart") };
    output.fill(7);
    assert_eq!(refused(borrows.input(at.wrapping_add(15), 1)), invalid);
    assert_eq!(refused(borrows.output(at.wrapping_add(8), 8)), invalid);
    assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7]);
}

#[test]
fn what_no_memory_can_be_is_refused() {
    let Failure(invalid) = INVALID_ARGUMENT;
    let mut numbers = [1u32, 2];
    let misaligned = numbers.as_mut_ptr().wrapping_byte_add(1);
    assert_eq!(refused(borrows().input(ptr::null(), 1)), invalid);
    assert_eq!(refused(borrows().output(ptr::null_mut(), 1)), invalid);
    assert_eq!(refused(borrows().input(numbers.as_ptr().cast(), usize::MAX)), invalid);
    assert_eq!(refused(borrows().input(numbers.as_ptr().cast(), usize::MAX / 2 + 1)), invalid);
    assert_eq!(refused(borrows().value(misaligned)), invalid);
    assert_eq!(refused(borrows().output_value(misaligned)), invalid);
    assert_eq!(refused(borrows().output_values(misaligned, 1)), invalid);
    assert_eq!(refused(borrows().output_values(numbers.as_mut_ptr(), usize::MAX / 2)), invalid);
    assert_eq!(refused(borrows().output_value::<u32>(ptr::null_mut())), invalid);
    assert_eq!(refused(borrows().vacant::<Value<'_>>(ptr::null_mut())), invalid);
    // Where there is nothing, NULL is fine.
    assert!(borrows().input(ptr::null(), 0).is_ok_and(<[u8]>::is_empty));
    assert!(borrows().output(ptr::null_mut(), 0).is_ok_and(|output| output.is_empty()));
    assert!(matches!(borrows().value::<u32>(ptr::null()), Ok(None)));
    assert!(borrows().output_values::<u32>(ptr::null_mut(), 0).is_ok_and(|none| none.is_empty()));
}

#[test]
fn a_call_borrows_so_many_ranges_and_no_more() {
    let bytes = [0u8; MAX_REGIONS + 1];
    let mut borrows = borrows();
    for byte in &bytes[..MAX_REGIONS] {
        assert!(borrows.input(byte, 1).is_ok());
    }
    assert_eq!(refused(borrows.input(&bytes[MAX_REGIONS], 1)), INVALID_ARGUMENT.0);
}

#[test]
fn lengths_and_values_are_zero_until_the_call_succeeds() {
    let (mut len, mut numbers) = (77usize, [9u64; 3]);
    let status = call(|borrows| {
        borrows.output_len(&mut len)?;
        borrows.output_values(numbers.as_mut_ptr(), 3)?;
        Err(OTHER)
    });
    assert_eq!((status, len, numbers), (77, 0, [0; 3]));
    let status = call(|borrows| {
        *borrows.output_len(&mut len)? = 5;
        borrows.output_values(numbers.as_mut_ptr(), 3)?[2] = 6;
        Ok(())
    });
    assert_eq!((status, len, numbers), (SEALWAX_OK, 5, [0, 0, 6]));
}

#[test]
fn one_buffer_may_be_input_and_output_and_two_must_be_apart() {
    let mut bytes = vec![1u8; 20];
    let at = bytes.as_mut_ptr();
    match borrows().in_out(at, 4, at, 20) {
        Ok(InOut::One(both)) => both[19] = 2,
        _ => panic!("it is one buffer"),
    }
    match borrows().in_out(at, 10, at.wrapping_add(10), 10) {
        Ok(InOut::Two(input, output)) => output.copy_from_slice(input),
        _ => panic!("they are two"),
    }
    assert_eq!(refused(borrows().in_out(at, 10, at.wrapping_add(9), 10)), INVALID_ARGUMENT.0);
    assert_eq!(bytes, [1; 20]);
}

#[test]
fn mapped_memory_is_zero_past_its_end() {
    let bytes = [1u8, 2, 3];
    let Ok(mapped) = borrows().mapped(bytes.as_ptr(), 3) else { panic!("it is memory") };
    let mut out = [9; 4];
    mapped.copy(1, &mut out);
    assert_eq!((out, mapped.len()), ([2, 3, 0, 0], 3));
    mapped.copy(usize::MAX - 1, &mut out);
    assert_eq!(out, [0; 4], "it does not come round to the beginning");
}

#[test]
fn a_context_is_filled_used_and_closed_and_its_value_dropped_once() {
    let (drops, mut place) = (Count::new(0), ZERO);
    let at = &raw mut place;
    let status = call(|borrows| {
        assert_eq!(refused(borrows.shared::<Value<'_>>(at)), BAD_STATE.0, "it is vacant");
        Ok(())
    });
    assert_eq!(status, SEALWAX_OK);
    let fill = || {
        call(|borrows| {
            borrows.vacant::<Value<'_>>(at)?.fill(Value(&drops));
            Ok(())
        })
    };
    assert_eq!((fill(), fill()), (SEALWAX_OK, BAD_STATE.0));
    let status = call(|borrows| {
        assert!(ptr::eq(borrows.shared::<Value<'_>>(at)?.0, &drops));
        assert!(ptr::eq(borrows.shared::<Value<'_>>(at)?.0, &drops), "many may read");
        assert_eq!(refused(borrows.exclusive::<Value<'_>>(at)), INVALID_ARGUMENT.0, "it is read");
        Ok(())
    });
    assert_eq!(status, SEALWAX_OK);
    let status = call(|borrows| {
        let context = borrows.exclusive::<Value<'_>>(at)?;
        assert!(ptr::eq(context.0, &drops));
        Ok(())
    });
    assert_eq!((status, drops.get()), (SEALWAX_OK, 0));
    let close = || {
        call(|borrows| {
            borrows.exclusive::<Value<'_>>(at)?.close();
            Ok(())
        })
    };
    assert_eq!((close(), close(), drops.get()), (SEALWAX_OK, BAD_STATE.0, 1));
    assert_eq!(place.0, [0; 4]);
}

#[test]
fn a_context_that_a_call_did_not_finish_is_zero_again() {
    let (drops, mut place) = (Count::new(0), ZERO);
    let at = &raw mut place;
    for fails_after in [false, true] {
        let status = call(|borrows| {
            let mut context = borrows.vacant::<Value<'_>>(at)?;
            if fails_after {
                context.occupy(|| Value(&drops));
            }
            Err(OTHER)
        });
        assert_eq!((status, drops.get()), (77, u32::from(fails_after)));
    }
    // A context that a call fills can be used in the same call.
    let status = call(|borrows| {
        borrows.vacant::<Value<'_>>(at)?.fill(Value(&drops));
        borrows.again::<Value<'_>>(at)?.close();
        Err(OTHER)
    });
    assert_eq!((status, drops.get(), place.0), (77, 2, [0; 4]));
}

#[test]
fn wiping_leaves_zeros_whatever_was_there_but_for_a_context_in_use() {
    let (drops, closed) = (Count::new(0), Count::new(0));
    let closing = |_: &mut Value<'_>| closed.set(closed.get() + 1);
    assert_eq!(wipe::<Value<'_>>(ptr::null_mut(), closing), SEALWAX_OK);
    let mut place = ZERO;
    let at = &raw mut place;
    let filled = call(|borrows| {
        borrows.vacant::<Value<'_>>(at)?.fill(Value(&drops));
        Ok(())
    });
    assert_eq!((filled, wipe::<Value<'_>>(at, closing)), (SEALWAX_OK, SEALWAX_OK));
    assert_eq!((wipe::<Value<'_>>(at, closing), drops.get(), closed.get()), (SEALWAX_OK, 1, 1));
    assert_eq!(place.0, [0; 4]);
    // Bytes that were never a context.
    let mut place = Place([u64::MAX; 4]);
    assert_eq!(wipe::<Value<'_>>(&raw mut place, closing), SEALWAX_OK);
    assert_eq!(place.0, [0; 4]);
    let mut place = ZERO;
    let at = &raw mut place;
    let status = call(|borrows| {
        let _context = borrows.vacant::<Value<'_>>(at)?;
        assert_eq!(wipe::<Value<'_>>(at, closing), BAD_STATE.0);
        Err(OTHER)
    });
    assert_eq!((status, closed.get()), (77, 1));
}

#[test]
fn one_of_two_threads_has_a_context() {
    struct Counter(u32);
    impl Stored for Counter {
        type Place = Place;
        const WORD: u32 = 0x636f_756e;
    }
    let mut place = ZERO;
    let at = &raw mut place;
    let filled = call(|borrows| {
        borrows.vacant::<Counter>(at)?.fill(Counter(0));
        Ok(())
    });
    assert_eq!(filled, SEALWAX_OK);
    let at = AtomicPtr::new(at);
    let count = || {
        let mut had = 0;
        for _ in 0..50 {
            let status = call(|borrows| {
                borrows.exclusive::<Counter>(at.load(Ordering::Relaxed))?.0 += 1;
                Ok(())
            });
            assert!([SEALWAX_OK, BAD_STATE.0].contains(&status));
            had += u32::from(status == SEALWAX_OK);
        }
        had
    };
    let had = std::thread::scope(|scope| {
        let other = scope.spawn(count);
        count() + other.join().expect("it does not panic")
    });
    let status = call(|borrows| {
        assert_eq!(borrows.shared::<Counter>(at.load(Ordering::Relaxed))?.0, had);
        Ok(())
    });
    assert_eq!(status, SEALWAX_OK);
}

#[test]
fn values_are_made_in_the_callers_memory_and_found_there_again() {
    let mut places = [0u64; 3];
    let count = Count::new(0u32);
    let values = filled(as_places::<u64, u64>(&mut places), || {
        count.set(count.get() + 1);
        count.get().into()
    });
    assert_eq!(values, [1, 2, 3]);
    let mut kept = Kept::of(values);
    kept.as_mut_slice()[1] = 9;
    assert_eq!(kept.as_slice(), [1, 9, 3]);
    let none: &mut [u64] = &mut [];
    assert!(Kept::of(none).as_slice().is_empty() && Kept::of(none).as_mut_slice().is_empty());
}

#[test]
fn what_a_callback_returns_is_handed_on() {
    extern "C" fn fill_refuses(_: *mut c_void, _: *mut u8, len: usize) -> i32 {
        len as i32
    }
    extern "C" fn now_refuses(_: *mut c_void, _: *mut u64) -> i32 {
        4
    }
    extern "C" fn release_refuses(_: *mut c_void, at: usize, _: *const u8, len: usize) -> i32 {
        (at + len) as i32
    }
    assert_eq!(fill(fill_refuses, ptr::null_mut(), &mut [0; 3]), 3);
    assert_eq!(now(now_refuses, ptr::null_mut(), &mut 0), 4);
    assert_eq!(release(release_refuses, ptr::null_mut(), 2, &[0; 3]), 5);
}
