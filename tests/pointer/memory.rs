//! A pointer in memory, and one that fails where a test wants it to.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use wfgy_core::{Deadline, Pointer, PointerState, PortError, Strength, Swap};
use wfgy_pointer::AliasName;

/// Pointers that live as long as this does.
#[derive(Default)]
pub struct MemoryPointer(Mutex<BTreeMap<String, PointerState>>);

impl Pointer for MemoryPointer {
    fn strength(&self) -> Strength {
        Strength::NativeCas
    }

    fn list(&self, _: Deadline) -> Result<Vec<String>, PortError> {
        Ok(self.0.lock().unwrap().keys().cloned().collect())
    }

    fn read(&self, alias: &str, _: Deadline) -> Result<Option<PointerState>, PortError> {
        let alias: AliasName =
            alias.parse().map_err(|e| PortError::permanent("alias", format!("{e}")))?;
        Ok(self.0.lock().unwrap().get(alias.as_str()).cloned())
    }

    fn swap(
        &self,
        expected: Option<&PointerState>,
        next: &PointerState,
        _: Deadline,
    ) -> Result<Swap, PortError> {
        let alias: AliasName =
            next.alias.parse().map_err(|e| PortError::permanent("alias", format!("{e}")))?;
        let mut pointers = self.0.lock().unwrap();
        let now = pointers.get(alias.as_str());
        let place = |state: &PointerState| (state.target.clone(), state.epoch);
        if now.map(place) != expected.map(place) {
            return Ok(Swap::Conflict(now.cloned().map(Box::new)));
        }
        if next.journal_head.is_none() {
            return Err(PortError::permanent(alias.as_str(), "no record announced the state"));
        }
        if expected.is_some_and(|expected| next.epoch <= expected.epoch) {
            return Err(PortError::permanent(alias.as_str(), "the epoch does not grow"));
        }
        pointers.insert(alias.as_str().to_owned(), next.clone());
        Ok(Swap::Moved)
    }
}

/// How a [`Faulty`] pointer fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The write never arrives.
    Lost,
    /// The write arrives, its answer does not.
    Unanswered,
    /// The write arrives, and from then on nothing answers.
    Gone,
    /// Somebody else moves the pointer just before the write.
    Overtaken,
}

/// A pointer that fails in one way at its next swap, and once gone at every read.
pub struct Faulty<'a> {
    pub inner: &'a dyn Pointer,
    pub fault: Fault,
    gone: Mutex<bool>,
}

impl<'a> Faulty<'a> {
    pub fn new(inner: &'a dyn Pointer, fault: Fault) -> Self {
        Self { inner, fault, gone: Mutex::new(false) }
    }
}

fn silence() -> PortError {
    PortError::Deadline { part: "pointer".to_owned() }
}

impl Pointer for Faulty<'_> {
    fn strength(&self) -> Strength {
        self.inner.strength()
    }

    fn list(&self, deadline: Deadline) -> Result<Vec<String>, PortError> {
        self.inner.list(deadline)
    }

    fn read(&self, alias: &str, deadline: Deadline) -> Result<Option<PointerState>, PortError> {
        match *self.gone.lock().unwrap() {
            true => Err(silence()),
            false => self.inner.read(alias, deadline),
        }
    }

    fn swap(
        &self,
        expected: Option<&PointerState>,
        next: &PointerState,
        deadline: Deadline,
    ) -> Result<Swap, PortError> {
        match self.fault {
            Fault::Lost => Err(silence()),
            Fault::Unanswered => {
                self.inner.swap(expected, next, deadline)?;
                Err(silence())
            }
            Fault::Gone => {
                self.inner.swap(expected, next, deadline)?;
                *self.gone.lock().unwrap() = true;
                Err(silence())
            }
            Fault::Overtaken => {
                let other = PointerState { target: "/elsewhere".to_owned(), ..next.clone() };
                self.inner.swap(expected, &other, deadline)?;
                self.inner.swap(expected, next, deadline)
            }
        }
    }
}
