//! Rules of the configuration as tables.
