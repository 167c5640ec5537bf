//! Keys, charter and credentials.
