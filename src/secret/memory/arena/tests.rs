// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
#[cfg(all(target_os = "linux", not(miri)))]
use crate::secret::memory::tests::in_forked_child;

type Secret = [u8; 32];

/// More than fit on a page. Miri takes its time for each.
const MANY: u16 = if cfg!(miri) { 100 } else { 1000 };

#[test]
fn values_come_back_and_their_place_is_wiped_when_they_go() {
    let slots: Vec<_> = (0..MANY).map(|n| Slot::<Secret>::new([n as u8; 32])).collect();
    for (n, slot) in (0..MANY).zip(&slots) {
        assert_eq!(slot.get(), Some(&[n as u8; 32]));
    }
    // A pool of the test's own: nobody else takes the place again before it is looked at.
    let pool = Pool { generation: fork_generation(), canary: 7, pages: Mutex::default() };
    let place = pool.allocate(32);
    // SAFETY: the place is ours and has 32 bytes.
    unsafe { place.cast::<Secret>().write([0xa7; 32]) };
    pool.free(place, 32);
    // SAFETY: one empty page stays mapped.
    assert_eq!(unsafe { place.cast::<Secret>().read() }, [0; 32]);
}

#[test]
fn a_thousand_keys_fit_into_the_smallest_usual_limit_of_locked_memory() {
    let mut pages = Pages::default();
    for _ in 0..if cfg!(miri) { MANY } else { 1024 } {
        pages.take(granules_of(32));
    }
    let len: usize = pages.all.values().map(|page| page.page.len()).sum();
    assert!(len <= 64 * 1024 || pages.all.len() == 1, "{len} bytes");
}

#[test]
fn empty_pages_are_given_back_but_for_one() {
    let mut pages = Pages::default();
    let runs: Vec<_> = (0..MANY).map(|_| pages.take(granules_of(32))).collect();
    assert!(pages.all.len() > 1);
    for run in runs {
        pages.give_back(run, granules_of(32));
    }
    assert_eq!(pages.all.len(), 1);
}

#[test]
fn threads_have_secrets_beside_each_other() {
    std::thread::scope(|scope| {
        for number in 0..4u8 {
            scope.spawn(move || {
                for time in 0..8 {
                    let secret = [number << 4 | time; 32];
                    let mut slots = [(); 3].map(|()| Slot::<Secret>::new(secret));
                    std::thread::yield_now();
                    slots[1].get_mut().expect("it is here")[0] ^= 0x80;
                    assert_eq!(slots[0].get(), Some(&secret));
                    assert_eq!(slots[1].get().map(|slot| slot[0]), Some(secret[0] ^ 0x80));
                }
            });
        }
    });
}

#[test]
fn a_canary_changes_with_every_bit_of_its_place_and_of_its_process_s() {
    let canary_at = |canary, address: usize| {
        let pool = Pool { generation: 0, canary, pages: Mutex::default() };
        pool.canary_at(NonNull::without_provenance(address.try_into().expect("not 0")))
    };
    for (canary, address) in
        [(0, 1 << 40), (u64::MAX, 1 << 40), (0x5555_5555_5555_5555, 0x7fff_ffff_fff8)]
    {
        let here = canary_at(canary, address);
        for bit in 0..64 {
            assert_ne!(canary_at(canary ^ 1 << bit, address), here, "{bit}");
        }
        for bit in 3..39 {
            assert_ne!(canary_at(canary, address ^ 1 << bit), here, "{bit}");
        }
    }
}

// Miri starts no processes.
#[cfg(not(miri))]
#[test]
fn an_overwritten_canary_is_noticed_on_both_sides() {
    for at in [-1isize, 32] {
        let marker = "SEALWAX_TEST_OVERWRITE";
        if std::env::var(marker).as_deref() == Ok(&at.to_string()) {
            let slot = Slot::<Secret>::new([1; 32]);
            // SAFETY: the canaries are in the page of the slot.
            unsafe {
                let byte = slot.value.cast::<u8>().offset(at);
                // A canary is random: a value of our own could be what stands there.
                byte.write_volatile(!byte.read_volatile());
            }
            drop(slot);
            std::process::exit(0);
        }
        let name = "secret::memory::arena::tests::an_overwritten_canary_is_noticed_on_both_sides";
        let run = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args([name, "--exact", "--nocapture"])
            .env(marker, at.to_string())
            .output()
            .expect("it runs");
        assert!(!run.status.success());
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(said.contains("memory of a key was overwritten"), "{said}");
    }
}

#[test]
fn what_is_granted_is_reported() {
    let slot = Slot::<Secret>::new([3; 32]);
    let found = protection();
    assert!(found.secrets >= 1 && found.locked_bytes + found.unlocked_bytes > 0, "{found:?}");
    assert_eq!(found.locked.is_on(), found.unlocked_bytes == 0, "{found:?}");
    #[cfg(all(target_os = "linux", not(miri)))]
    assert!(
        found.guarded.is_on() && found.no_dump.is_on() && found.gone_on_fork.is_on(),
        "{found:?}"
    );
    drop(slot);
}

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn a_forked_child_has_none_of_its_parents_secrets_and_can_have_its_own() {
    use std::os::unix::fs::FileExt;
    let mut slot = Slot::<Secret>::new([0x6b; 32]);
    in_forked_child(|| {
        assert!(slot.get().is_none() && slot.get_mut().is_none());
        let memory = std::fs::File::open("/proc/self/mem").expect("it is ours");
        let mut found = [1; 32];
        let there = memory.read_exact_at(&mut found, slot.value.addr().get() as u64).is_ok();
        assert!(!there || found == [0; 32]);
        // Dropping what the parent has touches nothing.
        slot = Slot::new([0x6c; 32]);
        assert_eq!(slot.get(), Some(&[0x6c; 32]));
    });
    assert_eq!(slot.get(), Some(&[0x6b; 32]));
}
