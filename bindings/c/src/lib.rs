// SPDX-License-Identifier: MIT OR Apache-2.0
//! The place of the C face. There is no header yet.
