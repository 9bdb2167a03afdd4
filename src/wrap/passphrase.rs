// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recipient type 2: a passphrase, stretched with Argon2id (format.md 5.3, RFC 9106).

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::{Binding, Class, Entry, KeyWrap, OpenedVia, Shape, Trials, Unwrap};
use crate::derive;
use crate::error::{Error, Result};
use crate::format::entry::{PASSPHRASE_LEN, WRAPPED_LEN};
use crate::format::writer::Writer;
use crate::id::{RecipientKind, Suite, Wanted};
use crate::primitives::argon2id;
use crate::rng::Random;
use crate::secret::{Data, Key};

/// Longest passphrase, in bytes.
pub const MAX_LEN: usize = 65_536;

/// What Argon2id costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// Memory in KiB.
    pub m_kib: u32,
    /// Passes over the memory.
    pub t: u32,
    /// Lanes.
    pub p: u8,
}

impl Params {
    /// 64 MiB, 3 passes, 4 lanes: RFC 9106 section 4, second recommended option.
    pub const DEFAULT: Params = Params { m_kib: 64 * 1024, t: 3, p: 4 };

    /// format.md 5.3: what may be spent at all.
    const HARD_LIMIT: Limit = Limit { m_kib: 1 << 20, t: 16, p: 16, m_times_t: 4 << 20 };
}

impl Default for Params {
    fn default() -> Self {
        Params::DEFAULT
    }
}

/// The most that opening may spend.
#[derive(Clone, Copy, Debug)]
struct Limit {
    m_kib: u32,
    t: u32,
    p: u8,
    m_times_t: u64,
}

impl Limit {
    fn check(&self, params: Params) -> Result<()> {
        let Params { m_kib, t, p } = params;
        if p == 0 || t == 0 || m_kib < 8 * u32::from(p) {
            return Err(Error::format("5.3", "not costs of Argon2id"));
        }
        let cost = u64::from(m_kib) * u64::from(t);
        if m_kib > self.m_kib || t > self.t || p > self.p || cost > self.m_times_t {
            return Err(Error::Limit("the passphrase's Argon2id costs are above the limit"));
        }
        Ok(())
    }
}

/// A passphrase, as a recipient when sealing and as a key when opening.
pub struct Passphrase {
    bytes: Zeroizing<Vec<u8>>,
    params: Params,
    max_m_kib: u32,
}

impl Passphrase {
    /// Takes the passphrase's UTF-8 bytes as they are.
    ///
    /// # Errors
    /// `Misuse` where it is empty or longer than 65,536 bytes.
    pub fn new(passphrase: &str) -> Result<Self> {
        if passphrase.is_empty() {
            return Err(Error::Misuse("the passphrase is empty"));
        }
        if passphrase.len() > MAX_LEN {
            return Err(Error::Misuse("the passphrase is longer than 65,536 bytes"));
        }
        Ok(Passphrase {
            bytes: Zeroizing::new(passphrase.as_bytes().to_vec()),
            params: Params::DEFAULT,
            max_m_kib: Params::HARD_LIMIT.m_kib,
        })
    }

    /// Other costs for sealing.
    ///
    /// # Errors
    /// `Misuse` where a reader would refuse them.
    pub fn with_params(mut self, params: Params) -> Result<Self> {
        Params::HARD_LIMIT
            .check(params)
            .map_err(|_| Error::Misuse("readers refuse these Argon2id costs"))?;
        self.params = params;
        Ok(self)
    }

    /// Refuses to spend more memory than this when opening. It can only lower the limit of 1 GiB.
    pub fn with_max_memory_kib(mut self, m_kib: u32) -> Self {
        self.max_m_kib = self.max_m_kib.min(m_kib);
        self
    }
}

impl KeyWrap for Passphrase {
    fn shape(&self) -> Result<Shape> {
        Ok(Shape {
            kind: RecipientKind::Passphrase,
            body_len: PASSPHRASE_LEN,
            class: Class::Passphrase,
            hidden: false,
            suite: Suite::Cobblestone256,
            wanted: Wanted::Recipient(RecipientKind::Passphrase),
        })
    }

    fn wrap_key(
        &self,
        binding: &Binding,
        data_key: &Key<Data>,
        random: &mut dyn Random,
        body: &mut [u8],
    ) -> Result<()> {
        let Params { m_kib, t, p } = self.params;
        let mut salt = [0; 16];
        random.fill(&mut salt)?;
        let mut writer = Writer::new(body);
        writer.put(&m_kib.to_be_bytes()).put(&t.to_be_bytes()).put(&[p]).put(&salt);
        let wrapped = writer.reserve(WRAPPED_LEN);
        writer.finish();
        let stretched = argon2id(&self.bytes, &salt, m_kib, t, p)?;
        let key = derive::passphrase_key(&stretched, binding.suite, m_kib, t, p);
        super::wrap_value(&key, binding.suite, binding, data_key, random, wrapped)
    }

    fn unwrap_key(
        &self,
        binding: &Binding,
        entry: &Entry<'_>,
        trials: &mut Trials,
        data_key: &mut Key<Data>,
    ) -> Result<Unwrap> {
        let Entry::Passphrase { m_kib, t, p, salt, wrapped } = *entry else {
            return Ok(Unwrap::NotAtHand);
        };
        // Refused before anything is spent (format.md 5.3).
        let limit = Limit { m_kib: self.max_m_kib, ..Params::HARD_LIMIT };
        limit.check(Params { m_kib, t, p })?;
        trials.spend_argon2()?;
        let stretched = argon2id(&self.bytes, salt, m_kib, t, p)?;
        let key = derive::passphrase_key(&stretched, binding.suite, m_kib, t, p);
        let opened = super::unwrap_value(&key, binding.suite, binding, wrapped, data_key);
        Ok(match opened {
            true => Unwrap::Opened(OpenedVia::Passphrase),
            false => Unwrap::Failed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_costs_are_the_second_that_rfc_9106_recommends() {
        let usual = Passphrase::new("correct horse").expect("allowed").params;
        assert_eq!((usual.m_kib, usual.t, usual.p), (65_536, 3, 4), "format.md 5.3");
        assert_eq!(Params::default(), usual);
    }

    #[test]
    fn each_cost_is_taken_up_to_its_limit_and_not_beyond() {
        let limit = Limit { m_kib: 64, t: 4, p: 4, m_times_t: 200 };
        let taken = [(64, 3, 4), (50, 4, 4), (64, 1, 1), (16, 4, 1), (8, 1, 1), (16, 1, 2)];
        let too_much = [(65, 1, 1), (16, 5, 1), (40, 1, 5), (51, 4, 4)];
        let none = [(7, 1, 1), (15, 1, 2), (64, 1, 0), (64, 0, 1)];
        let check = |(m_kib, t, p)| limit.check(Params { m_kib, t, p });
        for costs in taken {
            assert!(check(costs).is_ok(), "{costs:?}");
        }
        for costs in too_much {
            assert!(matches!(check(costs), Err(Error::Limit(_))), "{costs:?}");
        }
        for costs in none {
            assert!(matches!(check(costs), Err(Error::Format { .. })), "{costs:?}");
        }
    }
}
