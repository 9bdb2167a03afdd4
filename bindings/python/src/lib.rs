// SPDX-License-Identifier: MIT OR Apache-2.0
//! The place of the Python face. There is no module yet.
