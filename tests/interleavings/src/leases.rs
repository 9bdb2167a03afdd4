// SPDX-License-Identifier: MIT OR Apache-2.0

/// What must hold of a meter, whichever file it was made of.
#[cfg(test)]
pub(crate) mod leases {
    use super::*;
    use shuttle::thread;

    /// A store that counts what it granted.
    #[derive(Default)]
    struct Ledger {
        messages: Mutex<u64>,
        failed_opens: Mutex<u64>,
    }

    const LIMIT: u64 = 7;

    impl Grantor for Ledger {
        fn grant(&self, _: VersionId, bytes: u64, failed_opens: u64) -> Result<Grant> {
            *lock(&self.failed_opens) += failed_opens;
            let mut granted = lock(&self.messages);
            let messages = (LIMIT - *granted).min(3);
            if messages == 0 {
                return Err(FULL);
            }
            *granted += messages;
            let usage = Usage { messages: *granted, bytes: 0, failed_opens: *lock(&self.failed_opens) };
            Ok(Grant { messages, bytes: bytes * messages, usage })
        }
    }

    fn leased() -> (Arc<Ledger>, Arc<Meter>) {
        let ledger = Arc::new(Ledger::default());
        let as_grantor: Arc<dyn Grantor> = ledger.clone();
        let meter = Meter::leasing(Arc::downgrade(&as_grantor), Usage::default());
        (ledger, meter)
    }

    const VERSION: VersionId = VersionId(1);

    /// Charges so often, and says how many were allowed.
    fn sealer(meter: &Arc<Meter>, times: u64) -> thread::JoinHandle<u64> {
        let meter = Arc::clone(meter);
        thread::spawn(move || (0..times).filter(|_| meter.charge(VERSION, 10).is_ok()).count() as u64)
    }

    /// No message is sealed that was not charged to the file first, however many threads seal.
    pub(crate) fn never_past_the_limit() {
        let (ledger, meter) = leased();
        let sealers: Vec<_> = (0..3).map(|_| sealer(&meter, 3)).collect();
        let sealed: u64 = sealers.into_iter().map(|one| one.join().expect("no panic")).sum();
        assert!(sealed <= *lock(&ledger.messages), "{sealed} were sealed");
        assert_eq!(sealed, LIMIT, "nine asked for seven");
    }

    /// What is given back was not used, and is given back once.
    pub(crate) fn given_back_once() {
        let (ledger, meter) = leased();
        let sealers: Vec<_> = (0..2).map(|_| sealer(&meter, 2)).collect();
        let back = {
            let meter = Arc::clone(&meter);
            thread::spawn(move || meter.take_back().messages)
        };
        let sealed: u64 = sealers.into_iter().map(|one| one.join().expect("no panic")).sum();
        let back = back.join().expect("no panic") + meter.take_back().messages;
        assert_eq!(sealed + back, *lock(&ledger.messages), "{sealed} sealed, {back} given back");
    }

    /// Failed opens reach the file or go back, and none twice.
    pub(crate) fn failed_opens_are_counted_once() {
        let (ledger, meter) = leased();
        let counters: Vec<_> = (0..2)
            .map(|_| {
                let meter = Arc::clone(&meter);
                thread::spawn(move || (0..2).for_each(|_| meter.count_failed_open()))
            })
            .collect();
        let sealed = sealer(&meter, 3).join().expect("no panic");
        counters.into_iter().for_each(|one| one.join().expect("no panic"));
        assert_eq!(sealed, 3);
        let back = meter.take_back().failed_opens;
        assert_eq!(*lock(&ledger.failed_opens) + back, 4);
    }

    /// A forked child uses nothing that its parent was granted.
    pub(crate) fn a_child_owns_nothing() {
        let (ledger, meter) = leased();
        meter.charge(VERSION, 10).expect("there is room");
        crate::memory::fork::fork();
        let before = *lock(&ledger.messages);
        let sealers: Vec<_> = (0..2).map(|_| sealer(&meter, 2)).collect();
        let sealed: u64 = sealers.into_iter().map(|one| one.join().expect("no panic")).sum();
        let granted = *lock(&ledger.messages) - before;
        assert!(sealed <= granted, "{sealed} sealed in the child, {granted} granted to it");
    }
}
