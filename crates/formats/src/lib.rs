//! Readers and writers of every file that enters or leaves the engine.
